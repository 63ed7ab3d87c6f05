#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A trace of a real guest, from `run --trace` to `replay`: it replays bit by bit without KVM or daemons; a flipped byte
# anywhere is noticed; other pools run the same guest.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

trace=$work/trace
replay() { "$ctl" replay "$@" >"$work/replay" 2>"$work/err"; }

# Pages of 4 KiB: the test must not depend on free hugepages.
guest 0 churn --pool 2M --pool-pages 4k --cmdline edits=150 --timeout $((60 * scale)) --trace "$trace" || finish
counters 'pool.trace_records>1000' pool.trace_dropped=0
[ -s "$trace" ] || { fail "no trace"; finish; }
replay --check "$trace" || { fail "the trace does not replay"; show "$work/replay" "$work/err"; }
replay --check --json "$trace"
"$json" 'calls>500' complete=true checked=true difference=null other_answers=0 unknown_words=0 <"$work/replay" ||
	fail "replay --check --json"

# ---- damage: one flipped byte in a sample of offsets
size=$(stat -c %s "$trace")
missed=0
for ((i = 0; i < 60; i++)); do
	at=$((i < 40 ? i * 3 : (i - 40) * (size / 20) + i * 31))
	cp "$trace" "$work/damaged"
	byte=$(od -An -tu1 -j $at -N 1 "$trace")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x $((byte ^ 1 << i % 8)))" | dd of="$work/damaged" bs=1 seek=$at conv=notrunc status=none
	replay --check "$work/damaged"
	case $? in
	7) ;;
	1) grep -q 'offset\|not a trace\|version' "$work/err" || fail "byte $at: $(cat "$work/err")" ;;
	*) missed=$((missed + 1)) ;;
	esac
done
[ $missed = 0 ] || fail "$missed of 60 flipped bytes were not noticed"
head -c $((size / 2)) "$trace" >"$work/damaged"
replay --check "$work/damaged" && fail "half a block is taken"
grep -q 'offset' "$work/err" || fail "a cut file without an offset"

# ---- the same guest with other pools: each says what the recorded one says, and what the guest's tables say
others() # FILE CALLS COMPARISONS OPTION...
{
	local other file=$1 calls=$2 comparisons=$3
	shift 3
	for other; do
		replay --json "$other" "$file" || { fail "$other"; show "$work/replay" "$work/err"; }
		"$json" "calls>$calls" complete=true pool.audit_violations=0 pool.errors_corrupt=0 pool.errors_inval=0 \
			"comparisons>$comparisons" "compared_addresses>$comparisons" difference=null around=null <"$work/replay" 2>"$work/json" ||
			fail "$other: $(cat "$work/json")"
	done
}
others "$trace" 500 20 --pool=2M --policy=prefetch=1 --policy=cache=off --policy=hot-limit=4,cached-roots=2

# ---- 32-bit, PAE, 64-bit and unpaged, all in one
guest 0 tour --pool 4M --pool-pages 4k --timeout $((60 * scale)) --trace "$work/tour"
replay --check "$work/tour" || { fail "the tour does not replay"; show "$work/replay" "$work/err"; }
others "$work/tour" 100 3 --pool=2M --pool=64M --policy=prefetch=1 --policy=cache=off --policy=hot-limit=4,cached-roots=2 \
	--policy=format=f32 --policy=unsync=0 --policy=large-leaves=on

# ---- a broken entry: as it was recorded it replays; side by side with another pool it shows, with both ways to it
"$ctl" run --timeout $((60 * scale)) --inject-poison 20 --pool 2M --pool-pages 4k --trace "$work/broken" "$guests/churn.elf" \
	>"$work/out" 2>"$work/err" </dev/null
replay --check "$work/broken" || { fail "a broken pool does not replay"; show "$work/replay" "$work/err"; }
replay --policy prefetch=1 "$work/broken"
code=$?
[ $code = 7 ] && grep -q '^call [0-9]* (' "$work/replay" || { fail "a broken entry: $code"; show "$work/replay" "$work/err"; }
replay --json --policy prefetch=1 "$work/broken"
"$json" 'difference=*' around.calls_agree\>0 'around.call=*' <"$work/replay" 2>"$work/json" || fail "around: $(cat "$work/json")"

replay --policy colour=red "$trace"
[ $? = 2 ] || fail "an unknown policy is no usage error"

# ---- verify: a running guest is sound
"$ctl" run --verbose --pool 2M --pool-pages 4k --timeout $((60 * scale)) "$guests/spin.elf" >"$work/out" 2>"$work/err" \
	</dev/null &
run=$!
await 20 grep -q looping "$work/out" || { fail "spin says nothing"; show "$work/err"; }
runtime=$(sed -n 's/^shadowctl: runtime directory //p' "$work/err")
"$ctl" verify vm --socket "$runtime" >"$work/verify" 2>&1 || { fail "verify: $?"; show "$work/verify"; }
"$ctl" verify vm --full --json --socket "$runtime" >"$work/verify" 2>&1 || { fail "verify --full: $?"; show "$work/verify"; }
"$json" violations_total=0 full=true <"$work/verify" || fail "verify --json"
kill -TERM $run
wait $run
no_leftovers
finish
