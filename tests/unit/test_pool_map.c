/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MAP in each paging mode: after it the shadow gives the guest's own translation, with the guest's own rights. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/pool_fixture.h"

#define PAGED	(CR0_PE | CR0_PG | CR0_WP)
#define RWU	(PTE_P | PTE_W | PTE_U)

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

TestSuite(pool_map, .init = setup, .fini = teardown, .timeout = 20);

static void expect(uint64_t gva, uint32_t access, uint64_t gpa)
{
	uint64_t got = 0;
	enum fix_access a = fix_access(&f, gva, access, &got);

	cr_assert_eq(a, FIX_OK, "gva %llx: %d", (unsigned long long)gva, a);
	cr_assert_eq(got, gpa, "gva %llx goes to %llx, not %llx", (unsigned long long)gva, (unsigned long long)got,
		     (unsigned long long)gpa);
}

Test(pool_map, unpaged_is_identity)
{
	fix_set_root(&f, CR0_PE, 0, 0, 0, false);
	cr_assert_eq(f.r.root[0], f.r.root[1]);
	expect(0x1234, WALK_WRITE, 0x1234);
	expect(0x7ff000, 0, 0x7ff000);
	expect(0x201000, WALK_FETCH | WALK_USER, 0x201000);
	cr_assert_gt(f.stats[POOL_STAT_prefetch_installed], 0);
}

Test(pool_map, bits32_4k)
{
	uint64_t pd = fix_table(&f), pt = fix_table(&f);

	fix_poke(&f, pd + 4 * (0xc0400000u >> 22), pt | RWU, 4);
	fix_poke(&f, pt + 4 * 5, 0x300000 | RWU, 4);
	fix_poke(&f, pt + 4 * 700, 0x301000 | PTE_P, 4);
	fix_set_root(&f, PAGED, pd, 0, 0, false);
	expect(0xc0405010, WALK_WRITE | WALK_USER, 0x300010);
	expect(0xc06bc020, 0, 0x301020);
	cr_assert_eq(pool_pages_of_kind(f.p, 6), 2, "one half in each view");
}

Test(pool_map, bits32_4m_and_pse36)
{
	uint64_t pd = fix_table(&f), got;

	fix_poke(&f, pd + 4 * 1, 0x400000 | PTE_PS | PTE_P | PTE_W, 4);
	/* Bits 16:13 are address bits 35:32: beyond RAM. */
	fix_poke(&f, pd + 4 * 2, 0x400000 | PTE_PS | RWU | (1u << 13), 4);
	fix_set_root(&f, PAGED, pd, CR4_PSE, 0, false);
	expect(0x400123, WALK_WRITE, 0x400123);
	expect(0x7ff123, 0, 0x7ff123);
	cr_assert_eq(fix_access(&f, 0x400123, WALK_USER, &got), FIX_FAULT);
	cr_assert_eq(fix_access(&f, 0x800123, 0, &got), FIX_OUTSIDE);
	cr_assert_eq(got, 0x100400123ull);
}

Test(pool_map, pae)
{
	uint64_t pdpt = fix_table(&f) + 0x20, pd = fix_table(&f), pd3 = fix_table(&f), pt = fix_table(&f), got;

	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pdpt + 24, pd3 | PTE_P, 8);
	fix_poke(&f, pd3 + 8 * 2, pt | RWU, 8);
	fix_poke(&f, pt + 8 * 3, 0x300000 | RWU | PTE_NX, 8);
	fix_poke(&f, pd + 8 * 1, 0x200000 | PTE_PS | PTE_P, 8);
	fix_set_root(&f, PAGED, pdpt, CR4_PAE, EFER_NXE, false);
	expect(0xc0403004, WALK_WRITE | WALK_USER, 0x300004);
	cr_assert_eq(fix_access(&f, 0xc0403004, WALK_FETCH, &got), FIX_FAULT);
	expect(0x201008, WALK_FETCH, 0x201008);
	cr_assert_eq(fix_access(&f, 0x201008, WALK_WRITE, &got), FIX_FAULT);
}

static uint64_t long_tables(uint64_t *pml4, uint64_t *pdpt, uint64_t *pd, uint64_t *pt)
{
	*pml4 = fix_table(&f);
	*pdpt = fix_table(&f);
	*pd = fix_table(&f);
	*pt = fix_table(&f);
	fix_poke(&f, *pml4, *pdpt | RWU, 8);
	fix_poke(&f, *pdpt, *pd | RWU, 8);
	fix_poke(&f, *pd, *pt | RWU, 8);
	return *pml4;
}

#define LONG_CR4	CR4_PAE
#define LONG_EFER	(EFER_LME | EFER_LMA | EFER_NXE)

Test(pool_map, long_mode_4k_2m_1g)
{
	uint64_t pml4, pdpt, pd, pt, got;

	long_tables(&pml4, &pdpt, &pd, &pt);
	fix_poke(&f, pt + 8, 0x301000 | RWU, 8);
	fix_poke(&f, pd + 8, 0x400000 | RWU | PTE_PS, 8);
	fix_poke(&f, pdpt + 8, RWU | PTE_PS, 8);
	fix_set_root(&f, PAGED, pml4, LONG_CR4, LONG_EFER, false);
	expect(0x1008, WALK_WRITE, 0x301008);
	expect(0x205008, WALK_WRITE | WALK_USER, 0x405008);
	expect((1ull << 30) + 0x500010, 0, 0x500010);
	cr_assert_eq(fix_access(&f, (1ull << 30) + 0x2000000, 0, &got), FIX_OUTSIDE);
}

Test(pool_map, dirty_bit_is_tracked)
{
	uint64_t pml4, pdpt, pd, pt;
	struct pool_walk w;

	long_tables(&pml4, &pdpt, &pd, &pt);
	fix_poke(&f, pt + 8, 0x301000 | RWU, 8);
	fix_set_root(&f, PAGED, pml4, LONG_CR4, LONG_EFER, false);
	expect(0x1008, 0, 0x301008);
	cr_assert_eq(fix_shadow(&f, 0x1008, false, &w), 0);
	cr_assert(!w.writable, "a page that the guest's table calls clean must not be writable");
	fix_poke(&f, pt + 8, fix_read(&f, pt + 8, 8) | PTE_D, 8);
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
	uint64_t pml4, pdpt, pd, pt, got;
	struct pool_walk w;

	long_tables(&pml4, &pdpt, &pd, &pt);
	fix_poke(&f, pt + 8, pt | RWU | PTE_A | PTE_D, 8);
	fix_poke(&f, pt + 16, 0x301000 | RWU, 8);
	fix_set_root(&f, PAGED, pml4, LONG_CR4, LONG_EFER, false);
	expect(0x1000, 0, pt);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &got), FIX_MONITORED);
	cr_assert_eq(f.state[pml4 >> 12], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	cr_assert_eq(f.state[pt >> 12], PAGE_STATE_MONITORED);
	expect(0x2000, WALK_WRITE, 0x301000);
	fix_write(&f, pt + 16, 0x302000 | RWU, 8);
	cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), -ENOENT);
	fix_invlpg(&f, 0x2000);
	cr_assert_neq(f.r.flush, POOL_FLUSH_NONE);
	expect(0x2000, WALK_WRITE, 0x302000);
}
