#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# trapd's command line and configuration files: exit codes of -n, messages that name what is wrong, manual pages that
# know what the program knows.
trapd=$top_builddir/trapd/trapd
dir=$(mktemp -d "${TMPDIR:-/tmp}/trapd_config.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

# expect CODE WORD ARGS...: exit code, one line at most, and a word of it ("" for none)
expect()
{
	code=$1
	word=$2
	shift 2
	timeout 10 "$trapd" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	if [ $rc -ne "$code" ]; then
		echo "FAIL: trapd $*: exit code $rc, not $code"
		failed=1
	elif [ -n "$word" ] && ! grep -q -- "$word" "$dir/err"; then
		echo "FAIL: trapd $*: no '$word'"
		failed=1
	elif [ "$(wc -l <"$dir/err")" -gt 1 ]; then
		echo "FAIL: trapd $*: more than one line"
		failed=1
	else
		return
	fi
	cat "$dir/err"
}

mkdir "$dir/vm.d"
cat >"$dir/good" <<END
# all keys
control-socket = $dir/control.sock
attach-socket = $dir/attach.sock
vm-dir = $dir/vm.d
log-level = debug
max-vms = 3
allow-inject = no
END
expect 0 '' -n -c "$dir/good"
expect 2 'none' -n -c "$dir/none"
echo 'control-sockt = x' >"$dir/unknown"
expect 2 'control-socket' -n -c "$dir/unknown"
expect 2 'unknown:1' -n -c "$dir/unknown"
expect 2 'max-vms' -n -o max-vms=0
expect 2 'KEY=VALUE' -n -o max-vms
expect 2 'log-level' -n -o log-level=loud
expect 2 'unknown option' --nothing
expect 2 'needs a value' -c
expect 2 'no arguments' -n something
expect 2 'descriptor' --console-in x
expect 1 'descriptor' --runtime-dir "$dir" --console-out 77
expect 1 'directory does not exist' --runtime-dir "$dir/none"
expect 1 'longer than a socket address' --runtime-dir "$dir/$(printf '%0120d' 0)"
: >"$dir/trapd-control.sock"
expect 1 'no socket' --runtime-dir "$dir"
[ -f "$dir/trapd-control.sock" ] || { echo "FAIL: trapd removed a file that is no socket"; failed=1; }

# -n reads the files of all VMs, and no others
echo 'image = /x' >"$dir/vm.d/good.conf"
expect 0 '' -n -c "$dir/good"
echo 'nonsense' | tee "$dir/vm.d/README" "$dir/vm.d/Bad_Name.conf" "$dir/vm.d/a.conf.old" >/dev/null
expect 0 '' -n -c "$dir/good"
for line in 'mem = 16M' 'image =' 'image = /x
mem = 3G7' 'image = /x
mem = 4097K
pool = 64G' 'image = /x
audit = maybe' 'image = /x
memory = 4M'; do
	echo "$line" >"$dir/vm.d/bad.conf"
	expect 2 'bad.conf' -n -c "$dir/good"
done

. "$top_srcdir/tests/integration/manual_knows.sh"
vm_keys=$(sed -n 's/.*KEY("\([a-z-]*\)".*/\1/p' "$top_srcdir/common/vm_conf.c")
[ "$(echo "$vm_keys" | wc -l)" -ge 7 ] || { echo "FAIL: too few keys of a VM"; failed=1; }
# shellcheck disable=SC2086
manual_knows trapd 6 7 $vm_keys
exit $failed
