/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow tables are load-bearing and the audit is not blind: one shadow entry, broken on purpose, makes the guest fail
 * without audit, and is reported with it.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

sp_suite_kvm(load_bearing);

/* The guest saw wrong memory and said so, or lost its way. */
static void fails_without_audit(struct sp_guest guest)
{
	struct sp_vm *vm = sp_run(&guest, 20);

	sp_expect((!strcmp(vm->end->stop_reason, "exit") && vm->end->exit_code == 1) || !strcmp(vm->end->stop_reason, "fault"),
		  "leaf %" PRIu64 " is broken and the guest ended by %s with code %d", guest.poison, vm->end->stop_reason,
		  vm->end->exit_code);
}

static void is_reported_by_the_audit(struct sp_guest guest)
{
	struct sp_vm *vm;

	guest.audit = "full";
	vm = sp_run(&guest, 20);
	sp_expect_stop(vm, "error", 0);
	sp_expect_counter(vm, "pool.audit_violations", >, 0);
	sp_expect(sp_match(sp_log(vm->daemons, SP_POOLD), "audit: rule A[0-9]+ violated: page [0-9]+ slot [0-9]+"),
		  "no report of the rule");
}

/* The n-th leaf leads to the neighbour of its frame. */
static void tour_with(uint64_t n)
{
	const struct sp_guest guest = { .image = "tour", .poison = n };

	fails_without_audit(guest);
	is_reported_by_the_audit(guest);
}

sp_test(load_bearing, the_first_leaf_of_tour)
{
	tour_with(1);
}

sp_test(load_bearing, the_second_leaf_of_tour)
{
	tour_with(2);
}

sp_test(load_bearing, the_fifth_leaf_of_tour)
{
	tour_with(5);
}

sp_test(load_bearing, a_late_leaf_of_churn)
{
	const struct sp_guest guest = { .image = "churn", .poison = 3000, .pool = "16M", .cmdline = "edits=100" };

	fails_without_audit(guest);
	is_reported_by_the_audit(guest);
}

sp_test(load_bearing, nothing_is_found_where_nothing_is_broken)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "tour", .audit = "full" }, 20);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
