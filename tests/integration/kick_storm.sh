#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signals at 10 kHz to the vCPU threads during churn change nothing but the time: same console, byte for byte, same exit code.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

options=(--pool 2M --timeout $((50 * scale)) --cmdline "edits=${CHURN_EDITS:-600} seed=7")
guest 0 churn "${options[@]}"
mv "$work/out" "$work/quiet"

"$ctl" run --stats "$work/stats" "${options[@]}" "$guests/churn.elf" >"$work/out" 2>"$work/err" </dev/null &
run=$!
await 10 pgrep -P $run -x trapd >/dev/null || fail "no trapd"
"$top_builddir/tests/integration/kick_storm" "$(pgrep -P $run -x trapd)" 10000 "$(kill -l USR1)" >"$work/sent" || fail "no signal was sent"
wait $run || { fail "exit code $? under the storm"; show "$work/out" "$work/err"; }
cmp "$work/quiet" "$work/out" || fail "the console differs"
counters trapd.exit_interrupted\>0
echo "$(cat "$work/sent") signals sent"
[ "$(cat "$work/sent")" -gt 1000 ] || fail "no storm: $(cat "$work/sent") signals"
no_leftovers
finish
