/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests end well, under audit, on a CPU that walks shadow entries of 2 MiB; with that switch off there are none. */
#include "tests/integration/harness/harness.h"

#define ON "large-leaves=on"

sp_suite_kvm(large_leaves);

static void ends_well(const char *image)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = image, .audit = "cheap", .policy = ON }, 50);

	sp_expect_exit(vm, 0, 0);
	sp_expect_verdict(vm, sp_text("%s: ok", image));
	sp_expect_counter(vm, "pool.map_large", >, 0);
	sp_expect_counter(vm, "pool.large_broken", >, 0);
	sp_expect_counter(vm, "pool.audit_violations", ==, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(large_leaves, tour)
{
	ends_well("tour");
}

sp_test(large_leaves, user)
{
	ends_well("user");
}

sp_test(large_leaves, faults_refuses_some)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "faults", .audit = "cheap", .policy = ON, .cmdline = "one_in=20" }, 50);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.large_refused", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(large_leaves, tables_come_and_go_under_them_in_the_smallest_pool)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "churn", .policy = ON, .pool = "2M", .cmdline = "edits=2000" }, 50);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.map_large", >, 0);
	sp_expect_counter(vm, "pool.evict", >, 0);
}

sp_test(large_leaves, there_are_none_without_the_switch)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "tour", .audit = "cheap" }, 50);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.map_large", ==, 0);
	sp_expect_counter(vm, "pool.large_refused", ==, 0);
}

/* What poold does not know it refuses, and it refuses entries that the CPU cannot walk. */
sp_test(large_leaves, unknown_and_impossible_policies_are_refused)
{
	static const char *const bad[] = { "large-leaves=maybe", "colour=red", "format=f32" };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		sp_expect(sp_call("shadowctl", "run", "--policy", bad[i], sp_image("hello"))->code, "--policy %s is taken", bad[i]);
}
