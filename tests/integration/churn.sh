#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Page tables under every kind of edit in the smallest pool: more live tables than the pool has pages, so it must evict.
# CHURN_EDITS: how many edits (make check-long: as many as the guest makes by itself). CHURN_SEED: another history.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

edits=${CHURN_EDITS:-1500} seed=${CHURN_SEED:-1}
echo "churn: $edits edits, seed $seed"
guest 0 churn --audit --pool 2M --timeout $(((50 + edits / 50) * scale)) --cmdline "edits=$edits seed=$seed" &&
	counters pool.map_requests\>0 pool.mon_write_events\>0 pool.cache_hits\>0 pool.cache_misses\>0 pool.evict\>0 \
		pool.gtables_high\>0 pool.root_hit\>0 trapd.steps\>0 trapd.unshadow_requests\>0 pool.audit_runs\>0 \
		pool.linear_searches=0 audit_violations=0
tail -n 1 "$work/out" | grep -q '^churn: ok' || fail "churn does not end with its verdict"
tail -n 1 "$work/out"
no_leftovers
finish
