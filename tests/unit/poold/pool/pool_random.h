/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random guests against the pool: what the parts of test_pool_random share. One guest runs at a time, so its state is
 * global, and the order in which it draws is that of its seed. Each part calls those above it only:
 *   pool_random_draw.c     values, entries and addresses at random
 *   pool_random_tlb.c      what a CPU may still hold after a store that nobody was told of
 *   pool_random_checks.c   what must hold after each step
 *   pool_random_steps.c    what the guest does
 *   test_pool_random.c     plans, and their tests
 * Test programs only.
 */
#ifndef SHADOWPOOL_TESTS_POOL_RANDOM_H
#define SHADOWPOOL_TESTS_POOL_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/poold/pool/pool_fixture.h"

#define TABLE_BASE	0x10000ull	/* the guest's tables: plan.ntables pages */

struct plan {
	const char *name;
	uint64_t seed;
	unsigned steps, ntables;
	uint32_t users, extents, nodes, roots, hot, prefetch;
	bool cache_off, f32, large, code;
	uint32_t extensions;	/* of the write policy */
	uint32_t unsync;
	unsigned audit_every, within;	/* within: percent of accesses that are compared even without an audit */
};

/* The guest and its pool, and the plan that it follows: run_plan() sets both. */
extern struct fix f;
extern struct plan plan;

/* ---- drawing ---- */

/* All that is drawn from here on follows from state. */
void rnd_start(uint64_t state);
uint64_t rnd(void);
uint64_t pick(uint64_t n);	/* below n */
bool chance(unsigned percent);

unsigned entry_size(void);	/* of the guest's tables as it walks them now */
uint64_t any_table(void);
uint64_t any_data(void);
unsigned any_index(unsigned bits);
uint64_t any_slot(uint64_t table);
uint64_t any_entry(unsigned size);
/* An entry that fits the level of the table it is stored to, mostly. Leaf tables map leaf tables, so that they are written. */
uint64_t any_entry_at(uint64_t gpa, unsigned size);
uint64_t any_pdpte(void);
/* Mostly addresses that lead somewhere. */
uint64_t any_gva(void);
uint32_t any_access(void);

/* Addresses used lately, since the last load of CR3: what the TLB may still hold. n_recent counts on after the 16th. */
extern uint64_t recent[16];
extern unsigned n_recent;
uint64_t recent_gva(void);
/* Where one of the guest's entries for a recently used address lies. */
uint64_t recent_slot(void);

/* ---- what a CPU may still hold ---- */

/* Before a store. silent: to a table out of step, so the pool is not told. */
void store_note(uint64_t gpa, const void *bytes, uint32_t len, bool silent);
void invlpg_note(uint64_t gva);
/* A load of CR3: nothing older counts. */
void forget_notes(void);
/* Do the guest's tables give gpa now, with A, and D for a write, set? Did they, at a time that the CPU may remember? */
bool is_right(uint64_t gva, uint32_t access, uint64_t gpa);
bool was_right(uint64_t gva, uint32_t access, uint64_t gpa);

/* ---- what must hold ---- */

extern uint64_t n_stale;	/* translations that only a CPU's TLB could give any more */
/* The shadow gives for gva, in each view, no more than the guest's tables do. */
void check_within(uint64_t gva);
/* The same for some of what the loaded roots map. */
void check_all(void);
/* After INVLPG no CPU may hold for gva what the guest's tables do not give. */
void check_tlb(uint64_t gva);
/* A leaf that is there for one fetch goes with the next request that is no fetch. */
void check_no_fetch_leaf(void);
/* What the caller wants tracked is a caller's matter: whatever becomes of the page, the bit stays. */
void check_tracked(void);

/* ---- what the guest does ---- */

void step_set_root(void);
void one_step(void);

#endif
