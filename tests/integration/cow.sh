#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Hundreds of address spaces that share pages until they write, in the smallest pool: tables come and go as forks and exits do.
# COW_STEPS, COW_PROCESSES, COW_SEED: more of it (make check-long), or another history.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

steps=${COW_STEPS:-2000} processes=${COW_PROCESSES:-200} seed=${COW_SEED:-1}
guest 0 cow --audit --pool 2M --timeout $(((60 + steps / 40) * scale)) --cmdline "steps=$steps processes=$processes seed=$seed" &&
	counters pool.evict\>0 pool.root_evict\>0 pool.mon_write_events\>0 pool.audit_runs\>0 audit_violations=0
cat "$work/out"
tail -n 1 "$work/out" | grep -q '^cow: ok' || fail "cow does not end with its verdict"
no_leftovers
finish
