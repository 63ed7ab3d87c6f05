#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nobody but the pool library writes shadow entries: guests run under daemons whose poold traces every call; afterwards
# the tables that the guest left behind are what the library makes of the same calls offline.
ctl=$top_builddir/ctl/shadowctl
[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo "no access to /dev/kvm"; exit 77; }
dir=$(mktemp -d /tmp/guest-arena.XXXXXX) || exit 1
poold=
trapd=
cleanup() {
	[ -z "$trapd" ] || kill -KILL "$trapd" 2>/dev/null
	[ -z "$poold" ] || kill -KILL "$poold" 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
fail() {
	echo "$*"
	sed 's/^/| /' "$dir/log"
	exit 1
}

# run NAME POOL CMDLINE: a guest from attach to detach, then the replay
run() {
	: >"$dir/log"
	printf 'image = %s\ncmdline = %s\npool = %s\npool-pages = 4k\nmem = 128M\n' "$top_builddir/tests/guests/$1.elf" "$3" "$2" \
		>"$dir/vm.conf"
	"$top_builddir/poold/poold" --runtime-dir "$dir" --trace "$dir/trace" 2>>"$dir/log" &
	poold=$!
	"$top_builddir/trapd/trapd" --runtime-dir "$dir" 2>>"$dir/log" >/dev/null </dev/null &
	trapd=$!
	tries=0
	until "$ctl" list --socket "$dir" >/dev/null 2>&1 && [ -S "$dir/poold-attach.sock" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "the daemons did not get ready"
		sleep 0.05
	done
	"$ctl" start g --config "$dir/vm.conf" --socket "$dir" --timeout 20 >>"$dir/log" 2>&1 || fail "$1: not started"
	"$ctl" wait g --json --socket "$dir" --timeout 100 >"$dir/end" 2>>"$dir/log" || fail "$1: did not end"
	grep -q '"exit_code": *0' "$dir/end" && grep -q '"stop_reason": *"exit"' "$dir/end" ||
		fail "$1: ended otherwise: $(cat "$dir/end")"
	kill -TERM $trapd && wait $trapd || fail "trapd: exit code $?"
	kill -TERM $poold && wait $poold || fail "poold: exit code $?"
	trapd=
	poold=
	"$ctl" replay --check "$dir/trace" || fail "$1: the arena is not the library's"
}

run tour 16M '' && run churn 2M 'edits=600'
