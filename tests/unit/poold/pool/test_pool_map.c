/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAP in each paging mode: after it the shadow gives the guest's own translation, with the guest's own rights. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;

static void setup(void)
{
	fix_init(&f);
	fix_open(&f);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_map, .init = setup, .fini = teardown);

Test(pool_map, unpaged_is_identity)
{
	fix_both_formats(&f) {
		fix_set_root(&f, CR0_PE, 0, 0, 0, false);
		cr_assert_eq(f.r.root[0], f.r.root[1]);
		fix_expect(&f, 0x1234, WALK_WRITE, 0x1234);
		fix_expect(&f, 0x7ff000, 0, 0x7ff000);
		fix_expect(&f, 0x201000, WALK_FETCH | WALK_USER, 0x201000);
		cr_assert_gt(f.stats[POOL_STAT_prefetch_installed], 0);
	}
}

Test(pool_map, bits32_4k)
{
	fix_both_formats(&f) {
		uint64_t pd = fix_table(&f), pt = fix_table(&f);

		fix_poke(&f, pd + 4 * (0xc0400000u >> 22), pt | FIX_RWU, 4);
		fix_poke(&f, pt + 4 * 5, 0x300000 | FIX_RWU, 4);
		fix_poke(&f, pt + 4 * 700, 0x301000 | PTE_P, 4);
		fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
		fix_expect(&f, 0xc0405010, WALK_WRITE | WALK_USER, 0x300010);
		fix_expect(&f, 0xc06bc020, 0, 0x301020);
		cr_assert_eq(pool_pages_of_kind(f.p, fix_f32(&f) ? 3 : 6), 2, "one of each view");
	}
}

Test(pool_map, bits32_4m_and_pse36)
{
	fix_both_formats(&f) {
		uint64_t pd = fix_table(&f), got;

		fix_poke(&f, pd + 4 * 1, 0x400000 | PTE_PS | PTE_P | PTE_W, 4);
		/* Bits 16:13 are address bits 35:32: beyond RAM. */
		fix_poke(&f, pd + 4 * 2, 0x400000 | PTE_PS | FIX_RWU | (1u << 13), 4);
		fix_set_root(&f, FIX_PAGED, pd, CR4_PSE, 0, false);
		fix_expect(&f, 0x400123, WALK_WRITE, 0x400123);
		fix_expect(&f, 0x7ff123, 0, 0x7ff123);
		cr_assert_eq(fix_access(&f, 0x400123, WALK_USER, &got), FIX_FAULT);
		cr_assert_eq(fix_access(&f, 0x800123, 0, &got), FIX_OUTSIDE);
		cr_assert_eq(got, 0x100400123ull);
	}
}

Test(pool_map, pae)
{
	uint64_t pdpt = fix_table(&f) + 0x20, pd = fix_table(&f), pd3 = fix_table(&f), pt = fix_table(&f), got;

	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pdpt + 24, pd3 | PTE_P, 8);
	fix_poke(&f, pd3 + 8 * 2, pt | FIX_RWU, 8);
	fix_poke(&f, pt + 8 * 3, 0x300000 | FIX_RWU | PTE_NX, 8);
	fix_poke(&f, pd + 8 * 1, 0x200000 | PTE_PS | PTE_P, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, EFER_NXE, false);
	fix_expect(&f, 0xc0403004, WALK_WRITE | WALK_USER, 0x300004);
	cr_assert_eq(fix_access(&f, 0xc0403004, WALK_FETCH, &got), FIX_FAULT);
	fix_expect(&f, 0x201008, WALK_FETCH, 0x201008);
	cr_assert_eq(fix_access(&f, 0x201008, WALK_WRITE, &got), FIX_FAULT);
}

Test(pool_map, long_mode_4k_2m_1g)
{
	struct fix_tables t = fix_long_tables(&f);
	uint64_t got;

	fix_poke(&f, t.pt + 8, 0x301000 | FIX_RWU, 8);
	fix_poke(&f, t.pd + 8, 0x400000 | FIX_RWU | PTE_PS, 8);
	fix_poke(&f, t.pdpt + 8, FIX_RWU | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1008, WALK_WRITE, 0x301008);
	fix_expect(&f, 0x205008, WALK_WRITE | WALK_USER, 0x405008);
	fix_expect(&f, (1ull << 30) + 0x500010, 0, 0x500010);
	cr_assert_eq(fix_access(&f, (1ull << 30) + 0x2000000, 0, &got), FIX_OUTSIDE);
}

Test(pool_map, dirty_bit_is_tracked)
{
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;

	fix_poke(&f, t.pt + 8, 0x301000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1008, 0, 0x301008);
	cr_assert_eq(fix_shadow(&f, 0x1008, false, &w), 0);
	cr_assert(!w.writable, "a page that the guest's table calls clean must not be writable");
	fix_poke(&f, t.pt + 8, fix_read(&f, t.pt + 8, 8) | PTE_D, 8);
	pool_dirty(f.p, 0, 0x1008, false, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_GVA);
	cr_assert_eq(f.r.ntouch, 1);
	fix_settle(&f);
	cr_assert_eq(fix_shadow(&f, 0x1008, false, &w), 0);
	cr_assert(w.writable);
}

Test(pool_map, table_page_is_guarded)
{
	struct fix_tables t = fix_long_tables(&f);
	uint64_t got;
	struct pool_walk w;

	fix_poke(&f, t.pt + 8, t.pt | FIX_RWU | PTE_A | PTE_D, 8);
	fix_poke(&f, t.pt + 16, 0x301000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, 0, t.pt);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &got), FIX_MONITORED);
	cr_assert_eq(f.state[t.pml4 >> 12], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	cr_assert_eq(f.state[t.pt >> 12], PAGE_STATE_MONITORED);
	fix_expect(&f, 0x2000, WALK_WRITE, 0x301000);
	fix_write(&f, t.pt + 16, 0x302000 | FIX_RWU, 8);
	cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), -ENOENT);
	fix_invlpg(&f, 0x2000);
	cr_assert_neq(f.r.flush, POOL_FLUSH_NONE);
	fix_expect(&f, 0x2000, WALK_WRITE, 0x302000);
}
