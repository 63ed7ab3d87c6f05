#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `shadowctl trace` of a VM that runs: the guest does not notice, the trace starts from an empty pool and replays bit by
# bit, however it ends; what cannot be traced is refused and the VM goes on.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

"$ctl" run --verbose --pool 4M --pool-pages 4k --audit --stats "$work/stats" --timeout $((100 * scale)) \
	--cmdline "edits=100000000" "$guests/churn.elf" >"$work/out" 2>"$work/run.err" </dev/null &
run=$!
runtime() { sed -n 's/^shadowctl: runtime directory //p' "$work/run.err"; }
await 20 grep -qs 'runtime directory' "$work/run.err" || { fail "no run"; show "$work/run.err"; finish; }
at=$(runtime)
requests() { "$ctl" stats vm --socket "$at" --json 2>/dev/null | "$json" "$@" 2>/dev/null; }
await 20 requests pool.map_requests\>500 || { fail "the guest does nothing"; finish; }

# trace NAME FILE OPTIONS...: in the background, as $trace; begun: it records
trace()
{
	local name=$1 file=$2
	shift 2
	rm -f "$work/trace.err"		# or begun() would see the last one's
	"$ctl" trace "$name" --out "$file" --socket "$at" "$@" >"$work/trace.out" 2>"$work/trace.err" &
	trace=$!
}
begun() { grep -qs '^shadowctl: recording' "$work/trace.err"; }
# The counter of the last link may still be shown: what is in the file is what counts.
recorded() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 200000 ]; }
replays()
{
	"$ctl" replay --check --json "$1" >"$work/replay" 2>"$work/err" || { fail "$1 does not replay"; show "$work/replay" "$work/err"; return; }
	"$json" complete=true checked=true difference=null calls\>"$2" unknown_words=0 <"$work/replay" 2>"$work/json" ||
		fail "$1: $(cat "$work/json")"
}

# ---- for a time; meanwhile nobody else may
trace vm "$work/a" --duration 1
await 10 begun || { fail "it does not begin"; show "$work/trace.err"; finish; }
"$ctl" trace vm --out "$work/b" --socket "$at" >"$work/out2" 2>"$work/err"
[ $? = 1 ] && grep -q 'traced already' "$work/err" || fail "two at a time: $(cat "$work/err")"
[ -e "$work/b" ] && fail "a refused trace leaves its file"
wait $trace || { fail "trace --duration: $?"; show "$work/trace.err"; }
grep -q 'ended by: duration' "$work/trace.out" || fail "$(cat "$work/trace.out")"
replays "$work/a" 100
requests trapd.recoveries=1 || fail "a trace is one attach"

# ---- until a signal; what was in the file is replaced
for signal in INT TERM; do
	head -c 3000000 /dev/zero >"$work/b"
	trace vm "$work/b"
	await 10 begun || fail "it does not begin"
	await 20 recorded "$work/b" || fail "nothing is recorded"
	kill -$signal $trace
	wait $trace || { fail "trace, SIG$signal: $?"; show "$work/trace.err"; }
	grep -q 'ended by: signal' "$work/trace.out" || fail "$(cat "$work/trace.out")"
	replays "$work/b" 100
done
"$ctl" trace vm --out "$work/b" --socket "$at" --duration 0.2 --json >"$work/out2" 2>"$work/err" || fail "trace --json"
"$json" name=vm ended_by=duration calls\>0 records\>0 bytes="$(stat -c %s "$work/b")" <"$work/out2" || fail "trace --json"

# ---- a number of records: ends with the call that makes it (its pages and words before it), digest and end mark
"$ctl" trace vm --out "$work/n" --socket "$at" --count 3000 --json >"$work/out2" 2>"$work/err" || fail "trace --count: $(cat "$work/err")"
"$json" ended_by=count records\>2999 calls\>100 bytes="$(stat -c %s "$work/n")" <"$work/out2" || fail "trace --count: $(cat "$work/out2")"
"$json" records\>4000 <"$work/out2" 2>/dev/null && fail "many more records than wanted: $(cat "$work/out2")"
replays "$work/n" 100
# Fewer than the VM makes before it has attached.
"$ctl" trace vm --out "$work/n" --socket "$at" --count 1 >"$work/out2" 2>"$work/err" || fail "trace --count 1: $(cat "$work/err")"
grep -q 'ended by: count' "$work/out2" || fail "$(cat "$work/out2")"
replays "$work/n" 0
rm "$work/n"

# ---- the client is killed: the end mark is there all the same
trace vm "$work/c"
await 10 begun || fail "it does not begin"
await 20 recorded "$work/c" || fail "nothing is recorded"
kill -KILL $trace
wait $trace 2>/dev/null
complete() { "$ctl" replay --json "$work/c" 2>/dev/null | "$json" complete=true 2>/dev/null; }
await 20 complete || fail "a client that is killed leaves no end mark"
replays "$work/c" 100

# ---- refusals
refused()
{
	local code=$1 word=$2
	shift 2
	"$ctl" trace "$@" --socket "$at" >"$work/out2" 2>"$work/err"
	[ $? = "$code" ] || fail "trace $*: not $code: $(cat "$work/err")"
	grep -q -- "$word" "$work/err" || fail "trace $*: $(cat "$work/err")"
}
refused 3 'not attached' nobody --out "$work/n"
refused 2 'regular' vm --out /dev/null
refused 1 'cannot write' vm --out "$work/no/such"
refused 2 'out' vm
refused 2 'duration' vm --out "$work/n" --duration -1
for count in 0 -1 x 99999999999999999999 ''; do
	refused 2 'count' vm --out "$work/n" "--count=$count"
done
[ -e "$work/n" ] && fail "a refused trace leaves its file"

# ---- a full disk ends the trace, not the VM
if [ "$(id -u)" = 0 ] && mkdir "$work/small" && unshare -m true 2>/dev/null; then
	unshare -m sh -c 'mount -t tmpfs -o size=128k none "$1" || exit 99
		"$2" trace vm --out "$1/t" --socket "$3"; code=$?; "$2" replay --check "$1/t"; echo "replay: $?"; exit $code' - \
		"$work/small" "$ctl" "$at" >"$work/out2" 2>"$work/err"
	case $? in
	1) grep -q 'No space left' "$work/err" || fail "full disk: $(cat "$work/err")"
	   "$ctl" stats vm --socket "$at" --json >"$work/live" && "$json" 'pool.trace_dropped>0' <"$work/live" ||
		fail "no lost record is counted"
	   grep -q '^replay: 0' "$work/out2" || fail "what fits does not replay: $(cat "$work/out2" "$work/err")" ;;
	99) echo "no tmpfs here" ;;
	*) fail "full disk: $(cat "$work/out2" "$work/err")" ;;
	esac
fi

# ---- poold is told to end: whoever traces is told as well, and the end mark is there
trace vm "$work/e" --json
await 20 recorded "$work/e" || fail "nothing is recorded"
kill -TERM "$(pgrep -P "$run" -x poold)"
wait $trace || { fail "trace while poold ends: $?"; show "$work/trace.err"; }
"$json" ended_by=detached calls\>100 <"$work/trace.out" || fail "$(cat "$work/trace.out")"
replays "$work/e" 100
await 20 requests pool.map_requests\>500 || fail "no poold follows"

# ---- the end of the VM is the end of the trace
trace vm "$work/d" --json
await 20 recorded "$work/d" || fail "nothing is recorded"
kill -TERM $run
wait $trace || { fail "trace of a VM that ends: $?"; show "$work/trace.err"; }
"$json" ended_by=detached calls\>100 <"$work/trace.out" || fail "$(cat "$work/trace.out")"
replays "$work/d" 100
wait $run
counters audit_violations=0 poold_restarts=1
no_leftovers
finish
