#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad neighbours: a guest in a tight loop with interrupts off, one that sets its timers to their fastest for ever and one that
# throws random values at all devices share the daemons with a guest that counts its timer's ticks. That one keeps the rate that it
# has alone, and the daemons go on answering. BESIDE_SECONDS (make check-long: 60), VANDAL_SEED.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

seconds=${BESIDE_SECONDS:-3} seed=${VANDAL_SEED:-1}
limit=$(((60 + 4 * seconds) * scale))
guest 0 pace --timeout $((60 * scale)) --cmdline slices=10 || finish
alone=$(sed -n 's/^pace: the fastest \([0-9]*\).*/\1/p' "$work/out")
[ -n "$alone" ] || { fail "pace prints no rate"; show "$work/out"; finish; }

# conf VM IMAGE CMDLINE
conf() { printf 'image = %s\ncmdline = %s\npool = 2M\npool-pages = 4k\nmem = 128M\n' "$guests/$2.elf" "$3" >"$work/$1.conf"; }
conf loop spin ""
conf storm pace storm=1
conf vandal vandal "accesses=4000000000 seed=$seed"
conf pace pace "slices=$((seconds * 10)) alone=$alone"
"$top_builddir/poold/poold" --runtime-dir "$work" 2>"$work/poold.log" &
poold=$!
"$top_builddir/trapd/trapd" --runtime-dir "$work" --console-out 3 2>"$work/trapd.log" 3>"$work/console" </dev/null &
trapd=$!
ready() { [ -S "$work/poold-attach.sock" ] && "$ctl" list --socket "$work" >/dev/null 2>&1; }
await 20 ready || { fail "the daemons did not get ready"; show "$work/trapd.log" "$work/poold.log"; finish; }
start() { "$ctl" start "$1" --config "$work/$1.conf" --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || { fail "$1: not started"; show "$work/err"; }; }
value() { "$ctl" stats "$1" --json --socket "$work" --timeout $((20 * scale)) | sed -n "s/^ *\"$2\": \([0-9]*\),*$/\1/p"; }
busy() { [ "$(value "$1" "$2")" -gt "$3" ]; }
start pace	# first: the console is its own
pace_begun() { busy pace irqs_delivered 0; }
await 20 pace_begun || fail "pace has no ticks"
for vm in loop storm vandal; do start $vm; done
# The neighbours do what they are here for.
storms() { busy storm irqs_delivered 100; }
vandalises() { busy vandal privileged_emulated 1000; }
await 20 storms || fail "the timer's storm does not rage"
await 20 vandalises || fail "the vandal does nothing"
"$ctl" wait pace --json --socket "$work" --timeout $limit >"$work/stats" 2>"$work/err" || { fail "pace: did not end"; show "$work/err"; }
counters exit_code=0 stop_reason=exit || show "$work/stats"
echo "alone: the fastest $alone"
cat "$work/console"
[ "$("$ctl" list --socket "$work" --timeout $((20 * scale)) | grep -c running)" = 3 ] || fail "not every neighbour runs to the end"
# Whole and in order: they end when they are told to.
for vm in loop storm vandal; do
	"$ctl" stop $vm --socket "$work" --timeout $((20 * scale)) >"$work/err" 2>&1 || { fail "$vm: not stopped"; show "$work/err"; }
	"$ctl" wait $vm --json --socket "$work" --timeout $((20 * scale)) >"$work/stats" 2>"$work/err" && counters stop_reason=requested
done
kill -TERM $trapd && wait $trapd || { fail "trapd: exit code $?"; show "$work/trapd.log"; }
kill -TERM $poold && wait $poold || { fail "poold: exit code $?"; show "$work/poold.log"; }
finish
