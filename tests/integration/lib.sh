# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the tests in this folder share; sourced. Makes a private folder $work, removed at the end whatever happens.
# A test calls finish at its end. SHADOWPOOL_TEST_SCALE multiplies every time limit, for slow machines.
set -u
ctl=$top_builddir/ctl/shadowctl
guests=$top_builddir/tests/guests
json=$top_builddir/tests/integration/json_check
scale=${SHADOWPOOL_TEST_SCALE:-1}
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/sptest.XXXXXX") || exit 1
unset SHADOWCTL_SOCKET
# Embedded runs put their folders here, so that leftovers of this test are found and those of others are not.
export XDG_RUNTIME_DIR=$work

at_exit() { :; }	# a test may define its own
end_children()
{
	local p
	at_exit
	for p in $(jobs -p); do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$work"
}
trap end_children EXIT
trap 'exit 1' INT TERM HUP

skip() { echo "skipped: $*"; exit 77; }
fail() { echo "FAIL: $*"; failed=1; }
show() { sed 's/^/    /' "$@" | head -n 60; }
need_kvm() { [ -e /dev/kvm ] || skip "no /dev/kvm on this machine"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
finish() { exit $failed; }

# A pause of some milliseconds inside a loop that waits for a condition: for a pipe that nobody writes to. It is opened once; with a
# process for each pause, bash was seen to wait for ever after half an hour, when process numbers came round again.
exec {never}<><(:)
pause() { read -r -t 0.01 -u "$never" _ || :; }

# await SECONDS COMMAND...: until COMMAND succeeds; 1 if it does not in time.
await()
{
	local end=$((SECONDS + $1 * scale))
	shift
	until "$@"; do
		[ $SECONDS -le $end ] || return 1
		pause
	done
}

# guest EXIT-CODE NAME OPTIONS...: an embedded run; console in $work/out, the rest in $work/err, counters in $work/stats.
guest()
{
	local want=$1 name=$2 got
	shift 2
	rm -f "$work/stats"
	"$ctl" run --stats "$work/stats" "$@" "$guests/$name.elf" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ $got = "$want" ] && return 0
	fail "$name $*: exit code $got, not $want"
	show "$work/out" "$work/err"
	return 1
}

# Has the embedded run with process ID $run ended?
over() { ! kill -0 "$run" 2>/dev/null; }

# live CONDITION...: counters of the embedded run that goes on, in json_check's form.
live()
{
	"$ctl" stats vm --socket "$(ls -d "$work"/shadowpool-*/ 2>/dev/null)" --json --timeout 5 2>/dev/null >"$work/live" &&
		"$json" "$@" <"$work/live" 2>/dev/null
}

# kill_poold TIMES REQUESTS: under the embedded run $run, each time when the one that was killed before has been replaced and the new
# one has answered more than REQUESTS map requests; fewer times if the guest ends. $killed says how often. The run's end is waited for.
kill_poold()
{
	local want=$1 requests=$2 victim
	served() { over || live "trapd.recoveries>$((killed - 1))" "pool.map_requests>$requests"; }
	killed=0
	while [ $killed -lt "$want" ] && ! over; do
		await 30 served || { fail "no recovery from kill $killed"; break; }
		over && break
		victim=$(pgrep -P "$run" -x poold) || continue
		kill -KILL "$victim" && killed=$((killed + 1))
	done
	wait "$run" || { fail "exit code $?, after poold was killed $killed times"; show "$work/out" "$work/err"; }
	echo "poold was killed $killed times"
}

# counters CONDITION...: of the last run, in json_check's form.
counters() { "$json" "$@" <"$work/stats" 2>"$work/json" || { fail "counters: $(cat "$work/json")"; return 1; }; }

# Every run removed its private folder, and none of its processes is left.
no_leftovers()
{
	local left
	left=$(find "$work" -maxdepth 1 -name 'shadowpool-*')
	[ -z "$left" ] || fail "left behind: $left"
	left=$(grep -lsa "$work/[s]hadowpool-" /proc/[0-9]*/cmdline)
	[ -z "$left" ] || fail "processes left behind: $left"
}
