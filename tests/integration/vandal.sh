#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that throws random values at ports, MSRs and devices: it ends by itself, its daemons take no harm, and another VM of
# the same daemons works on meanwhile. VANDAL_ACCESSES: how many (make check-long: more), VANDAL_SEED.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

accesses=${VANDAL_ACCESSES:-20000} seed=${VANDAL_SEED:-1}
limit=$(((60 + accesses / 500) * scale))
echo "vandal: $accesses accesses, seed $seed"
printf 'image = %s\ncmdline = %s\npool = 2M\npool-pages = 4k\nmem = 128M\n' "$guests/vandal.elf" "accesses=$accesses seed=$seed" >"$work/vandal.conf"
printf 'image = %s\ncmdline = %s\npool = 4M\npool-pages = 4k\nmem = 128M\n' "$guests/user.elf" "loops=1000" >"$work/user.conf"
"$top_builddir/poold/poold" --runtime-dir "$work" 2>"$work/poold.log" &
poold=$!
"$top_builddir/trapd/trapd" --runtime-dir "$work" 2>"$work/trapd.log" >/dev/null </dev/null &
trapd=$!
ready() { [ -S "$work/poold-attach.sock" ] && "$ctl" list --socket "$work" >/dev/null 2>&1; }
await 20 ready || { fail "the daemons did not get ready"; show "$work/trapd.log" "$work/poold.log"; finish; }
for vm in vandal user; do
	"$ctl" start $vm --config "$work/$vm.conf" --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || { fail "$vm: not started"; show "$work/err"; }
done
for vm in vandal user; do
	"$ctl" wait $vm --json --socket "$work" --timeout $limit >"$work/stats" 2>"$work/err" || { fail "$vm: did not end"; show "$work/err"; }
	counters exit_code=0 stop_reason=exit || show "$work/stats"
done
# Both are still there and whole: another VM runs.
"$ctl" start again --config "$work/user.conf" --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || fail "no VM afterwards"
"$ctl" wait again --json --socket "$work" --timeout $limit >"$work/stats" 2>"$work/err" && counters exit_code=0 stop_reason=exit
kill -TERM $trapd && wait $trapd || { fail "trapd: exit code $?"; show "$work/trapd.log"; }
kill -TERM $poold && wait $poold || { fail "poold: exit code $?"; show "$work/poold.log"; }
finish
