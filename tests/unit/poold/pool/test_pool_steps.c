/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work per call is bounded: one table, one chain, sixteen evictions, or the whole pool where the operation is about the
 * whole pool, and never a function of how full the pool is. The pool counts what it looks at (steps_max).
 */
#include <criterion/criterion.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;
static struct fix_tables t;

static uint64_t steps(void)
{
	return f.p->op.steps;	/* of the last operation */
}

/* n leaf tables with one page each, in the first address space. */
static void begin(unsigned n)
{
	fix_init(&f);
	f.audit = false;
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i <= n; i++) {
		uint64_t pt = fix_table(&f);

		fix_poke(&f, t.pd + 8 * i, pt | FIX_RWU, 8);
		fix_poke(&f, pt, 0x400000 | FIX_USED, 8);
		fix_poke(&f, pt + 8, 0x401000 | FIX_USED, 8);
	}
	fix_poke(&f, t.pt + 8 * 5, 0x405000 | FIX_USED, 8);
	fix_poke(&f, t.pt + 8 * 6, 0x406000 | (FIX_USED & ~PTE_D), 8);
	fix_long_root(&f, t.pml4);
	for (unsigned i = 1; i <= n; i++)
		fix_expect(&f, (uint64_t)i << 21, 0, 0x400000);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_steps, .fini = teardown);

enum { MAP, MAP_AGAIN, DIRTY, WRITE, INVLPG, WRITE_FAULT, UNSHADOW, SET_ROOT, OPS };

static void measure(unsigned ntables, uint64_t out[OPS])
{
	struct pool_result r;

	begin(ntables);
	fix_map(&f, 0x5000, 0);
	out[MAP] = steps();
	fix_map(&f, 0x5000, 0);
	out[MAP_AGAIN] = steps();
	fix_map(&f, 0x6000, 0);
	fix_poke(&f, t.pt + 8 * 6, 0x406000 | FIX_USED, 8);
	cr_assert_eq(fix_dirty(&f, 0x6000, false), POOL_OK);
	out[DIRTY] = steps();
	fix_poke(&f, t.pt + 8 * 5, 0x407000 | FIX_USED, 8);
	pool_guest_write(f.p, 0, t.pt + 8 * 5, 8, WRITE_CLASS_SIMPLE, false, 0x1000, &r);
	out[WRITE] = steps();
	fix_invlpg(&f, 0x5000);
	out[INVLPG] = steps();
	fix_write_fault(&f, 1ull << 35, t.pt + 8 * 9, WRITE_CLASS_SIMPLE, 0x1000);
	out[WRITE_FAULT] = steps();
	cr_assert_eq(fix_unshadow(&f, 1ull << 35, t.pt, 0x1000), POOL_OK);
	out[UNSHADOW] = steps();
	fix_long_root(&f, t.pml4);
	out[SET_ROOT] = steps();
}

Test(pool_steps, a_call_costs_what_it_touches_however_full_the_pool_is)
{
	static const uint64_t most[OPS] = {
		[MAP] = 48, [MAP_AGAIN] = 32, [DIRTY] = 16, [WRITE] = 16, [INVLPG] = 32, [WRITE_FAULT] = 8, [UNSHADOW] = 1100,
		[SET_ROOT] = 32,
	};
	uint64_t few[OPS], many[OPS];

	measure(4, few);
	fix_close(&f);
	measure(300, many);
	for (unsigned i = 0; i < OPS; i++) {
		cr_assert_gt(few[i] + (i == WRITE_FAULT || i == INVLPG || i == MAP_AGAIN), 0, "operation %u looks at something", i);
		cr_assert_leq(few[i], most[i], "operation %u", i);
		cr_assert_leq(many[i], few[i] + 16, "operation %u: %llu steps in a small pool, %llu in a full one", i,
			      (unsigned long long)few[i], (unsigned long long)many[i]);
	}
}

/* The most expensive thing that a map may do is to make room. */
Test(pool_steps, making_room_is_bounded_by_the_batch)
{
	uint64_t worst = 0;

	fix_init(&f);
	f.audit = false;
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_long_root(&f, t.pml4);
	for (unsigned i = 1; i < 511; i++) {
		uint64_t pt = 0x200000 + i * PAGE_SIZE;	/* shadow tables run out, not guest memory */

		fix_poke(&f, pt, 0x10000 | (FIX_USED & ~PTE_W), 8);
		fix_write(&f, t.pd + 8 * i, pt | FIX_RWU, 8);
	}
	for (unsigned i = 1; i < 511; i++) {
		fix_expect(&f, (uint64_t)i << 21, 0, 0x10000);
		if (steps() > worst)
			worst = steps();
	}
	cr_assert_gt(f.stats[POOL_STAT_evict], 0);
	cr_assert_gt(f.stats[POOL_STAT_cache_evict_one], 0);
	/* Each of 16 tables: its entries, one reference of a chain of 64 nodes, its parents, its bucket. */
	cr_assert_leq(f.stats[POOL_STAT_steps_max], POOL_EVICT_BATCH * (512 + 4 * 64 + 16), "%llu steps",
		      (unsigned long long)f.stats[POOL_STAT_steps_max]);
	cr_assert_geq(f.stats[POOL_STAT_steps_max], worst);
}
