/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMAP without SMEP: the supervisor may fetch from a user page and not read it, which no single shadow entry can say. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/poold/pool/pool_fixture.h"

#define PAGED	(CR0_PE | CR0_PG | CR0_WP)
#define USED	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

static struct fix f;
static uint64_t pd, pt;

static void setup(void)
{
	fix_init(&f);
	fix_open(&f);
}

static void make_tables(void)
{
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pd, pt | USED, 4);
	fix_poke(&f, pd + 4, 0x400000 | USED | PTE_PS, 4);
	fix_poke(&f, pt + 4, 0x301000 | USED, 4);
	fix_poke(&f, pt + 8, 0x302000 | USED, 4);
	fix_set_root(&f, PAGED, pd, CR4_PSE | CR4_SMAP, 0, false);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_smap, .init = setup, .fini = teardown);

Test(pool_smap, fetch_leaf_lasts_until_the_next_request)
{
	fix_both_formats(&f) {
		struct pool_walk w;
		uint64_t gpa;

		make_tables();
		cr_assert_eq(fix_access(&f, 0x1000, WALK_FETCH, &gpa), FIX_OK);
		cr_assert_eq(gpa, 0x301000);
		cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), 0);
		cr_assert(!w.writable);
		cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), -ENOENT, "nothing is prefetched that may not be read");
		fix_invlpg(&f, 0x2000);
		cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), -ENOENT);
		cr_assert_eq(fix_access(&f, 0x1000, 0, &gpa), FIX_FAULT);
	}
}

Test(pool_smap, instruction_may_cross_a_page)
{
	fix_both_formats(&f) {
		struct pool_walk w;

		make_tables();
		cr_assert_eq(fix_map(&f, 0x1fff, WALK_FETCH), POOL_OK);
		cr_assert_eq(fix_map(&f, 0x2000, WALK_FETCH), POOL_OK);
		cr_assert_eq(fix_shadow(&f, 0x1fff, false, &w), 0);
		cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), 0);
	}
}

Test(pool_smap, inside_of_a_large_page)
{
	fix_both_formats(&f) {
		struct pool_walk w;

		make_tables();
		cr_assert_eq(fix_map(&f, 0x605000, WALK_FETCH), POOL_OK);
		cr_assert_eq(fix_shadow(&f, 0x605010, false, &w), 0);
		cr_assert_eq(w.gpa, 0x605010);
		fix_set_root(&f, PAGED, pd, CR4_PSE, 0, false);
		cr_assert_eq(fix_map(&f, 0x605000, WALK_WRITE), POOL_OK);
	}
}

Test(pool_smap, ac_lifts_it)
{
	fix_both_formats(&f) {
		uint64_t gpa;

		make_tables();
		fix_set_root(&f, PAGED, pd, CR4_PSE | CR4_SMAP, 0, true);
		cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &gpa), FIX_OK);
		fix_set_root(&f, PAGED, pd, CR4_PSE | CR4_SMAP, 0, false);
		cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &gpa), FIX_FAULT);
	}
}
