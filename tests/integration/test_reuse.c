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

/* 48 entries are emulated, with the next one the table goes, however they are written and whether or not poold is asked between. */
static void limit_is_48(const char *cmdline, const char *policy, unsigned events)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "halves", .audit = "cheap", .cmdline = cmdline, .policy = policy }, 30);

	sp_expect_exit(vm, 0, 0);
	sp_expect_verdict(vm, "halves: ok, 512 entries");
	sp_expect_counter(vm, "pool.mon_entries_cleared", ==, 48);
	sp_expect_counter(vm, "pool.mon_write_events", ==, events);
	sp_expect_counter(vm, "pool.flush_hot", ==, 1);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(reuse, entries_written_by_halves_are_one_event_each)
{
	limit_is_48("every=0", NULL, 48);
}

sp_test(reuse, entries_written_by_halves_count_one_without_pair)
{
	limit_is_48("every=0", "pair=off", 96);
}

sp_test(reuse, entries_written_by_halves_with_requests_between)
{
	limit_is_48("every=3", "pair=off", 96);
}

sp_test(reuse, entries_written_whole_count_the_same)
{
	limit_is_48("whole=1", NULL, 48);
}
