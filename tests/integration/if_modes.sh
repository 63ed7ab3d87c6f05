#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whether IF is trapped or native makes no difference to what a guest sees: parts of faults and of the matrix print the same,
# byte for byte, with --if=trap and --if=native. The exits by IN and OUT show that the modes do differ.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

if ! "$ctl" run --if=native --timeout $((20 * scale)) "$guests/hello.elf" >"$work/out" 2>"$work/err" </dev/null; then
	grep -q 'ignores IOPL 3' "$work/err" && skip "this host has no native IF"
	fail "hello --if=native"
	show "$work/out" "$work/err"
fi
# compare NAME CMDLINE
compare()
{
	guest 0 "$1" --if=trap --timeout $((60 * scale)) --cmdline "$2" && counters trapd.exit_io=0 trapd.trap_gp\>100 || return
	tail -n 1 "$work/out" | grep -q "^$1: ok" || fail "$1 does not end with its verdict"
	mv "$work/out" "$work/trap"
	guest 0 "$1" --if=native --timeout $((60 * scale)) --cmdline "$2" && counters trapd.exit_io\>100 || return
	cmp "$work/trap" "$work/out" || { fail "$1 prints something else with --if=native"; diff "$work/trap" "$work/out" | show; }
}
compare faults one_in=100
compare matrix slices=400
no_leftovers
finish
