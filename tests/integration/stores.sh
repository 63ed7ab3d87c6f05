#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Random instructions that write memory, each by the CPU on data and by trapd on page tables in use: the guest compares.
# STORES_CASES: how many (make check-long: a million). STORES_SEED: the same ones again; without it each run has others.
. "$top_srcdir/tests/integration/lib.sh"
need_kvm

cases=${STORES_CASES:-20000} seed=${STORES_SEED:-$(($(date +%s) % 1000000 * 100 + $$ % 100))}
echo "stores: $cases cases, seed $seed"
guest 0 stores --audit --timeout $(((60 + cases / 500) * scale)) --cmdline "cases=$cases seed=$seed" &&
	counters "trapd.write_emulated>$((cases * 4 / 5))" trapd.steps\>0 trapd.unshadow_requests\>0 pool.mon_write_events\>"$cases" \
		pool.mon_misaligned\>0 pool.mon_cross_entry\>0 pool.mon_cross_page\>0 pool.mon_handled_pt\>0 pool.mon_handled_pd\>0 \
		pool.mon_handled_pdpt\>0 pool.mon_handled_pml4\>0 pool.audit_runs\>0 audit_violations=0
cat "$work/out"
tail -n 1 "$work/out" | grep -q '^stores: ok' || fail "stores does not end with its verdict"
no_leftovers
finish
