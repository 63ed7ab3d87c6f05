/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaves of 2 MiB: where one is made, what takes it away, and that it never gives write access to a page that is watched.
 * RAM is 9 MiB here: four whole frames, and half of one that no leaf may map.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define MIB	(1ull << 20)
#define FRAME	0x400000ull	/* one that nothing else is in */
#define TARGET	0x300000ull

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	guest_ram_layout(&f.cfg.ram, 9 * MIB);
	f.cfg.large_leaves = true;
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_large, .init = setup, .fini = teardown);

/* gva 0: a table; 2 MiB: FRAME by one guest page. */
static void start(void)
{
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_poke(&f, t.pd + 8, FRAME | FIX_USED | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
}

/* The last step of the shadow's walk, and that it is a large leaf or not. */
static struct pool_walk_step leaf_of(uint64_t gva, bool user, bool large)
{
	struct pool_walk w;

	cr_assert_eq(fix_shadow(&f, gva, user, &w), 0, "%llx is not mapped", (unsigned long long)gva);
	cr_assert_eq(!!(w.step[w.nsteps - 1].entry & PTE_PS), large, "%llx", (unsigned long long)gva);
	cr_assert_eq(w.step[w.nsteps - 1].level, large ? 2 : 1);
	return w.step[w.nsteps - 1];
}

static bool is_mapped(uint64_t gva)
{
	struct pool_walk w;

	return !fix_shadow(&f, gva, false, &w);
}

Test(pool_large, two_mib_page_by_one_entry)
{
	struct pool_walk_step s;

	start();
	fix_expect(&f, 2 * MIB + 0x5008, WALK_WRITE, FRAME + 0x5008);
	s = leaf_of(2 * MIB, false, true);
	cr_assert_eq(s.kind, KIND_64BIT_PD_FOR_64BIT_PD);
	cr_assert_eq(s.entry, (FIX_RAM_MADDR + FRAME) | FIX_USED | PTE_PS);
	cr_assert_eq(f.stats[POOL_STAT_map_large], 1);
	cr_assert_eq(f.stats[POOL_STAT_map_requests], 1);
	fix_expect(&f, 4 * MIB - 1, 0, FRAME + 2 * MIB - 1);
	cr_assert_eq(f.stats[POOL_STAT_map_requests], 1, "the whole page is there");
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_2MB), 0);
	fix_expect(&f, 2 * MIB, WALK_USER | WALK_WRITE, FRAME);
	cr_assert_eq(f.stats[POOL_STAT_map_large], 2, "the other view");
}

Test(pool_large, off_by_default)
{
	f.cfg.large_leaves = false;
	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	leaf_of(2 * MIB, false, false);
	cr_assert_eq(f.stats[POOL_STAT_map_large] + f.stats[POOL_STAT_large_refused], 0);
}

Test(pool_large, every_kind_that_may_have_one)
{
	uint64_t pd, pdpt;

	start();
	fix_poke(&f, t.pdpt + 8, FIX_USED | PTE_PS, 8);
	fix_expect(&f, (1ull << 30) + FRAME + 0x1000, WALK_WRITE, FRAME + 0x1000);
	cr_assert_eq(leaf_of((1ull << 30) + FRAME, false, true).kind, KIND_64BIT_PD_FOR_64BIT_1GB);

	fix_set_root(&f, CR0_PE, 0, 0, 0, false);
	fix_expect(&f, FRAME + 0x2000, WALK_WRITE, FRAME + 0x2000);
	cr_assert_eq(leaf_of(FRAME, false, true).kind, KIND_64BIT_PD_FOR_PHYS);

	pd = fix_table(&f);
	fix_poke(&f, pd + 4 * 512, FRAME | FIX_USED | PTE_PS, 4);
	fix_set_root(&f, FIX_PAGED, pd, CR4_PSE, 0, false);
	fix_expect(&f, 0x80001000, WALK_WRITE, FRAME + 0x1000);
	fix_expect(&f, 0x80201000, 0, FRAME + 2 * MIB + 0x1000);
	cr_assert_eq(leaf_of(0x80000000, false, true).kind, KIND_PAE_PD_FOR_32BIT_PD);
	cr_assert_eq(leaf_of(0x80200000, false, true).entry & PTE_ADDR, FIX_RAM_MADDR + FRAME + 2 * MIB);
	fix_write(&f, pd + 4 * 512, 0, 4);
	cr_assert(!is_mapped(0x80000000) && !is_mapped(0x80200000), "both halves of the guest's page");

	pdpt = fix_table(&f);
	pd = fix_table(&f);
	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pd, FRAME | FIX_USED | PTE_PS, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, EFER_NXE, false);
	fix_expect(&f, 0x1fffff, WALK_WRITE, FRAME + 0x1fffff);
	cr_assert_eq(leaf_of(0, false, true).kind, KIND_PAE_PD_FOR_PAE_PD);
}

/* The last frame is half RAM; the first one holds tables. */
Test(pool_large, frames_with_holes_or_tables_are_refused)
{
	start();
	fix_poke(&f, t.pd + 16, 8 * MIB | FIX_USED | PTE_PS, 8);
	fix_poke(&f, t.pd + 24, 0 | FIX_USED | PTE_PS, 8);
	fix_expect(&f, 4 * MIB, WALK_WRITE, 8 * MIB);
	leaf_of(4 * MIB, false, false);
	cr_assert_eq(f.stats[POOL_STAT_large_refused], 1);
	fix_expect(&f, 6 * MIB, WALK_WRITE, 0);
	leaf_of(6 * MIB, false, false);
	cr_assert_eq(f.stats[POOL_STAT_large_refused], 2);
	cr_assert_eq(f.stats[POOL_STAT_map_large], 0);
	cr_assert_eq(f.stats[POOL_STAT_large_split], 2);
}

/* A page under a large leaf becomes a table: before the pool reads it, nobody may write to it any more. */
Test(pool_large, table_in_a_mapped_frame_breaks_it_up)
{
	uint64_t pt = FRAME + 0x7000, gpa;

	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_expect(&f, 2 * MIB, WALK_WRITE | WALK_USER, FRAME);
	fix_poke(&f, pt, TARGET | FIX_USED, 8);
	fix_poke(&f, t.pd + 16, pt | FIX_USED, 8);
	fix_expect(&f, 4 * MIB, WALK_WRITE, TARGET);
	cr_assert(!is_mapped(2 * MIB), "both leaves went");
	cr_assert_eq(f.stats[POOL_STAT_large_broken], 1);
	cr_assert_eq(f.state[pt >> PAGE_SHIFT], PAGE_STATE_MONITORED);
	cr_assert_eq(fix_access(&f, 2 * MIB + 0x7000, WALK_WRITE, &gpa), FIX_MONITORED);
	fix_expect(&f, 2 * MIB + 0x8000, WALK_WRITE, FRAME + 0x8000);
	leaf_of(2 * MIB + 0x8000, false, false);
	cr_assert_eq(f.stats[POOL_STAT_map_large], 2, "not again while a table is there");
}

Test(pool_large, breaking_up_owes_a_flush_of_everything)
{
	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	pool_track(f.p, gfn_of(FRAME) + 5, true, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(f.r.ntouch, 1);
	cr_assert(!is_mapped(2 * MIB));
	fix_settle(&f);
	pool_track(f.p, gfn_of(FRAME) + 5, false, &f.r);
	fix_settle(&f);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	leaf_of(2 * MIB, false, true);
}

/* What is there stays there: a table is not replaced by the leaf that has become possible. */
Test(pool_large, table_that_is_there_is_kept)
{
	start();
	pool_track(f.p, gfn_of(FRAME), true, &f.r);
	fix_settle(&f);
	fix_expect(&f, 2 * MIB + 0x1000, WALK_WRITE, FRAME + 0x1000);
	pool_track(f.p, gfn_of(FRAME), false, &f.r);
	fix_settle(&f);
	fix_expect(&f, 2 * MIB + 0x20000, WALK_WRITE, FRAME + 0x20000);
	leaf_of(2 * MIB + 0x20000, false, false);
	cr_assert_eq(f.stats[POOL_STAT_map_large], 0);
}

Test(pool_large, dirty_bit_is_tracked)
{
	struct pool_walk_step s;

	start();
	fix_poke(&f, t.pd + 8, FRAME | FIX_RWU | PTE_PS, 8);
	fix_expect(&f, 2 * MIB, 0, FRAME);
	s = leaf_of(2 * MIB, false, true);
	cr_assert_eq(s.entry & (PTE_W | PTE_D | ENTRY_DEFERRED), ENTRY_TRACK_DIRTY);
	cr_assert_eq(fix_dirty(&f, 2 * MIB, false), POOL_E_NOTFOUND);
	fix_poke(&f, t.pd + 8, FRAME | FIX_USED | PTE_PS, 8);
	cr_assert_eq(fix_dirty(&f, 2 * MIB + 0x3000, false), POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_GVA);
	s = leaf_of(2 * MIB, false, true);
	cr_assert_eq(s.entry & (PTE_W | PTE_D | ENTRY_DEFERRED), PTE_W | PTE_D);
	/* The guest clears D: it wants to know of the next write. */
	fix_write(&f, t.pd + 8, FRAME | (FIX_USED & ~PTE_D) | PTE_PS, 8);
	cr_assert(!is_mapped(2 * MIB));
	fix_invlpg(&f, 2 * MIB);
	fix_expect(&f, 2 * MIB, 0, FRAME);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	cr_assert(fix_read(&f, t.pd + 8, 8) & PTE_D);
}

Test(pool_large, rights_of_the_view)
{
	uint64_t gpa;

	start();
	fix_poke(&f, t.pd + 8, FRAME | PTE_P | PTE_A | PTE_D | PTE_U | PTE_NX | PTE_PS, 8);
	fix_expect(&f, 2 * MIB, 0, FRAME);
	cr_assert_eq(leaf_of(2 * MIB, false, true).entry & (PTE_W | PTE_NX), PTE_NX);
	cr_assert_eq(fix_access(&f, 2 * MIB, WALK_WRITE, &gpa), FIX_FAULT);
	cr_assert_eq(fix_access(&f, 2 * MIB, WALK_FETCH, &gpa), FIX_FAULT);
	fix_set_root(&f, CR0_PE | CR0_PG, t.pml4, CR4_PAE, FIX_LONG, false);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	leaf_of(2 * MIB, false, true);
	fix_write(&f, t.pd + 8, FRAME | FIX_USED | PTE_PS, 8);
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE | CR4_SMEP, FIX_LONG, false);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	cr_assert(leaf_of(2 * MIB, false, true).entry & PTE_NX, "SMEP");
	cr_assert_eq(fix_access(&f, 2 * MIB, WALK_FETCH, &gpa), FIX_FAULT);
	fix_expect(&f, 2 * MIB, WALK_USER | WALK_FETCH, FRAME);
	fix_write(&f, t.pd + 8, FRAME | (FIX_USED & ~PTE_U) | PTE_PS, 8);
	fix_invlpg(&f, 2 * MIB);
	cr_assert_eq(fix_access(&f, 2 * MIB, WALK_USER, &gpa), FIX_FAULT);
}

/* SMAP: absent for the supervisor; a fetch gets its one page, by a table. */
Test(pool_large, smap_takes_no_large_leaf)
{
	uint64_t gpa;

	start();
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE | CR4_SMAP, FIX_LONG, false);
	cr_assert_eq(fix_access(&f, 2 * MIB, 0, &gpa), FIX_FAULT);
	cr_assert_eq(fix_access(&f, 2 * MIB, WALK_FETCH, &gpa), FIX_OK);
	leaf_of(2 * MIB, false, false);
	fix_expect(&f, 2 * MIB, WALK_USER, FRAME);
	leaf_of(2 * MIB, true, true);
}

/* A CPU may hold the page in parts: INVLPG for one address of it must reach all of them. */
Test(pool_large, invlpg_reaches_every_part)
{
	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_write(&f, t.pd + 8, 6 * MIB | FIX_USED | PTE_PS, 8);
	cr_assert(!is_mapped(2 * MIB));
	pool_invlpg(f.p, 0, 2 * MIB, false, &f.r);
	cr_assert_geq(f.r.flush, POOL_FLUSH_ROOT);
	fix_settle(&f);
	fix_expect(&f, 2 * MIB + 0x9000, WALK_WRITE, 6 * MIB + 0x9000);
	fix_invlpg(&f, 2 * MIB);
	/* Not noticed as a write, and still there: the entry is compared. */
	fix_poke(&f, t.pd + 8, FRAME | FIX_USED | PTE_PS, 8);
	pool_invlpg(f.p, 0, 2 * MIB + 0x3000, false, &f.r);
	cr_assert_geq(f.r.flush, POOL_FLUSH_ROOT);
	cr_assert(!is_mapped(2 * MIB));
	fix_settle(&f);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
}

/* The leaf is right and stays, but who flushes one address of the guest's page means all of it. */
Test(pool_large, invlpg_of_a_leaf_that_stays)
{
	start();
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE, FIX_LONG, false);
	fix_write(&f, t.pt, 0, 8);
	pool_invlpg(f.p, 0, 2 * MIB, false, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ROOT);
	cr_assert(is_mapped(2 * MIB));
	fix_settle(&f);
}

/* Twenty mappings of one frame are more than a word with one node of seven can name. */
Test(pool_large, overflowed_frame_is_found_by_a_scan)
{
	f.cfg.rmap_nodes_per_gfn = 1;
	start();
	for (unsigned i = 1; i < 21; i++)
		fix_poke(&f, t.pd + 8 * i, FRAME | FIX_USED | PTE_PS, 8);
	for (unsigned i = 1; i < 21; i++)
		fix_expect(&f, i * 2 * MIB, i & 1 ? WALK_WRITE : 0, FRAME);
	cr_assert_eq(f.p->n_overflowed, 1);
	fix_poke(&f, t.pd + 8 * 30, 6 * MIB | FIX_USED | PTE_PS, 8);
	fix_expect(&f, 60 * MIB, 0, 6 * MIB);
	pool_track(f.p, gfn_of(FRAME) + 511, true, &f.r);
	for (unsigned i = 1; i < 21; i++)
		cr_assert(!is_mapped(i * 2 * MIB));
	cr_assert(is_mapped(60 * MIB), "another frame");
	cr_assert_eq(f.p->n_overflowed, 0);
	fix_settle(&f);
}

Test(pool_large, chain_of_references_goes_as_a_whole)
{
	start();
	for (unsigned i = 1; i < 21; i++)
		fix_poke(&f, t.pd + 8 * i, FRAME | FIX_USED | PTE_PS, 8);
	for (unsigned i = 1; i < 21; i++)
		fix_expect(&f, i * 2 * MIB, WALK_WRITE, FRAME);
	fix_write(&f, t.pd + 8 * 3, 0, 8);
	cr_assert_lt(f.p->n_ext_free, f.p->cfg.max_extents);
	rmap_flush(f.p, gfn_of(FRAME) + 77);
	for (unsigned i = 1; i < 21; i++)
		cr_assert(!is_mapped(i * 2 * MIB));
	cr_assert_eq(f.p->n_ext_free, f.p->cfg.max_extents);
	cr_assert(!f.p->corrupt);
}

Test(pool_large, clear_all_and_flush_all_and_reset)
{
	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	pool_clear_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert(!is_mapped(2 * MIB) && !is_mapped(0));
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	leaf_of(2 * MIB, false, true);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert(!is_mapped(2 * MIB));
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	pool_track(f.p, gfn_of(6 * MIB), true, &f.r);
	pool_reset(f.p);
	fix_audit(&f, "after a reset");
	fix_long_root(&f, t.pml4);
	fix_poke(&f, t.pd + 16, 6 * MIB | FIX_USED | PTE_PS, 8);
	fix_expect(&f, 4 * MIB, WALK_WRITE, 6 * MIB);
	leaf_of(4 * MIB, false, true);
}

Test(pool_large, guest_replaces_the_page_by_a_table_and_back)
{
	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_write(&f, t.pd + 8, t.pt | FIX_USED, 8);
	fix_invlpg(&f, 2 * MIB);
	fix_expect(&f, 2 * MIB, WALK_WRITE, TARGET);
	fix_write(&f, t.pd + 8, FRAME | FIX_USED | PTE_PS, 8);
	fix_invlpg(&f, 2 * MIB);
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	leaf_of(2 * MIB, false, true);
	/* Replaced without a word: MAP finds the leaf in the way of the table. */
	fix_poke(&f, t.pd + 8, t.pt | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 2 * MIB, 0), POOL_OK);
	leaf_of(2 * MIB, false, false);
}

/* The guest's own walk led elsewhere than the entry does now. */
Test(pool_large, other_target_than_the_request)
{
	struct pool_map_args a = { .gva = 2 * MIB + 0x1000, .gpa = 6 * MIB + 0x1000, .nwalk = 3 };

	start();
	fix_expect(&f, 0, 0, TARGET);
	a.walk[0] = fix_read(&f, t.pml4, 8);
	a.walk[1] = fix_read(&f, t.pdpt, 8);
	a.walk[2] = fix_read(&f, t.pd + 8, 8);
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	a.gpa = FRAME + 0x2000;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	a.gpa = FRAME + 0x1000;
	a.walk[2] ^= PTE_PCD;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY, "the entry is another one");
	cr_assert(!is_mapped(2 * MIB));
	a.walk[2] ^= PTE_PCD;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.r.prefetched, 0);
	leaf_of(2 * MIB, false, true);
	fix_settle(&f);
}

Test(pool_large, memory_open_for_a_step_is_mapped_by_small_pages)
{
	uint64_t gpa = FRAME + 0x7000;

	start();
	fix_poke(&f, gpa, TARGET | FIX_USED, 8);
	fix_poke(&f, t.pd + 16, gpa | FIX_USED, 8);
	fix_expect(&f, 4 * MIB, WALK_WRITE, TARGET);
	fix_step_open(&f, gpa >> PAGE_SHIFT);
	fix_expect(&f, 2 * MIB + 0x7000, WALK_WRITE, gpa);
	leaf_of(2 * MIB + 0x7000, false, false);
	fix_step_close(&f);
}

Test(pool_large, above_4g_frames_start_anew)
{
	uint64_t high = 4ull << 30;

	guest_ram_layout(&f.cfg.ram, (3ull << 30) + 3 * MIB);
	f.audit = false;
	start();
	fix_poke(&f, t.pd + 16, high | FIX_USED | PTE_PS, 8);
	fix_poke(&f, t.pd + 24, (high + 2 * MIB) | FIX_USED | PTE_PS, 8);
	fix_expect(&f, 4 * MIB, WALK_WRITE, high);
	leaf_of(4 * MIB, false, true);
	fix_expect(&f, 6 * MIB, WALK_WRITE, high + 2 * MIB);
	leaf_of(6 * MIB, false, false);
	fix_poke(&f, t.pd + 32, ((3ull << 30) - 2 * MIB) | FIX_USED | PTE_PS, 8);
	fix_expect(&f, 8 * MIB, WALK_WRITE, (3ull << 30) - 2 * MIB);
	leaf_of(8 * MIB, false, true);
	fix_audit(&f, "with frames above 4 GiB");
	for (uint32_t i = 0; i < f.p->n_frames; i++)
		if (large_frame_gpa(f.p, i) != 0 && large_frame_gpa(f.p, i) != high + 2 * MIB)
			cr_assert(large_allowed(f.p, large_frame_gpa(f.p, i)));
}

Test(pool_large, machine_address_of_ram_must_be_aligned)
{
	f.cfg.ram_maddr += PAGE_SIZE;
	cr_assert_eq(pool_memory_needed(&f.cfg), 0);
	f.cfg.large_leaves = false;
	cr_assert_neq(pool_memory_needed(&f.cfg), 0);
	f.cfg.ram_maddr -= PAGE_SIZE;
	f.cfg.large_leaves = true;
	fix_open(&f);
}

/* The hook that breaks a leaf on purpose breaks large ones, and the audit says so. */
Test(pool_large, poisoned_leaf_is_found)
{
	struct pool_violation v;

	start();
	f.audit = false;
	pool_poison_leaf(f.p, 1);
	fix_map(&f, 2 * MIB, WALK_WRITE);
	cr_assert_eq(leaf_of(2 * MIB, false, true).entry & PTE_ADDR, FIX_RAM_MADDR + (FRAME ^ 2 * MIB));
	cr_assert_gt(pool_audit(f.p, POOL_AUDIT_FULL, &v, 1), 0);
	cr_assert_eq(v.rule, 17);
}

/* ---- what the audit must find ---- */

static uint64_t *slot_at(uint64_t gva)
{
	return (uint64_t *)(void *)(f.arena + (leaf_of(gva, false, true).maddr - FIX_POOL_MADDR));
}

static bool audit_finds(unsigned rule)
{
	struct pool_violation v[16];
	uint32_t n = pool_audit(f.p, POOL_AUDIT_FULL, v, 16);

	for (uint32_t i = 0; i < n && i < 16; i++)
		if (v[i].rule == rule)
			return true;
	return false;
}

Test(pool_large, audit_finds_damage)
{
	uint64_t *at, was;

	start();
	fix_expect(&f, 2 * MIB, WALK_WRITE, FRAME);
	fix_audit(&f, "as it should be");
	at = slot_at(2 * MIB);
	was = *at;
	*at = was + PAGE_SIZE;
	cr_assert(audit_finds(10), "not aligned");
	*at = was + 4 * MIB;
	cr_assert(audit_finds(10), "half of it is no RAM");
	*at = was + 2 * MIB;
	cr_assert(audit_finds(14) && audit_finds(17));
	*at = was | PTE_G;
	cr_assert(audit_finds(20));
	*at = was & ~PTE_D;
	cr_assert(audit_finds(20));
	*at = (was & ~(PTE_W | PTE_D)) | ENTRY_GUARDED;
	cr_assert(audit_finds(16));
	*at = was | PTE_NX;
	cr_assert(audit_finds(16));
	*at = was & ~PTE_PS;
	cr_assert(audit_finds(20), "no table is there");
	*at = was;
	fix_audit(&f, "as it was");
	f.p->state[gfn_of(FRAME) + 9] = PAGE_STATE_TRACKED;
	cr_assert(audit_finds(18) && audit_finds(24));
	f.p->state[gfn_of(FRAME) + 9] = 0;
	f.p->no_large[2]++;
	cr_assert(audit_finds(24));
	f.p->no_large[2]--;
	was = f.p->large_rmap[2];
	f.p->large_rmap[3] = was;
	cr_assert(audit_finds(14));
	f.p->large_rmap[3] = f.p->large_rmap[2] = 0;
	cr_assert(audit_finds(14));
	f.p->large_rmap[2] = was;
	fix_audit(&f, "at the end");
}

/* The arena is writable in another process: a bit there makes a link into a leaf, and none of the pool's memory follows it. */
Test(pool_large, scribbled_leaf_is_no_way_out)
{
	struct pool_walk w;
	uint64_t *at;

	start();
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	at = (uint64_t *)(void *)(f.arena + (w.step[2].maddr - FIX_POOL_MADDR));
	*at |= PTE_PS;
	cr_assert_eq(fix_shadow(&f, 0, false, &w), -ENOENT);
	fix_poke(&f, t.pd, 0, 8);
	pool_guest_write(f.p, 0, t.pd, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	pool_reset(f.p);
	fix_audit(&f, "after a reset");
}
