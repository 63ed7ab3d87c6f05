/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bits of a mode do to a shadow: WP, SMEP, NX, reserved bits, tables shared under several rights, RAM above 4 GiB. */
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

TestSuite(pool_modes, .init = setup, .fini = teardown);

Test(pool_modes, wp0_lets_the_supervisor_write)
{
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;
	uint64_t gpa;

	fix_poke(&f, t.pt + 8, 0x300000 | PTE_P | PTE_U, 8);
	fix_long_root(&f, t.pml4);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &gpa), FIX_FAULT);
	fix_set_root(&f, CR0_PE | CR0_PG, t.pml4, CR4_PAE, FIX_LONG, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE | WALK_USER, &gpa), FIX_FAULT);
	fix_expect(&f, 0x1000, WALK_USER, 0x300000);
	cr_assert_eq(fix_shadow(&f, 0x1000, true, &w), 0);
	cr_assert(!w.writable, "the user view knows no WP=0");
	fix_long_root(&f, t.pml4);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_WRITE, &gpa), FIX_FAULT);
}

Test(pool_modes, smep_makes_user_pages_no_execute)
{
	struct fix_tables t = fix_long_tables(&f);
	uint64_t gpa, super_pt = fix_table(&f);

	/* One PT under two directory entries: effective U differs, so it needs two shadows. */
	fix_poke(&f, t.pd + 8, t.pt | PTE_P | PTE_W, 8);
	fix_poke(&f, t.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_poke(&f, t.pd + 16, super_pt | PTE_P | PTE_W, 8);
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE | CR4_SMEP, FIX_LONG, false);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_FETCH, &gpa), FIX_FAULT);
	fix_expect(&f, 0x1000, WALK_FETCH | WALK_USER, 0x300000);
	fix_expect(&f, 0x201000, WALK_FETCH, 0x300000);
	fix_expect(&f, 0x1000, 0, 0x300000);
	cr_assert_eq(fix_access(&f, 0x1000, WALK_FETCH, &gpa), FIX_FAULT);
}

Test(pool_modes, split_two_rights)
{
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;
	uint64_t gpa;

	fix_poke(&f, t.pd + 8, 0x400000 | FIX_RWU | PTE_PS, 8);
	fix_poke(&f, t.pd + 16, 0x400000 | PTE_P | PTE_U | PTE_PS | PTE_NX, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x203000, WALK_WRITE, 0x403000);
	fix_expect(&f, 0x403000, 0, 0x403000);
	cr_assert_eq(pool_pages_of_kind(f.p, 9), 1, "one split serves both");
	cr_assert_eq(fix_shadow(&f, 0x403000, false, &w), 0);
	cr_assert(!w.writable && w.nx);
	cr_assert_eq(fix_access(&f, 0x403000, WALK_WRITE, &gpa), FIX_FAULT);
	cr_assert_eq(fix_access(&f, 0x403000, WALK_FETCH, &gpa), FIX_FAULT);
}

Test(pool_modes, split_tracks_dirty_in_the_large_entry)
{
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;

	fix_poke(&f, t.pd + 8, 0x400000 | FIX_RWU | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x203000, 0, 0x403000);
	cr_assert_eq(fix_shadow(&f, 0x203000, false, &w), 0);
	cr_assert(!w.writable);
	fix_poke(&f, t.pd + 8, fix_read(&f, t.pd + 8, 8) | PTE_D, 8);
	cr_assert_eq(fix_dirty(&f, 0x203000, false), POOL_OK);
	cr_assert_eq(fix_shadow(&f, 0x203000, false, &w), 0);
	cr_assert(w.writable);
}

Test(pool_modes, reserved_bits_stay_absent)
{
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;

	fix_poke(&f, t.pt + 8, 0x300000 | FIX_USED, 8);
	fix_poke(&f, t.pt + 16, 0x301000 | FIX_USED | PTE_NX, 8);
	fix_poke(&f, t.pt + 24, 0x302000 | FIX_USED | 1ull << 45, 8);
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE, FIX_LONG & ~EFER_NXE, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	cr_assert_eq(fix_shadow(&f, 0x2000, false, &w), -ENOENT, "NX is reserved without NXE, also to the prefetch");
	cr_assert_eq(fix_shadow(&f, 0x3000, false, &w), -ENOENT, "beyond MAXPHYADDR");
}

Test(pool_modes, pae_gva_above_1g)
{
	uint64_t pdpt = fix_table(&f);

	for (unsigned q = 0; q < 4; q++) {
		uint64_t pd = fix_table(&f), pt = fix_table(&f);

		fix_poke(&f, pdpt + 8 * q, pd | PTE_P, 8);
		fix_poke(&f, pd + 8, pt | FIX_RWU, 8);
		fix_poke(&f, pt + 8, (0x300000 + q * PAGE_SIZE) | FIX_RWU, 8);
	}
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	for (uint64_t q = 0; q < 4; q++)
		fix_expect(&f, (q << 30) + 0x201000, WALK_WRITE, 0x300000 + q * PAGE_SIZE);
	cr_assert_eq(pool_pages_of_kind(f.p, 11), 4);
}

Test(pool_modes, pdpte_registers_not_memory)
{
	uint64_t pdpt = fix_table(&f), pd = fix_table(&f), other = fix_table(&f), pt = fix_table(&f), first;

	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pd, pt | FIX_RWU, 8);
	fix_poke(&f, pt + 8, 0x300000 | FIX_RWU, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	first = f.r.root[0];
	fix_expect(&f, 0x1000, 0, 0x300000);
	fix_write(&f, pdpt, other | PTE_P, 8);
	fix_invlpg(&f, 0x1000);
	fix_expect(&f, 0x1000, 0, 0x300000);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	cr_assert_neq(f.r.root[0], first, "same CR3, other registers: another address space");
}

/* What no walk of trapd's would bring: a register that points nowhere, a large page that ends beyond RAM. */
Test(pool_modes, targets_outside_ram_stay_absent)
{
	uint64_t pdpt = fix_table(&f), pd = fix_table(&f);
	struct pool_map_args a = { .gva = 0x1000, .gpa = 0x1000, .nwalk = 3 };
	struct fix_tables t = fix_long_tables(&f);
	struct pool_walk w;

	fix_poke(&f, pdpt, 1ull << 37 | PTE_P, 8);
	fix_poke(&f, pdpt + 8, pd | PTE_P, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	a.walk[0] = 1ull << 37 | PTE_P;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	cr_assert_eq(f.stats[POOL_STAT_bad_guest_entry], 1);
	fix_settle(&f);

	fix_poke(&f, t.pdpt, FIX_USED | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x7ff000, WALK_WRITE, 0x7ff000);
	cr_assert_eq(fix_shadow(&f, 0x800000, false, &w), -ENOENT);
}

Test(pool_modes, mode_switch_drops_tables_of_the_other_format)
{
	struct fix_tables t = fix_long_tables(&f);

	fix_poke(&f, t.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	/* The PT page becomes a 32-bit directory that maps itself. */
	fix_write(&f, t.pt + 8, 0, 8);
	fix_write(&f, t.pt, t.pt | FIX_RWU, 4);
	fix_set_root(&f, FIX_PAGED, t.pt, 0, 0, false);
	fix_expect(&f, 0x0, 0, t.pt);
	cr_assert_gt(f.stats[POOL_STAT_cache_kind_mismatch], 0);
	cr_assert_eq(pool_pages_of_kind(f.p, 8), 0);
}

Test(pool_modes, directory_as_its_own_table)
{
	struct fix_tables t = fix_long_tables(&f);
	uint64_t gva = 0xffff000000000000ull | 256ull << 39 | 256ull << 30 | 256ull << 21 | 256ull << 12, gpa;

	fix_poke(&f, t.pml4 + 8 * 256, t.pml4 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, gva, 0, t.pml4);
	cr_assert_eq(fix_access(&f, gva, WALK_WRITE, &gpa), FIX_MONITORED);
	cr_assert_eq(pool_pages_of_kind(f.p, 16) + pool_pages_of_kind(f.p, 12) + pool_pages_of_kind(f.p, 17) +
		     pool_pages_of_kind(f.p, 8), 5, "two roots, and one shadow of the same page at each lower level");
}

static void setup_high(void)
{
	fix_init(&f);
	guest_ram_layout(&f.cfg.ram, (3ull << 30) + (64ull << 20));
	f.audit = false;	/* a full audit reads a word for each of 800,000 pages */
	fix_open(&f);
}

TestSuite(pool_modes_high, .init = setup_high, .fini = teardown);

Test(pool_modes_high, pae_and_pse36_above_4g)
{
	uint64_t pdpt = fix_table(&f), pd = fix_table(&f), pt = fix_table(&f), pd32 = fix_table(&f);

	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pd, pt | FIX_RWU, 8);
	fix_poke(&f, pt + 8, (4ull << 30) | FIX_RWU | PTE_A, 8);
	fix_poke(&f, pt + 16, 0xfffff000ull | FIX_RWU | PTE_A, 8);	/* in the hole */
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, 0, false);
	fix_expect(&f, 0x1008, WALK_WRITE, (4ull << 30) + 8);
	fix_poke(&f, pd32 + 4, PTE_PS | FIX_RWU | 1u << 13, 4);
	fix_set_root(&f, FIX_PAGED, pd32, CR4_PSE, 0, false);
	fix_expect(&f, 0x400000 + 0x3000, WALK_WRITE, (4ull << 30) + 0x3000);
	fix_audit(&f, "with RAM above 4 GiB");
}

Test(pool_modes_high, table_above_4g_is_monitored)
{
	struct fix_tables t = fix_long_tables(&f);
	uint64_t high = (4ull << 30) + 0x10000;
	struct pool_walk w;

	fix_poke(&f, t.pd, high | FIX_RWU, 8);
	fix_poke(&f, high + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	cr_assert_eq(f.state[high >> PAGE_SHIFT], PAGE_STATE_MONITORED);
	fix_write(&f, high + 8, 0x301000 | FIX_RWU, 8);
	cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), -ENOENT);
	fix_audit(&f, "with a table above 4 GiB");
}
