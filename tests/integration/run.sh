#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shadowctl run: exit codes, what goes to which stream, files, signals, bad input; and that nothing is left behind,
# however it ends: no process, no directory, no socket.
set -u
ctl=$top_builddir/ctl/shadowctl
json=$top_builddir/tests/integration/json_check
guests=$top_builddir/tests/guests
[ -w /dev/kvm ] || { echo "SKIP: no /dev/kvm that this user may write"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/run.XXXXXX") || exit 1
mkdir -m 700 "$dir/xdg"
XDG_RUNTIME_DIR=$dir/xdg
export XDG_RUNTIME_DIR
run_pid=
trap '[ -n "$run_pid" ] && kill "$run_pid" 2>/dev/null; rm -rf "$dir"' EXIT
failed=0
exec {never}<><(:)	# a pipe that nobody writes to, see pause() of lib.sh
: >"$dir/err"

fail()
{
	echo "FAIL: $*"
	sed 's/^/    stderr: /' "$dir/err"
	failed=1
}

# What the daemons may say beside the message: small pages, a sanitizer build.
noise()
{
	grep -v -e '^poold: warning: .*using pages of 4 KiB' -e 'warning: built with a sanitizer' "$1"
}

# until SECONDS COMMAND...: wait for a condition.
until_true()
{
	limit=$1
	shift
	end=$(($(date +%s) + limit))
	until "$@"; do
		[ "$(date +%s)" -ge $end ] && return 1
		read -r -t 0.01 -u "$never" _
	done
	return 0
}

no_leftovers()
{
	[ -z "$(ls -A "$dir/xdg")" ] && ! pgrep -f -- "$dir/xdg" >/dev/null
}

check_leftovers()
{
	until_true 5 no_leftovers || fail "$1: left behind: $(ls -A "$dir/xdg") $(pgrep -af -- "$dir/xdg")"
}

# run CODE NAME ARGUMENTS...: exit code and leftovers.
run()
{
	want=$1
	what=$2
	shift 2
	timeout 60 "$ctl" run "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	[ $got -eq "$want" ] || fail "$what: exit code $got, not $want"
	check_leftovers "$what"
}

# bad WORD ARGUMENTS...: 125 within a second, and one line that has the word and a remedy.
bad()
{
	word=$1
	shift
	begin=$(date +%s%N)
	run 125 "$word" "$@"
	took=$((($(date +%s%N) - begin) / 1000000))
	[ $took -lt $((1000 * slow)) ] || fail "$word: took $took ms"
	noise "$dir/err" >"$dir/lines"
	[ "$(wc -l <"$dir/lines")" -eq 1 ] || fail "$word: not one line"
	grep -q -- "$word" "$dir/lines" || fail "no '$word' in the message"
	grep -q '[;,].* ' "$dir/lines" || fail "$word: no remedy"
	[ -s "$dir/out" ] && fail "$word: an error wrote to stdout"
}

# start ARGUMENTS...: in the background, until the guest has printed something. Sets run_pid and runtime.
start()
{
	: >"$dir/out"
	"$ctl" run --verbose "$@" >"$dir/out" 2>"$dir/err" </dev/null &
	run_pid=$!
	until_true 20 test -s "$dir/out" || fail "$*: the guest says nothing"
	runtime=$(sed -n 's/^shadowctl: runtime directory //p' "$dir/err")
}

# The limits below are for an idle machine; sanitizers and a loaded one take longer.
slow=${SHADOWPOOL_TEST_SLOW:-3}

# ---- how a guest ends
run 0 hello "$guests/hello.elf"
grep -q '^hello: ok' "$dir/out" || fail "hello: no console on stdout"
noise "$dir/err" | grep -q . && fail "hello: something on stderr"
run 126 triple "$guests/triple.elf"
grep -q 'triple fault' "$dir/err" || fail "triple: no reason"
run 126 wild "$guests/wild.elf"
grep -q '^code at rip' "$dir/err" || fail "wild: no report"
run 124 spin --timeout 1 --status "$dir/status" "$guests/spin.elf"
"$json" exit_code=124 reason=timeout <"$dir/status" || fail "spin: status"

echo stale >"$dir/status"
run 125 error --status "$dir/status" "$dir/err"
"$json" exit_code=125 reason=error "message=*" <"$dir/status" || fail "a run that failed leaves an old status file"

echo stale >"$dir/status"
run 125 error --status "$dir/status" "$dir/none"
"$json" exit_code=125 "message=*" <"$dir/status" || fail "a run without an image leaves an old status file"

# ---- files and JSON
run 0 files --stats "$dir/stats" --status "$dir/status" --mem 64M --pool-pages 4k --audit=full "$guests/hello.elf"
"$json" audit_violations=0 "pool.map_requests=*" "trapd.exits=*" pool_page_size=4k \
	vm.stop_reason=exit vm.mem_bytes=67108864 vm.state=stopped <"$dir/stats" 2>>"$dir/err" || fail "stats file"
"$json" exit_code=0 reason=exit poold_restarts=0 <"$dir/status" 2>>"$dir/err" || fail "status file"
grep -q 'hugepages' "$dir/err" && fail "asked for 4k pages, was told about hugepages"
run 0 json --json "$guests/hello.elf"
"$json" exit_code=0 <"$dir/out" 2>>"$dir/err" || fail "--json: stdout is no document"
grep -q '^hello: ok' "$dir/err" || fail "--json: no console on stderr"
run 126 json --json "$guests/triple.elf"
"$json" exit_code=126 reason=fault <"$dir/out" 2>>"$dir/err" || fail "--json of a fault"
run 0 dash --stats - "$guests/hello.elf"
grep -q '"audit_violations"' "$dir/err" || fail "--stats - does not write to stderr"

# ---- signals
for signal in TERM HUP; do
	start "$guests/spin.elf"
	kill -$signal "$run_pid"
	wait "$run_pid"
	got=$?
	[ $got -gt 128 ] || fail "SIG$signal: exit code $got"
	check_leftovers "SIG$signal"
done
# A shell without job control starts its background jobs with INT ignored: a foreground one gets it from its timeout.
timeout -s INT 2 "$ctl" run "$guests/spin.elf" >"$dir/out" 2>"$dir/err"
[ $? -eq 124 ] || fail "SIGINT"
check_leftovers SIGINT
start "$guests/spin.elf"
kill -KILL "$run_pid"
wait "$run_pid" 2>/dev/null
check_leftovers SIGKILL
run_pid=

# ---- against the daemons of an embedded run
start "$guests/spin.elf"
SHADOWCTL_SOCKET=$runtime
export SHADOWCTL_SOCKET
"$ctl" list --json | "$json" vms.0.name=vm vms.0.state=running vms.0.pool=up || fail "list"
"$ctl" stats vm --json | "$json" name=vm "pool.map_requests=*" || fail "stats"
"$ctl" walk vm 0x100000 --json | "$json" paging=4-level guest.gpa=0x100000 shadow.gpa=0x100000 || fail "walk"
"$ctl" walk nosuch 0x100000 2>"$dir/err2"
[ $? -eq 3 ] || fail "walk of no VM"
"$ctl" start vm --config /dev/null 2>/dev/null && fail "start of a running VM without an image"
"$ctl" wait vm --timeout 0.2 2>/dev/null
[ $? -eq 6 ] || fail "wait of a running VM does not time out"
"$ctl" stop vm --wait --json | "$json" state=stopped stop_reason=requested || fail "stop --wait"
unset SHADOWCTL_SOCKET
wait "$run_pid"
[ $? -eq 125 ] || fail "a VM that was stopped from outside"
run_pid=
check_leftovers stop

# ---- poold dies: under a guest that runs without traps, and under one that edits its tables all the time
start --status "$dir/status" "$guests/spin.elf"
for n in 1 2 3; do
	old=$(pgrep -f -- "^poold.*$runtime")
	attached=$(grep -c 'attached by' "$dir/err")
	kill -KILL "$old"
	until_true 10 sh -c '[ "$(grep -c "attached by" "$1")" -gt "$2" ]' - "$dir/err" "$attached" ||
		fail "poold $n is not replaced"
done
"$ctl" --socket "$runtime" show vm --json | "$json" state=running pool=up || fail "the VM did not outlive three pools"
"$ctl" --socket "$runtime" stop vm >/dev/null
wait "$run_pid"
"$json" reason=requested poold_restarts=3 <"$dir/status" 2>>"$dir/err" || fail "the VM ended by itself"
start --status "$dir/status" --audit --cmdline edits=1000 "$guests/churn.elf"
for n in 1 2 3 4 5; do
	old=$(pgrep -f -- "^poold.*$runtime") && kill -KILL "$old"
	until_true 10 sh -c 'new=$(pgrep -f -- "$1") && [ "$new" != "$2" ]' - "^poold.*$runtime" "$old" || break
done
wait "$run_pid"
[ $? -eq 0 ] || fail "churn did not outlive its pools"
"$json" exit_code=0 "poold_restarts=*" <"$dir/status" 2>>"$dir/err" || fail "status of churn"
run_pid=
check_leftovers "poold killed"

# ---- trapd dies
start "$guests/spin.elf"
kill -KILL "$(pgrep -f -- "^trapd.*$runtime")"
wait "$run_pid"
[ $? -eq 125 ] || fail "trapd killed: exit code"
grep -q 'trapd ended with signal 9' "$dir/err" || fail "trapd killed: no reason"
run_pid=
check_leftovers "trapd killed"

# ---- bad input
bad 'No such file' "$dir/none.elf"
bad 'regular file' "$dir"
bad 'out of range' --mem 0 "$guests/hello.elf"
bad 'not valid' --mem 12q "$guests/hello.elf"
bad 'more than this machine' --mem 1000G "$guests/hello.elf"
bad 'whole number of 4 KiB' --mem 67108865 "$guests/hello.elf"
bad 'out of range' --pool 1000G "$guests/hello.elf"
bad 'pool-pages' --pool-pages 3m "$guests/hello.elf"
bad 'audit' --audit=sometimes "$guests/hello.elf"
bad 'cannot write' --status "$dir/none/status" "$guests/hello.elf"
bad 'cannot write' --stats "$dir/none/stats" "$guests/hello.elf"
bad 'No such file' "$guests/hello.elf" -- "$dir/none.mod"
echo "no image" >"$dir/text"
bad 'ultiboot' "$dir/text"
head -c 5000 "$guests/hello.elf" >"$dir/short.elf"
bad 'short.elf' "$dir/short.elf"
bad 'RAM\|memory' --mem 1M "$guests/hello.elf"
mkdir -p "$dir/alone/ctl"
cp "$ctl" "$dir/alone/ctl/shadowctl"
real=$ctl
ctl=$dir/alone/ctl/shadowctl
[ -x /usr/local/libexec/poold ] || bad 'cannot run poold' "$guests/hello.elf"
ctl=$real
if [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)" -lt 8 ]; then
	bad 'vm.nr_hugepages' --pool-pages 2m "$guests/hello.elf"
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid 65534 --clear-groups test -x "$ctl"; then
	chmod 755 "$dir"
	setpriv --reuid 65534 --clear-groups env -u XDG_RUNTIME_DIR \
		"$ctl" run "$guests/hello.elf" >"$dir/out" 2>"$dir/err"
	[ $? -eq 125 ] && grep -q '/dev/kvm.*group kvm' "$dir/err" || fail "no permission for /dev/kvm"
fi
exit $failed
