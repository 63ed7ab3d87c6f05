#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# poold is killed again and again under a guest that checks every access: the guest goes on and ends well.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

want=${RECOVERY_KILLS:-5}
guest 0 churn --pool 2M --timeout $((50 * scale)) --cmdline "edits=500 seed=3"
mv "$work/out" "$work/quiet"
"$ctl" run --audit --stats "$work/stats" --pool 2M --timeout $((50 * scale)) --cmdline "edits=500 seed=3" "$guests/churn.elf" \
	>"$work/out" 2>"$work/err" </dev/null &
run=$!
kill_poold "$want" 200
[ $killed -ge 2 ] || fail "the guest ended before poold could be killed twice"
cmp "$work/quiet" "$work/out" || fail "the console differs"
counters trapd.recoveries\>0 poold_restarts=$killed audit_violations=0
no_leftovers
finish
