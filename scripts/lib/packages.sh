# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC3013 # used by those who source it; dash has -ot
# What a bare Debian 12 lacks, and how the tree is built. Sourced by scripts/demo and scripts/check, from the top folder.

packages_build='gcc make autoconf automake pkg-config libc6-dev libevent-dev libprotobuf-c-dev protobuf-c-compiler
	libcapstone-dev libcriterion-dev libsystemd-dev libseccomp-dev libjansson-dev'
packages_host='qemu-system-x86 busybox-static cpio kmod util-linux'
packages_test="$packages_host clang libclang-rt-14-dev systemd systemd-sysv dbus shellcheck mandoc spin gcovr xz-utils procps"

# packages_install PACKAGE...: those that are missing, by apt-get. Says what it does on stderr, fails with the remedy.
packages_install()
{
	missing=
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "shadowpool: packages are missing; run this as root, or: apt-get install$missing" >&2
		return 1
	fi
	echo "shadowpool: installing$missing" >&2
	apt_log=$(mktemp) || return 1
	export DEBIAN_FRONTEND=noninteractive
	rc=0
	# shellcheck disable=SC2086 # a list of words
	{ apt-get -o DPkg::Lock::Timeout=300 -q update &&
		apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends install $missing; } >"$apt_log" 2>&1 || rc=1
	[ $rc = 0 ] || { tail -n 20 "$apt_log" >&2; echo "shadowpool: apt-get failed; the lines above say why" >&2; }
	rm -f "$apt_log"
	return $rc
}

# configure_tree DIR CONFIGURE-ARGUMENT...: a build folder out of tree, quietly. build_tree: built as well.
configure_tree()
{
	dir=$1
	shift
	if [ ! -x configure ] || [ configure -ot configure.ac ]; then
		./autogen.sh >build/autogen.log 2>&1 || { cat build/autogen.log >&2; return 1; }
	fi
	mkdir -p "$dir" || return 1
	if [ ! -f "$dir/Makefile" ] || [ "$dir/Makefile" -ot configure ]; then
		top=$PWD
		(cd "$dir" && "$top/configure" -q "$@") || return 1
	fi
}
build_tree() { configure_tree "$@" && make -s -C "$1" -j"$(nproc)"; }
