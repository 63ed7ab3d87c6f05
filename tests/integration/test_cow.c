/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hundreds of address spaces that share pages until they write: tables come and go as forks and exits do.
 * COW_STEPS, COW_PROCESSES, COW_SEED: more of it (make check-long), or another history.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(cow);

sp_test(cow, forks_and_exits_in_the_smallest_pool)
{
	const uint64_t steps = sp_knob("COW_STEPS", 2000), processes = sp_knob("COW_PROCESSES", 200), seed = sp_knob("COW_SEED", 1);
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "cow", .audit = "cheap", .pool = "2M",
		.cmdline = sp_text("steps=%" PRIu64 " processes=%" PRIu64 " seed=%" PRIu64, steps, processes, seed),
	});

	sp_expect_exit(vm, 0, 60 + (double)steps / 40);
	sp_expect_verdict(vm, "cow: ok");
	sp_expect_counter(vm, "pool.evict", >, 0);
	sp_expect_counter(vm, "pool.root_evict", >, 0);
	sp_expect_counter(vm, "pool.mon_write_events", >, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
