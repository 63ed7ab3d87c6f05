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
runtime() { ls -d "$work"/shadowpool-*/ 2>/dev/null; }
requests() { "$ctl" stats vm --socket "$(runtime)" --json --timeout 5 2>/dev/null >"$work/live" && "$json" "$@" <"$work/live" 2>/dev/null; }
over() { ! kill -0 $run 2>/dev/null; }
killed=0 victim=
while [ $killed -lt "$want" ] && ! over; do
	# the one that was killed last has been replaced, and the new one has served this guest
	serving() { over || requests "trapd.recoveries>$((killed - 1))" pool.map_requests\>200; }
	await 30 serving || { fail "no recovery from kill $killed"; break; }
	over && break
	victim=$(pgrep -P $run -x poold) || continue
	kill -KILL "$victim" && killed=$((killed + 1))
done
wait $run || { fail "exit code $?, after poold was killed $killed times"; show "$work/out" "$work/err"; }
echo "poold was killed $killed times"
[ $killed -ge 2 ] || fail "the guest ended before poold could be killed twice"
cmp "$work/quiet" "$work/out" || fail "the console differs"
counters trapd.recoveries\>0 poold_restarts=$killed audit_violations=0
no_leftovers
finish
