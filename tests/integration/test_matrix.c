/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The access-rights matrix under audit: a slice of it, or with MATRIX_SLICES=1 all of it (make check-long). What the guest sees
 * is summed up in digests that are the same on every host and in every mode, for CPUs with all the features it asks for.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(matrix);

static const char *digests(uint64_t slices)
{
	switch (slices) {
	case 1:
		return " digest32=0x13b4dc0e digest64=0x157d3568";
	case 12:
		return " digest32=0x95a6ea0b digest64=0x4b5eef7c";
	default:
		return "";
	}
}

sp_test(matrix, access_rights_are_those_of_a_cpu)
{
	const uint64_t slices = sp_knob("MATRIX_SLICES", (uint64_t)(12 * sp_scale()));
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "matrix", .audit = "cheap", .cmdline = sp_text("slices=%" PRIu64 "%s", slices, digests(slices)),
	});

	sp_expect_exit(vm, 0, 100 + 2000 / (double)slices);
	sp_expect_verdict(vm, "matrix: ok");
	sp_expect_counter(vm, "trapd.fault_guest", >, 0);
	sp_expect_counter(vm, "trapd.write_fault_requests", >, 0);
	sp_expect_counter(vm, "pool.map_requests", >, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
