/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code pages that are left alone because the guest writes them too often (doc/flags-patcher.md), and when each is looked at
 * again. A kernel patches its code in bursts; afterwards PUSHF on these pages must be replaced after all. Each time that the same
 * page comes here doubles its wait. Bookkeeping only. Thread: a vCPU's, under the lock of code_pages.c; next_ns may be read
 * without it.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_LOOSE_H
#define SHADOWPOOL_TRAPD_CODE_LOOSE_H

#include <stdbool.h>
#include <stdint.h>

#define CODE_LOOSE_PAGES	64u		/* pages that are known at a time; others are left alone for ever */
#define CODE_LOOSE_NS		50000000ull	/* the first wait: a burst of patching is over by then */
#define CODE_LOOSE_DOUBLINGS	8u		/* the longest wait is 256 times the first: 12.8 s */
#define CODE_LOOSE_NEVER	UINT64_MAX

struct code_loose {
	struct { uint64_t gfn, until_ns; uint8_t times; bool waits; } page[CODE_LOOSE_PAGES];
	uint32_t used;
	uint64_t next_ns;		/* atomic: no page is due before this time */
};

void code_loose_init(struct code_loose *l);
/* The page gfn is left alone from now on; now_ns: CLOCK_MONOTONIC. */
void code_loose_add(struct code_loose *l, uint64_t gfn, uint64_t now_ns);
/* true: *gfn is a page whose wait is over, which is not returned again. false: there is none. */
bool code_loose_due(struct code_loose *l, uint64_t now_ns, uint64_t *gfn);
/* No page is left alone any more. How many times each page was is kept. */
void code_loose_reset(struct code_loose *l);

#endif
