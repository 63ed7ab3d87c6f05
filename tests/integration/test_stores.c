/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random instructions that write memory, each by the CPU on data and by trapd on page tables in use: the guest compares.
 * STORES_CASES: how many (make check-long: a million). STORES_SEED: the same ones again; without it each run has others.
 */
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

sp_suite_kvm(stores);

static uint64_t new_seed(void)
{
	return (uint64_t)time(NULL) % 1000000 * 100 + (uint64_t)getpid() % 100;
}

sp_test(stores, on_page_tables_do_what_they_do_on_data)
{
	const uint64_t cases = sp_knob("STORES_CASES", 20000), seed = sp_knob("STORES_SEED", new_seed());
	struct sp_vm *vm;

	sp_say("stores: %" PRIu64 " cases, seed %" PRIu64, cases, seed);
	vm = sp_boot(NULL, &(struct sp_guest){
		.image = "stores", .audit = "cheap",
		.cmdline = sp_text("cases=%" PRIu64 " seed=%" PRIu64 " tcg=%d", cases, seed, sp_tcg()),
	});
	sp_expect_exit(vm, 0, 60 + (double)cases / 500);
	sp_expect_verdict(vm, "stores: ok");
	sp_expect_counter(vm, "trapd.write_emulated", >, cases * 4 / 5);
	sp_expect_counter(vm, "trapd.steps", >, 0);
	sp_expect_counter(vm, "trapd.unshadow_requests", >, 0);
	sp_expect_counter(vm, "pool.mon_write_events", >, cases);
	sp_expect_counter(vm, "pool.mon_misaligned", >, 0);
	sp_expect_counter(vm, "pool.mon_cross_entry", >, 0);
	sp_expect_counter(vm, "pool.mon_cross_page", >, 0);
	sp_expect_counter(vm, "pool.mon_handled_pt", >, 0);
	sp_expect_counter(vm, "pool.mon_handled_pd", >, 0);
	sp_expect_counter(vm, "pool.mon_handled_pdpt", >, 0);
	sp_expect_counter(vm, "pool.mon_handled_pml4", >, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
