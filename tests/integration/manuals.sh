#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemons' manual pages know what the programs know; all pages are well-formed.
failed=0

# manual_knows PROGRAM LEAST-KEYS LEAST-OPTIONS [KEY...]: keys and options of --help (and KEYs), and default paths of
# PROGRAM's config.c and config.h, are in PROGRAM(8) and PROGRAM.conf(5); both pages are well-formed.
manual_knows() {
	name=$1 least_keys=$2 least_options=$3 page=$top_srcdir/man/$1.8 conf=$top_srcdir/man/$1.conf.5
	shift 3
	help=$(timeout 10 "$top_builddir/$name/$name" --help) || { echo "FAIL: $name --help: exit code $?"; failed=1; }
	keys=$(echo "$help" | sed -n '/^keys:/,$s/^  \([a-z-]*\) .*/\1/p')
	options=$(echo "$help" | grep -o -- '--[a-z-]*' | sort -u)
	[ "$(echo "$keys" | wc -w)" -ge "$least_keys" ] && [ "$(echo "$options" | wc -w)" -ge "$least_options" ] ||
		{ echo "FAIL: $name --help is too short"; failed=1; }
	for key in $keys "$@"; do
		grep -q "^\.It Cm $key\$" "$conf" || { echo "FAIL: $name.conf(5) lacks $key"; failed=1; }
	done
	for option in $options; do
		grep -q "Fl -${option#--}" "$page" || { echo "FAIL: $name(8) lacks $option"; failed=1; }
	done
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$page" "$conf" || failed=1
	fi
	paths=$(find "$top_srcdir/$name" -name 'config.[ch]' -exec grep -oh '"/\(run\|etc\)/shadowpool/[^"]*"' {} + | tr -d '"')
	[ "$(echo "$paths" | wc -w)" -ge 2 ] || { echo "FAIL: no default paths of $name found"; failed=1; }
	for path in $paths; do
		grep -qF "$path" "$conf" || { echo "FAIL: $name.conf(5) does not name $path"; failed=1; }
	done
}

vm_keys=$(sed -n 's/.*KEY("\([a-z-]*\)".*/\1/p' "$top_srcdir/common/vm_conf.c")
[ "$(echo "$vm_keys" | wc -l)" -ge 7 ] || { echo "FAIL: too few keys of a VM"; failed=1; }
# shellcheck disable=SC2086 # words
manual_knows trapd 6 7 $vm_keys
manual_knows poold 8 7
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$top_srcdir/man/shadowctl.1" || failed=1
fi
exit $failed
