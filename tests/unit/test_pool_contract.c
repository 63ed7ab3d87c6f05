/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small print of the pool's operations: each of these is what some mutant (tests/mutants) would otherwise survive. */
#include "tests/unit/pool_defects.h"

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 0; i < 32; i++)
		fix_poke(&f, t.pt + 8 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_contract, .init = setup, .fini = teardown, .timeout = 20);

Test(pool_contract, write_to_a_table_is_to_be_tried_again)
{
	fix_poke(&f, t.pt + 8, t.pd | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, WALK_WRITE), POOL_RETRY, "page_state says why");
	cr_assert_eq(f.r.entry & (PTE_P | PTE_W | ENTRY_GUARDED), PTE_P | ENTRY_GUARDED);
}

Test(pool_contract, prefetch_leaves_what_is_there)
{
	struct pool_walk w;

	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | (FIX_USED & ~PTE_D), 8);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, 0), POOL_OK);
	fix_write(&f, t.pt + 16, 0, 8);
	fix_write(&f, t.pt + 16, (TARGET + 2 * PAGE_SIZE) | FIX_USED, 8);
	fix_invlpg(&f, 2 * PAGE_SIZE);
	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 2 * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(f.r.ntouch, 0, "a neighbour's change costs a flush");
	cr_assert_eq(fix_shadow(&f, PAGE_SIZE, false, &w), 0);
	cr_assert(!w.writable);
}
