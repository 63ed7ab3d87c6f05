#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 64-bit guest code runs at the host's speed: a loop of 10^9 steps in a guest and in a process, in turn; the best of each counts,
# because others use this machine too. The guest's best is at most 1.05 of the process's best.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

# Ahead of the neighbours where that is allowed; it is for the process as for the guest.
[ "$(id -u)" != 0 ] || renice -n -20 -p $$ >/dev/null
steps=1000000000 guest_best="" host_best="" ok=""
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
	host=$("$top_builddir/tests/integration/native_loop" $steps) || fail "native_loop"
	guest 0 loop64 --timeout $((40 * scale)) --cmdline steps=$steps || break
	inside=$(sed -n "s/^loop64: ok, $steps steps took \([0-9]*\) ticks\r*$/\1/p" "$work/out")
	[ -n "$inside" ] || { fail "the guest prints no ticks"; break; }
	[ -n "$host_best" ] && [ "$host_best" -le "$host" ] || host_best=$host
	[ -n "$guest_best" ] && [ "$guest_best" -le "$inside" ] || guest_best=$inside
	# at least three rounds; more only while neighbours disturb
	[ $round -ge 3 ] && [ $((guest_best * 100)) -le $((host_best * 105)) ] && { ok=1; break; }
	[ $SECONDS -lt $((45 * scale)) ] || break
done
echo "best of $round rounds: guest $guest_best ticks, process $host_best ticks, ratio $(awk "BEGIN { print $guest_best / $host_best }")"
[ -n "$ok" ] || fail "the guest is slower than 1.05 of the process"
no_leftovers
finish
