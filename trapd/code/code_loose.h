/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages that are written too often to be worth a look (doc/flags-patcher.md), and when each is looked at again: a kernel patches
 * its code in bursts, and what it executes afterwards must not stay as it is for ever. Each time in a row doubles the wait. Pure
 * bookkeeping. Thread: under the lock of code_pages.c, but for the look at next_ns.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_LOOSE_H
#define SHADOWPOOL_TRAPD_CODE_LOOSE_H

#include <stdbool.h>
#include <stdint.h>

#define CODE_LOOSE_PAGES	64u		/* at a time; more are left alone for ever */
#define CODE_LOOSE_NS		50000000ull	/* the first wait */
#define CODE_LOOSE_DOUBLINGS	8u
#define CODE_LOOSE_NEVER	UINT64_MAX

struct code_loose {
	struct { uint64_t gfn, until_ns; uint8_t times; bool waits; } page[CODE_LOOSE_PAGES];
	uint32_t used;
	uint64_t next_ns;		/* atomic: when the first one is due, or earlier */
};

void code_loose_init(struct code_loose *l);
/* gfn is left alone from now on. */
void code_loose_add(struct code_loose *l, uint64_t gfn, uint64_t now_ns);
/* A page whose wait is over; it is not told twice. false: there is none. */
bool code_loose_due(struct code_loose *l, uint64_t now_ns, uint64_t *gfn);
/* Nothing is left alone any more; how often a page was stays known. */
void code_loose_reset(struct code_loose *l);

#endif
