/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vCPUs of one guest edit the same tables and shoot down each other's TLBs, with the audit on. */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(smp);

sp_test(smp, two_vcpus_edit_the_same_tables)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "smp", .audit = "cheap", .vcpus = 2, .cmdline = "vcpus=2 edits=200" }, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.shootdown_needed", >, 0);
	sp_expect_counter(vm, "pool.map_requests", >, 400);
	sp_expect_counter(vm, "trapd.write_events", >, 400);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(smp, four_vcpus_in_the_smallest_pool)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){
		.image = "smp", .audit = "cheap", .vcpus = 4, .pool = "2M", .cmdline = "vcpus=4 edits=20",
	}, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.shootdown_needed", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(smp, one_vcpu_needs_no_shootdown)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "smp", .audit = "cheap", .vcpus = 1, .cmdline = "vcpus=1 edits=200" }, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.shootdown_needed", ==, 0);
}

sp_test(smp, vcpus_that_the_guest_does_not_start_take_no_part)
{
	sp_expect_exit(sp_boot(NULL, &(struct sp_guest){ .image = "tour", .audit = "cheap", .vcpus = 3 }), 0, 60);
}

sp_test(smp, poold_is_killed_under_two_vcpus)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "smp", .audit = "cheap", .vcpus = 2, .cmdline = "vcpus=2 edits=400",
	});
	const unsigned killed = sp_kill_poold(vm, 3, 100);

	sp_expect(killed >= 1, "the guest ended before poold could be killed");
	sp_expect_exit(vm, 0, 60);
	sp_expect_counter(vm, "trapd.recoveries", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
