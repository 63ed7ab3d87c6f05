/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second guest walker, for tests only: one plain function per paging mode, written from the manual's tables with every bit
 * spelt out, sharing no code with common/walk.c, so that a slip in one of them shows as a difference.
 * Source: SDM vol. 3A 4.3 to 4.8.
 */
#ifndef SHADOWPOOL_TESTS_REF_WALK_H
#define SHADOWPOOL_TESTS_REF_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct ref_machine {
	uint8_t *low, *high;		/* RAM at 0 and at 4 GiB; the test's own copy */
	uint64_t low_size, high_size;
	int mode;			/* 0 unpaged, 1 32-bit, 2 PAE, 3 4-level */
	bool pse, wp, nxe, smep, smap, ac;
	int maxphyaddr;
	uint64_t cr3, pdpte[4];
};

struct ref_access {
	bool write, fetch, user, implicit, set_ad;
};

struct ref_result {
	bool fault;
	uint32_t error_code;
	uint64_t gpa;
	int page_bits;
	int count;
	uint64_t entry[4];
	bool changed, w, u, xd;
};

void ref_walk(struct ref_machine *m, uint64_t va, const struct ref_access *a, struct ref_result *r);

#endif
