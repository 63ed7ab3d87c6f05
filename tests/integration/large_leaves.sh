#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guests end well, under audit, on a CPU that walks shadow entries of 2 MiB; with that switch off there are none.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

on="--policy large-leaves=on"
# shellcheck disable=SC2086
for g in tour user; do
	guest 0 $g --audit $on --timeout $((50 * scale)) &&
		counters pool.map_large\>0 pool.large_broken\>0 pool.audit_violations=0 audit_violations=0 vm.stop_reason=exit
	tail -n 1 "$work/out" | grep -q "^$g: ok" || fail "$g does not end with its verdict"
done
# shellcheck disable=SC2086
guest 0 faults --audit $on --timeout $((50 * scale)) --cmdline one_in=20 && counters pool.large_refused\>0 audit_violations=0
# A pool of the smallest size, in which tables come and go under the large leaves.
# shellcheck disable=SC2086
guest 0 churn $on --pool 2M --cmdline edits=2000 --timeout $((50 * scale)) && counters pool.map_large\>0 pool.evict\>0 vm.stop_reason=exit
guest 0 tour --audit --timeout $((50 * scale)) && counters pool.map_large=0 pool.large_refused=0
# What poold does not know it refuses, and it refuses entries that the CPU cannot walk.
for bad in large-leaves=maybe colour=red format=f32; do
	"$ctl" run --policy $bad "$guests/hello.elf" >"$work/out" 2>"$work/err" </dev/null && fail "--policy $bad is taken"
done
no_leftovers
finish
