/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the writes to a page table say of it: interrupt frames and other pushes show that the page is a stack now, strings to the
 * root in use are ranges, entries written by halves are one write each. The guests judge what they see; here the counters are looked at.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(reuse);

/* Each round something lands on a former page table that is still monitored, which is let go for that reason and no other. */
sp_test(reuse, former_page_tables_become_stacks)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){ .image = "reuse", .audit = "cheap", .cmdline = "rounds=60" });

	sp_expect_exit(vm, 0, 50);
	sp_expect_verdict(vm, "reuse: ok, 60 tables became stacks");
	sp_expect_counter(vm, "pool.flush_reused", ==, 60);
	sp_expect_counter(vm, "pool.flush_forced", ==, 0);
	sp_expect_counter(vm, "pool.mon_async", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(reuse, former_page_tables_become_stacks_while_poold_is_killed)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){ .image = "reuse", .audit = "cheap", .cmdline = "rounds=120" });
	unsigned killed = sp_kill_poold(vm, 3, 60);

	sp_expect(killed >= 2, "the guest ended before poold could be killed twice");
	sp_expect_exit(vm, 0, 80);
	sp_expect_verdict(vm, "reuse: ok, 120 tables became stacks");
	sp_expect_counter(vm, "trapd.recoveries", >, 0);
	sp_expect_counter(vm, "pool.flush_reused", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
