#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Several vCPUs of one guest edit the same tables and shoot down each other's TLBs, with the audit on; poold is killed meanwhile.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

guest 0 smp --audit --vcpus 2 --timeout $((60 * scale)) --cmdline "vcpus=2 edits=200"
counters pool.shootdown_needed\>0 pool.map_requests\>400 trapd.write_events\>400 audit_violations=0
guest 0 smp --audit --vcpus 4 --pool 2M --timeout $((60 * scale)) --cmdline "vcpus=4 edits=20"
counters pool.shootdown_needed\>0 audit_violations=0
# vCPUs that the guest does not start take no part, and one alone needs no shootdown
guest 0 smp --audit --vcpus 1 --timeout $((60 * scale)) --cmdline "vcpus=1 edits=200"
counters pool.shootdown_needed=0
guest 0 tour --audit --vcpus 3 --timeout $((60 * scale))

"$ctl" run --audit --vcpus 2 --stats "$work/stats" --timeout $((60 * scale)) --cmdline "vcpus=2 edits=400" "$guests/smp.elf" \
	>"$work/out" 2>"$work/err" </dev/null &
run=$!
kill_poold 3 100
[ $killed -ge 1 ] || fail "the guest ended before poold could be killed"
counters trapd.recoveries\>0 poold_restarts=$killed audit_violations=0
no_leftovers
finish
