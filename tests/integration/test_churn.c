/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables under every kind of edit, by the guest churn.
 * CHURN_EDITS: how many edits (make check-long: as many as the guest makes by itself). CHURN_SEED: another history.
 */

#include "tests/integration/harness/harness.h"

sp_suite_kvm(churn);

/* More live tables than the smallest pool has pages, so it must evict. */
sp_test(churn, edits_in_the_smallest_pool_under_audit)
{
	const uint64_t edits = sp_knob("CHURN_EDITS", 1500), seed = sp_knob("CHURN_SEED", 1);
	struct sp_vm *vm;

	sp_say("churn: %" PRIu64 " edits, seed %" PRIu64, edits, seed);
	vm = sp_boot(NULL, &(struct sp_guest){
		.image = "churn", .audit = "cheap", .pool = "2M", .cmdline = sp_text("edits=%" PRIu64 " seed=%" PRIu64, edits, seed),
	});
	sp_expect_exit(vm, 0, 50 + (double)edits / 50);
	sp_expect_verdict(vm, "churn: ok");
	sp_expect_counter(vm, "pool.map_requests", >, 0);
	sp_expect_counter(vm, "pool.mon_write_events", >, 0);
	sp_expect_counter(vm, "pool.cache_hits", >, 0);
	sp_expect_counter(vm, "pool.cache_misses", >, 0);
	sp_expect_counter(vm, "pool.evict", >, 0);
	sp_expect_counter(vm, "pool.gtables_high", >, 0);
	sp_expect_counter(vm, "pool.root_hit", >, 0);
	sp_expect_counter(vm, "trapd.steps", >, 0);
	sp_expect_counter(vm, "trapd.unshadow_requests", >, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "pool.linear_searches", ==, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
