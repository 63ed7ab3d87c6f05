/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests become library calls, and nothing that no honest trapd sends gets that far: every operation with every field
 * out of range. Pure functions; no pool, no link.
 */
#include "poold/serve/requests.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/x86.h"

#define RAM_END		(16ull << 20)
#define NOT_CANONICAL	0x0000800000000000ull

static const struct pool_config config = { .ram = { .low_end = RAM_END }, .nvcpu = 2, .copies_maddr = 1ull << 37 };

static int decode(const struct link_req *req, struct pool_call *call)
{
	const char *reject;
	int rc = request_decode(&config, 0, req, call, &reject);

	cr_assert_eq(!rc, !reject, "a rejection has a reason, an acceptance has none");
	return rc;
}

static void expect_ok(const struct link_req *req)
{
	struct pool_call call;

	cr_assert_eq(decode(req, &call), 0, "op %u refused", req->rq_op);
}

static void expect_reject(const struct link_req *req, const char *what)
{
	struct pool_call call;

	cr_assert_eq(decode(req, &call), -EPROTO, "op %u accepted with %s", req->rq_op, what);
	cr_assert_eq(call.op, 0, "a rejected request left a call behind");
}

/* A request of each operation that is in order. */
static struct link_req good(unsigned op)
{
	struct link_req req = { .rq_op = (uint8_t)op, .rq_gpa = 0x5000 };

	if (op == LINK_OP_MAP)
		req.rq_nwalk = 4;
	if (op == LINK_OP_AUDIT || op == LINK_OP_TRACK)
		req.rq_gva = 1;
	return req;
}

static bool has_gpa(unsigned op)
{
	return op == LINK_OP_MAP || op == LINK_OP_WRITE_FAULT || op == LINK_OP_UNSHADOW || op == LINK_OP_OPEN ||
	       op == LINK_OP_TRACK || op == LINK_OP_CODE;
}

static bool has_class(unsigned op)
{
	return op == LINK_OP_WRITE_FAULT || op == LINK_OP_UNSHADOW;
}

Test(requests, good_ones_of_every_operation_are_accepted)
{
	for (unsigned op = LINK_OP_MAP; op < LINK_OP_COUNT; op++) {
		struct link_req req = good(op);

		expect_ok(&req);
		req.rq_flags = LINK_RQF_USER_VIEW | LINK_RQF_AC | LINK_RQF_LMA | LINK_RQF_NXE | LINK_RQF_FLUSHED_ALL;
		expect_ok(&req);
	}
}

Test(requests, unknown_operations_and_vcpus_are_rejected)
{
	struct link_req req = { .rq_op = LINK_OP_NOP };
	const char *reject;
	struct pool_call call;

	for (unsigned op = LINK_OP_COUNT; op < 256; op++) {
		req.rq_op = (uint8_t)op;
		expect_reject(&req, "an unknown number");
	}
	req.rq_op = 0;
	expect_reject(&req, "number 0");
	req.rq_op = LINK_OP_NOP;
	cr_assert_eq(request_decode(&config, 2, &req, &call, &reject), -EPROTO, "vCPU 2 of 2");
}

Test(requests, flags_that_an_operation_does_not_have_are_rejected)
{
	for (unsigned op = LINK_OP_MAP; op < LINK_OP_COUNT; op++) {
		for (unsigned bit = 12; bit < 16; bit++) {
			struct link_req req = good(op);

			req.rq_flags = (uint16_t)(1u << bit);
			if (op != LINK_OP_SET_ROOT || req.rq_flags != LINK_RQF_CODE)
				expect_reject(&req, "a reserved flag");
		}
		if (!has_class(op)) {
			struct link_req req = good(op);

			req.rq_flags = WRITE_CLASS_SIMPLE << LINK_CLASS_SHIFT;
			expect_reject(&req, "a class of write");
		}
		if (op != LINK_OP_INVLPG) {
			struct link_req req = good(op);

			req.rq_flags = LINK_RQF_ALL_ROOTS;
			expect_reject(&req, "ALL_ROOTS");
		}
	}
}

Test(requests, classes_beyond_the_last_are_rejected)
{
	for (unsigned op = LINK_OP_WRITE_FAULT; op <= LINK_OP_UNSHADOW; op++) {
		for (unsigned class = 0; class < 16; class++) {
			struct link_req req = good(op);

			req.rq_flags = (uint16_t)(class << LINK_CLASS_SHIFT);
			if (class < WRITE_CLASS_COUNT)
				expect_ok(&req);
			else
				expect_reject(&req, "an unknown class");
		}
	}
}

Test(requests, more_guest_entries_than_levels_are_rejected)
{
	for (unsigned op = LINK_OP_MAP; op < LINK_OP_COUNT; op++) {
		for (unsigned n = 5; n < 256; n += 50) {
			struct link_req req = good(op);

			req.rq_nwalk = (uint8_t)n;
			expect_reject(&req, "too many entries");
		}
	}
}

Test(requests, pages_outside_ram_are_rejected)
{
	static const uint64_t outside[] = { RAM_END, RAM_END + 0x1000, GUEST_RAM_HIGH_BASE, 1ull << 52, UINT64_MAX,
					    1ull << 63 };

	for (unsigned op = LINK_OP_MAP; op < LINK_OP_COUNT; op++) {
		struct link_req req = good(op);

		for (unsigned i = 0; has_gpa(op) && i < sizeof(outside) / sizeof(outside[0]); i++) {
			req.rq_gpa = outside[i];
			expect_reject(&req, "a gpa outside RAM");
		}
		req.rq_gpa = RAM_END - 1;
		expect_ok(&req);
	}
}

Test(requests, addresses_that_no_cpu_uses_are_rejected)
{
	static const unsigned ops[] = { LINK_OP_MAP, LINK_OP_DIRTY, LINK_OP_WRITE_FAULT, LINK_OP_UNSHADOW };

	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct link_req req = good(ops[i]);

		req.rq_gva = NOT_CANONICAL;
		expect_reject(&req, "a non-canonical gva");
		req.rq_gva = 0xffff800000000000ull;
		expect_ok(&req);
	}
}

Test(requests, access_that_is_write_and_fetch_is_rejected)
{
	struct link_req req = good(LINK_OP_MAP);

	req.rq_flags = LINK_RQF_WRITE | LINK_RQF_FETCH;
	expect_reject(&req, "write and fetch");
}

Test(requests, switches_are_0_or_1)
{
	static const unsigned ops[] = { LINK_OP_AUDIT, LINK_OP_TRACK };

	for (unsigned i = 0; i < 2; i++) {
		struct link_req req = good(ops[i]);

		req.rq_gva = 2;
		expect_reject(&req, "switch 2");
		req.rq_gva = UINT64_MAX;
		expect_reject(&req, "switch -1");
		req.rq_gva = 0;
		expect_ok(&req);
	}
}

Test(requests, code_has_a_sort_and_needs_a_window)
{
	static const struct pool_config without = { .ram = { .low_end = RAM_END }, .nvcpu = 2 };
	struct link_req req = good(LINK_OP_CODE), root = good(LINK_OP_SET_ROOT);
	struct pool_call call;
	const char *reject;

	for (req.rq_gva = 0; req.rq_gva < POOL_CODE_STATE_COUNT; req.rq_gva++) {
		cr_assert_eq(decode(&req, &call), 0);
		cr_assert_eq(call.op, POOL_CALL_CODE);
		cr_assert_eq(call.len, req.rq_gva);
		cr_assert_eq(call.gpa, 0x5000);
	}
	expect_reject(&req, "a sort that there is not");
	req.rq_gva = UINT64_MAX;
	expect_reject(&req, "sort -1");
	req.rq_gva = POOL_CODE_STATE_COPY;
	cr_assert_eq(request_decode(&without, 0, &req, &call, &reject), -EPROTO);
	root.rq_flags = LINK_RQF_CODE;
	cr_assert_eq(decode(&root, &call), 0);
	cr_assert(call.flags & POOL_CALLF_CODE);
	cr_assert_eq(request_decode(&without, 0, &root, &call, &reject), -EPROTO);
	root.rq_flags = 0;
	cr_assert_eq(request_decode(&without, 0, &root, &call, &reject), 0);
	cr_assert_eq(call.flags, 0);
}

Test(requests, stores_larger_than_a_page_are_rejected)
{
	for (unsigned op = LINK_OP_WRITE_FAULT; op <= LINK_OP_UNSHADOW; op++) {
		struct link_req req = good(op);

		req.rq_walk[1] = 4097;
		expect_reject(&req, "4097 bytes");
		req.rq_walk[1] = UINT64_MAX;
		expect_reject(&req, "2^64 - 1 bytes");
		req.rq_walk[1] = 4096;
		expect_ok(&req);
	}
}

Test(requests, set_root_has_no_or_four_pdptes)
{
	for (unsigned n = 0; n <= 4; n++) {
		struct link_req req = good(LINK_OP_SET_ROOT);

		req.rq_nwalk = (uint8_t)n;
		if (n % 4)
			expect_reject(&req, "some PDPTEs");
		else
			expect_ok(&req);
	}
}

Test(requests, set_root_carries_registers_and_mode)
{
	struct link_req req = { .rq_op = LINK_OP_SET_ROOT, .rq_gva = 0x7000, .rq_nwalk = 4, .rq_walk = { 1, 2, 3, 4 } };
	struct pool_call call;

	req.rq_gpa = (CR0_PG | CR0_PE | CR0_WP) | (CR4_PAE | CR4_PGE) << 32;
	req.rq_flags = LINK_RQF_NXE | LINK_RQF_AC;
	cr_assert_eq(decode(&req, &call), 0);
	cr_assert_eq(call.op, POOL_CALL_SET_ROOT);
	cr_assert_eq(call.cr0, CR0_PG | CR0_PE | CR0_WP);
	cr_assert_eq(call.cr4, CR4_PAE | CR4_PGE);
	cr_assert_eq(call.cr3, 0x7000);
	cr_assert_eq(call.efer, EFER_NXE);
	cr_assert(call.flags & POOL_CALLF_AC);
	cr_assert_arr_eq(call.walk, req.rq_walk, sizeof(call.walk));

	req.rq_flags = LINK_RQF_LMA;
	cr_assert_eq(decode(&req, &call), 0);
	cr_assert_eq(call.efer, EFER_LMA | EFER_LME);
	cr_assert_eq(call.walk[0], 0, "PDPTEs outside PAE mode must not reach the library");
}

Test(requests, map_carries_the_walk)
{
	struct link_req req = { .rq_op = LINK_OP_MAP, .rq_gva = 0x400123, .rq_gpa = 0x5123, .rq_nwalk = 3,
				.rq_walk = { 0x1007, 0x2007, 0x5067, 0xdead } };
	struct pool_call call;

	req.rq_flags = LINK_RQF_WRITE | LINK_RQF_USER_VIEW;
	cr_assert_eq(decode(&req, &call), 0);
	cr_assert_eq(call.op, POOL_CALL_MAP);
	cr_assert_eq(call.gva, 0x400123);
	cr_assert_eq(call.gpa, 0x5123);
	cr_assert_eq(call.nwalk, 3);
	cr_assert_eq(call.walk[2], 0x5067);
	cr_assert_eq(call.walk[3], 0, "an entry beyond nwalk must not reach the library");
	cr_assert_eq(call.flags, POOL_CALLF_WRITE | POOL_CALLF_USER);
}

Test(requests, write_fault_carries_class_rip_and_size)
{
	struct link_req req = { .rq_op = LINK_OP_WRITE_FAULT, .rq_gpa = 0x5008,
				.rq_walk = { 0xffffffff80001234ull, 8 } };
	struct pool_call call;

	req.rq_flags = WRITE_CLASS_FORK << LINK_CLASS_SHIFT;
	cr_assert_eq(decode(&req, &call), 0);
	cr_assert_eq(call.op, POOL_CALL_WRITE_FAULT);
	cr_assert_eq(call.write_class, WRITE_CLASS_FORK);
	cr_assert_eq(call.rip, 0xffffffff80001234ull);
	cr_assert_eq(call.len, 8);
}

Test(requests, invlpg_of_a_non_canonical_address_is_no_call)
{
	struct link_req req = { .rq_op = LINK_OP_INVLPG, .rq_gva = NOT_CANONICAL };
	struct pool_call call;

	cr_assert_eq(decode(&req, &call), 0, "the guest may execute it: SDM vol. 2A");
	cr_assert_eq(call.op, 0);
	req.rq_gva = 0x1000;
	req.rq_flags = LINK_RQF_ALL_ROOTS;
	cr_assert_eq(decode(&req, &call), 0);
	cr_assert_eq(call.op, POOL_CALL_INVLPG);
	cr_assert(call.flags & POOL_CALLF_ALL);
}
