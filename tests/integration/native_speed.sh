#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 64-bit guest code runs at the host's speed: a loop of 10^9 steps in a guest and in a process, in turn, each timed in a hundred
# slices. Others use this machine too, so the fastest slice of each counts: the guest's is at most 1.05 of the process's. What
# the whole loops took is printed as well.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

steps=1000000000 guest_best="" host_best="" guest_all="" host_all="" ok=""

# least A B: the smaller of two numbers, of which the first may be missing.
least() { [ -n "$1" ] && [ "$1" -le "$2" ] && echo "$1" || echo "$2"; }
ratio() { awk "BEGIN { print $1 / $2 }"; }

for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
	read -r all slice < <("$top_builddir/tests/integration/native_loop" $steps) || { fail "native_loop"; break; }
	host_all=$(least "$host_all" "$all") host_best=$(least "$host_best" "$slice")
	guest 0 loop64 --timeout $((40 * scale)) --cmdline steps=$steps || break
	read -r all slice < <(sed -n "s/^loop64: ok, $steps steps took \([0-9]*\) ticks, fastest slice \([0-9]*\)\r*$/\1 \2/p" \
		"$work/out") || { fail "the guest prints no ticks"; break; }
	guest_all=$(least "$guest_all" "$all") guest_best=$(least "$guest_best" "$slice")
	# at least three rounds; more only while neighbours disturb
	[ $round -ge 3 ] && [ $((guest_best * 100)) -le $((host_best * 105)) ] && { ok=1; break; }
	[ $SECONDS -lt $((45 * scale)) ] || break
done
[ -z "$guest_best" ] || echo "$round rounds: fastest slice $guest_best ticks in the guest, $host_best in the process," \
	"ratio $(ratio "$guest_best" "$host_best"); whole loop $guest_all and $host_all, ratio $(ratio "$guest_all" "$host_all")"
[ -n "$ok" ] || fail "the guest is slower than 1.05 of the process"
no_leftovers
finish
