#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Nobody but the pool library writes shadow entries: guests run under daemons whose poold traces every call; afterwards
# the tables that the guest left behind are what the library makes of the same calls offline.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm
give_up() { echo "FAIL: $*"; show "$work/log"; exit 1; }
ready() { "$ctl" list --socket "$work" >/dev/null 2>&1 && [ -S "$work/poold-attach.sock" ]; }

# run NAME POOL CMDLINE: a guest from attach to detach, then the replay
run()
{
	local poold trapd

	: >"$work/log"
	printf 'image = %s\ncmdline = %s\npool = %s\npool-pages = 4k\nmem = 128M\n' "$guests/$1.elf" "$3" "$2" >"$work/vm.conf"
	"$top_builddir/poold/poold" --runtime-dir "$work" --trace "$work/trace" 2>>"$work/log" &
	poold=$!
	"$top_builddir/trapd/trapd" --runtime-dir "$work" 2>>"$work/log" >/dev/null </dev/null &
	trapd=$!
	await 10 ready || give_up "the daemons did not get ready"
	"$ctl" start g --config "$work/vm.conf" --socket "$work" --timeout 20 >>"$work/log" 2>&1 || give_up "$1: not started"
	"$ctl" wait g --json --socket "$work" --timeout 100 >"$work/end" 2>>"$work/log" || give_up "$1: did not end"
	"$json" exit_code=0 stop_reason=exit <"$work/end" 2>>"$work/log" || give_up "$1: ended otherwise: $(cat "$work/end")"
	{ kill -TERM $trapd && wait $trapd; } || give_up "trapd: exit code $?"
	{ kill -TERM $poold && wait $poold; } || give_up "poold: exit code $?"
	"$ctl" replay --check "$work/trace" || give_up "$1: the arena is not the library's"
}

run tour 16M ''
run churn 2M 'edits=600'
