/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watched code: what the supervisor may execute, from where, and that nobody writes to it unseen. */
#include <criterion/criterion.h>
#include <errno.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define PAGE(n)	(0x300000 + (n) * PAGE_SIZE)

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	f.cfg.copies_maddr = FIX_COPIES_MADDR;
	f.watch_code = true;
	fix_open(&f);
}

static void load_tables(void)
{
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 64; i++)
		fix_poke(&f, t.pt + 8 * i, PAGE(i) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_code, .init = setup, .fini = teardown);

/* The leaf of gva: 0 if there is none. */
static uint64_t leaf(uint64_t gva, bool user)
{
	struct pool_walk w;

	return fix_shadow(&f, gva, user, &w) ? 0 : w.step[w.nsteps - 1].entry;
}

static uint64_t target(uint64_t gva, bool user)
{
	return leaf(gva, user) & PTE_ADDR;
}

static void cannot_fetch(uint64_t gva)
{
	cr_assert_eq(fix_map(&f, gva, WALK_FETCH), POOL_RETRY);
	cr_assert(leaf(gva, false) & PTE_NX);
}

Test(pool_code, unknown_page_is_data)
{
	load_tables();
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	cr_assert(leaf(0x5000, false) & PTE_NX);
	cr_assert(leaf(0x6000, false) & PTE_NX, "a prefetched neighbour is executable");
	cannot_fetch(0x5000);
	cr_assert_eq(leaf(0x5000, true), 0);
	fix_expect(&f, 0x5000, WALK_FETCH | WALK_USER, PAGE(5));	/* the user view does not care */
}

Test(pool_code, without_a_watch_nothing_is_different)
{
	f.watch_code = false;
	load_tables();
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(6), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x6000, WALK_FETCH, PAGE(6));
	cr_assert_eq(target(0x6000, false), FIX_RAM_MADDR + PAGE(6), "a copy where code is not watched");
	cr_assert_not(leaf(0x6000, false) & PTE_W);
}

Test(pool_code, page_that_was_looked_at_is_executed_and_not_written)
{
	uint64_t gpa;

	load_tables();
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_RAM), POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL, "who can write must forget it");
	cr_assert_eq(f.state[PAGE(5) >> PAGE_SHIFT], PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
	cr_assert_eq(leaf(0x5000, false), 0, "its leaves are gone");
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	cr_assert_eq(target(0x5000, false), FIX_RAM_MADDR + PAGE(5));
	cr_assert_not(leaf(0x5000, false) & PTE_W);
	cr_assert_eq(fix_access(&f, 0x5000, WALK_WRITE, &gpa), FIX_MONITORED);
	cr_assert_eq(fix_access(&f, 0x5000, WALK_WRITE | WALK_USER, &gpa), FIX_MONITORED);
	cannot_fetch(0x6000);
}

Test(pool_code, copy_is_executed_by_the_supervisor_only)
{
	uint64_t gpa;

	load_tables();
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	fix_expect(&f, 0x5000, WALK_WRITE | WALK_USER, PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	cr_assert_eq(leaf(0x5000, false) | leaf(0x5000, true), 0);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	fix_expect(&f, 0x5000, 0, PAGE(5));
	fix_expect(&f, 0x5000, WALK_USER, PAGE(5));
	cr_assert_eq(target(0x5000, false), FIX_COPIES_MADDR + PAGE(5));
	cr_assert_eq(target(0x5000, true), FIX_RAM_MADDR + PAGE(5), "the user view has the page itself");
	cr_assert_not(leaf(0x5000, false) & PTE_W);
	cr_assert_not(leaf(0x5000, true) & PTE_W);
	cr_assert_eq(fix_access(&f, 0x5000, WALK_WRITE, &gpa), FIX_MONITORED);
	cr_assert_eq(fix_access(&f, 0x5000, WALK_WRITE | WALK_USER, &gpa), FIX_MONITORED);
	/* Not even where the guest's D was the only thing that lacked. */
	cr_assert_eq(fix_dirty(&f, 0x5000, false), POOL_E_NOTFOUND);
}

Test(pool_code, copy_without_D_is_not_made_writable)
{
	load_tables();
	fix_poke(&f, t.pt + 8 * 9, PAGE(9) | FIX_RWU | PTE_A, 8);
	cr_assert_eq(fix_code(&f, PAGE(9), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x9000, WALK_FETCH, PAGE(9));
	cr_assert_eq(target(0x9000, false), FIX_COPIES_MADDR + PAGE(9));
	fix_write(&f, t.pt + 8 * 9, PAGE(9) | FIX_USED, 8);
	cr_assert_eq(fix_dirty(&f, 0x9000, false), POOL_E_NOTFOUND);
	cr_assert_not(leaf(0x9000, false) & PTE_W);
}

Test(pool_code, dropped_copy_leaves_nothing_behind)
{
	static const enum pool_code_state before[] = { POOL_CODE_STATE_RAM, POOL_CODE_STATE_COPY, POOL_CODE_STATE_LOOSE };

	load_tables();
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(fix_code(&f, PAGE(5), before[i]), POOL_OK);
		fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
		cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_UNKNOWN), POOL_OK);
		cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
		cr_assert_eq(f.state[PAGE(5) >> PAGE_SHIFT], 0);
		cr_assert_eq(leaf(0x5000, false), 0);
		cannot_fetch(0x5000);
		fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	}
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_UNKNOWN), POOL_OK);
	cr_assert(leaf(0x5000, false), "a call that changes nothing takes leaves away");
}

Test(pool_code, loose_page_is_executed_and_written)
{
	load_tables();
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_LOOSE), POOL_OK);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	cr_assert_eq(f.state[PAGE(5) >> PAGE_SHIFT], PAGE_STATE_EXEC);
}

/* Two address spaces, two addresses, both views. */
Test(pool_code, every_leaf_of_the_page_follows)
{
	struct fix_tables other;

	load_tables();
	fix_write(&f, t.pt + 8 * 20, PAGE(5) | FIX_USED, 8);
	other = fix_long_tables(&f);
	fix_poke(&f, other.pt + 8 * 7, PAGE(5) | FIX_USED, 8);
	for (unsigned round = 0; round < 2; round++) {
		fix_long_root(&f, t.pml4);
		fix_expect(&f, 0x14000, WALK_USER, PAGE(5));
		fix_expect(&f, 0x5000, 0, PAGE(5));
		fix_long_root(&f, other.pml4);
		fix_expect(&f, 0x7000, 0, PAGE(5));
		cr_assert_eq(fix_code(&f, PAGE(5), round ? POOL_CODE_STATE_UNKNOWN : POOL_CODE_STATE_COPY), POOL_OK);
		cr_assert_eq(leaf(0x7000, false), 0);
		fix_expect(&f, 0x7000, 0, PAGE(5));
		cr_assert_eq(target(0x7000, false), (round ? FIX_RAM_MADDR : FIX_COPIES_MADDR) + PAGE(5));
		fix_long_root(&f, t.pml4);
		cr_assert_eq(leaf(0x5000, false) | leaf(0x14000, true), 0);
		fix_expect(&f, 0x14000, 0, PAGE(5));
		cr_assert_eq(target(0x14000, false), (round ? FIX_RAM_MADDR : FIX_COPIES_MADDR) + PAGE(5));
	}
}

Test(pool_code, guest_table_has_no_copy)
{
	uint64_t table = fix_table(&f), gpa;

	load_tables();
	fix_write(&f, t.pt + 8 * 30, table | FIX_USED, 8);
	cr_assert_eq(fix_code(&f, table, POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x1e000, WALK_FETCH, table);
	cr_assert_eq(target(0x1e000, false), FIX_COPIES_MADDR + table);
	fix_poke(&f, table + 8, PAGE(8) | FIX_USED, 8);
	fix_write(&f, t.pd + 8, table | FIX_RWU, 8);
	fix_expect(&f, 0x201000, 0, PAGE(8));
	cr_assert_eq(f.state[table >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
	cr_assert_eq(leaf(0x1e000, false), 0, "the copy is still mapped");
	fix_expect(&f, 0x1e000, WALK_FETCH, table);
	cr_assert_eq(target(0x1e000, false), FIX_RAM_MADDR + table);
	cr_assert_eq(fix_access(&f, 0x1e000, WALK_WRITE, &gpa), FIX_MONITORED);
	cr_assert_eq(fix_code(&f, table, POOL_CODE_STATE_COPY), POOL_OK, "a copy of a table is no error, but there is none");
	cr_assert_eq(f.state[table >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
	cr_assert_eq(fix_code(&f, table, POOL_CODE_STATE_UNKNOWN), POOL_OK);
	cr_assert_eq(f.state[table >> PAGE_SHIFT], PAGE_STATE_MONITORED);
	cr_assert_eq(fix_code(&f, table, POOL_CODE_STATE_RAM), POOL_OK);
	/* The table goes; what was asked for the page stays. */
	fix_write(&f, t.pd + 8, 0, 8);
	fix_set_root(&f, 0, 0, 0, 0, false);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.state[table >> PAGE_SHIFT], PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
}

/* It may be written, and a write would not reach the copy; the leaf to the copy stood in the way of every write. */
Test(pool_code, page_that_is_no_longer_tracked_has_no_copy)
{
	load_tables();
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	fix_track(&f, PAGE(5) >> PAGE_SHIFT, false);
	cr_assert_eq(f.state[PAGE(5) >> PAGE_SHIFT], PAGE_STATE_EXEC);
	cr_assert_eq(leaf(0x5000, false), 0);
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	cr_assert_eq(target(0x5000, false), FIX_RAM_MADDR + PAGE(5));
}

Test(pool_code, page_open_for_a_step_has_no_copy)
{
	load_tables();
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	fix_step_open(&f, PAGE(5) >> PAGE_SHIFT);
	cr_assert_eq(leaf(0x5000, false), 0);
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	cr_assert_eq(target(0x5000, false), FIX_RAM_MADDR + PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	cr_assert_eq(f.state[PAGE(5) >> PAGE_SHIFT], PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
	fix_step_close(&f);
	cr_assert_not(leaf(0x5000, false) & PTE_W);
}

Test(pool_code, unpaged_code_is_watched_in_both_views)
{
	fix_both_formats(&f) {
		f.watch_code = true;
		fix_set_root(&f, CR0_PE, 0, 0, 0, false);
		fix_expect(&f, 0x5000, WALK_WRITE, 0x5000);
		cannot_fetch(0x5000);
		cr_assert_eq(fix_map(&f, 0x5000, WALK_FETCH | WALK_USER), POOL_RETRY);
		cr_assert_eq(fix_code(&f, 0x5000, POOL_CODE_STATE_COPY), POOL_OK);
		fix_expect(&f, 0x5000, WALK_FETCH, 0x5000);
		cr_assert_eq(target(0x5000, false), (fix_f32(&f) ? FIX_RAM_MADDR : FIX_COPIES_MADDR) + 0x5000,
			     "an entry of 4 bytes leads to RAM, one of 8 to the copy");
		cr_assert_not(leaf(0x5000, false) & PTE_W);
	}
}

Test(pool_code, guests_of_32_bits_in_both_formats)
{
	fix_both_formats(&f) {
		uint64_t pd = fix_table(&f), pt = fix_table(&f), gpa;

		f.watch_code = true;
		fix_poke(&f, pd, pt | FIX_USED, 4);
		fix_poke(&f, pd + 4, 0x400000 | FIX_USED | PTE_PS, 4);
		fix_poke(&f, pt + 4, PAGE(1) | FIX_USED, 4);
		fix_set_root(&f, FIX_PAGED, pd, CR4_PSE, 0, false);
		cannot_fetch(0x1000);
		cannot_fetch(0x403000);
		cr_assert_eq(fix_code(&f, PAGE(1), POOL_CODE_STATE_COPY), POOL_OK);
		cr_assert_eq(fix_code(&f, 0x403000, POOL_CODE_STATE_COPY), POOL_OK);
		fix_expect(&f, 0x1000, WALK_FETCH, PAGE(1));
		fix_expect(&f, 0x403000, WALK_FETCH, 0x403000);
		cr_assert_eq(target(0x403000, false), (fix_f32(&f) ? FIX_RAM_MADDR : FIX_COPIES_MADDR) + 0x403000);
		cr_assert_eq(fix_access(&f, 0x403000, WALK_WRITE, &gpa), FIX_MONITORED);
		fix_expect(&f, 0x403000, WALK_FETCH | WALK_USER, 0x403000);
		cr_assert_eq(target(0x403000, true), FIX_RAM_MADDR + 0x403000, "the inside of a large page is one of each view");
	}
}

Test(pool_code, smap_leaf_for_a_fetch_obeys)
{
	load_tables();
	fix_set_root(&f, FIX_PAGED, t.pml4, CR4_PAE | CR4_SMAP, FIX_LONG, false);
	cr_assert_eq(fix_map(&f, 0x5000, WALK_FETCH), POOL_RETRY);
	cr_assert_eq(leaf(0x5000, false), 0);
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	cr_assert_eq(target(0x5000, false), FIX_COPIES_MADDR + PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_UNKNOWN), POOL_OK);
	cr_assert_eq(leaf(0x5000, false), 0);
}

Test(pool_code, large_leaf_is_data_and_goes)
{
	fix_close(&f);
	fix_init(&f);
	f.cfg.copies_maddr = FIX_COPIES_MADDR;
	f.cfg.large_leaves = true;
	f.watch_code = true;
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x205000, WALK_WRITE, 0x405000);
	cr_assert(leaf(0x205000, false) & PTE_PS);
	cannot_fetch(0x205000);
	cr_assert_eq(fix_code(&f, 0x405000, POOL_CODE_STATE_COPY), POOL_OK);
	cr_assert_eq(leaf(0x205000, false), 0);
	fix_expect(&f, 0x205000, WALK_FETCH, 0x405000);
	cr_assert_eq(target(0x205000, false), FIX_COPIES_MADDR + 0x405000);
	fix_expect(&f, 0x206000, WALK_WRITE, 0x406000);
	cr_assert_eq(leaf(0x206000, false) & PTE_PS, 0, "a large leaf beside a copy");
	cr_assert_eq(fix_code(&f, 0x405000, POOL_CODE_STATE_LOOSE), POOL_OK);
	fix_expect(&f, 0x205000, WALK_FETCH, 0x405000);
	cr_assert_eq(leaf(0x206000, false) & PTE_PS, 0);
}

Test(pool_code, table_out_of_step_comes_back_first)
{
	uint64_t table = fix_table(&f);

	fix_close(&f);
	fix_init(&f);
	f.cfg.copies_maddr = FIX_COPIES_MADDR;
	f.cfg.unsync_tables = 4;
	f.cfg.hot_limit = 2;
	f.watch_code = true;
	fix_open(&f);
	load_tables();
	table = t.pt;
	fix_expect(&f, 0x5000, 0, PAGE(5));
	for (unsigned i = 0; i < 8 && !(f.state[table >> PAGE_SHIFT] & PAGE_STATE_UNSYNC); i++)
		fix_write_fault(&f, 0x700000, table, WRITE_CLASS_SIMPLE, 0x1234);
	cr_assert(f.state[table >> PAGE_SHIFT] & PAGE_STATE_UNSYNC);
	cr_assert_eq(fix_code(&f, table, POOL_CODE_STATE_COPY), POOL_OK);
	cr_assert_eq(f.state[table >> PAGE_SHIFT] & ~PAGE_STATE_HOT, PAGE_STATE_MONITORED | PAGE_STATE_TRACKED | PAGE_STATE_EXEC);
}

Test(pool_code, overflowed_page_follows_too)
{
	fix_close(&f);
	fix_init(&f);
	f.cfg.copies_maddr = FIX_COPIES_MADDR;
	f.cfg.rmap_nodes_per_gfn = 1;
	f.watch_code = true;
	fix_open(&f);
	load_tables();
	for (unsigned i = 64; i < 96; i++) {
		fix_write(&f, t.pt + 8 * i, PAGE(5) | FIX_USED, 8);
		fix_expect(&f, i * PAGE_SIZE, WALK_WRITE, PAGE(5));
	}
	cr_assert_gt(f.stats[POOL_STAT_rmap_overflow], 0);
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	for (unsigned i = 64; i < 96; i++)
		cr_assert_eq(leaf(i * PAGE_SIZE, false), 0);
}

/* A leaf that is gone may still be in a TLB, writable, and nothing in the reverse map says so. */
Test(pool_code, writer_without_a_leaf_is_flushed)
{
	struct pool_result r;

	load_tables();
	fix_expect(&f, 0x5000, WALK_WRITE, PAGE(5));
	fix_write(&f, t.pt + 8 * 5, 0, 8);
	cr_assert_eq(leaf(0x5000, false), 0);
	pool_set_code_state(f.p, PAGE(5) >> PAGE_SHIFT, POOL_CODE_STATE_RAM, &r);
	cr_assert_eq(r.status, POOL_OK);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	fix_invlpg(&f, 0x5000);
}

Test(pool_code, what_cannot_be_is_refused)
{
	struct pool_modes m = { .cr0 = CR0_PE, .watch_code = true };
	struct pool_result r;

	load_tables();
	cr_assert_eq(fix_code(&f, 8ull << 20, POOL_CODE_STATE_RAM), POOL_E_RANGE);
	cr_assert_eq(fix_code(&f, PAGE(1), POOL_CODE_STATE_COUNT), POOL_E_INVAL);
	fix_close(&f);
	fix_init(&f);
	fix_open(&f);
	pool_set_root(f.p, 0, &m, &r);
	cr_assert_eq(r.status, POOL_E_INVAL);
	pool_set_code_state(f.p, 5, POOL_CODE_STATE_RAM, &r);
	cr_assert_eq(r.status, POOL_E_INVAL);
}

/* One wrong entry at a time: the audit names it. */
static void spoil(uint64_t gva, uint64_t clear, uint64_t set, unsigned rule)
{
	struct pool_violation v[4];
	struct pool_walk w;
	uint64_t old;
	uint32_t n;

	cr_assert_eq(fix_shadow(&f, gva, false, &w), 0);
	old = w.step[w.nsteps - 1].entry;
	format_put(f.p, w.step[w.nsteps - 1].page, w.step[w.nsteps - 1].slot, (old & ~clear) | set);
	n = pool_audit(f.p, POOL_AUDIT_FULL, v, 4);
	cr_assert(n, "nothing is wrong with %llx", (unsigned long long)((old & ~clear) | set));
	cr_assert_eq(v[0].rule, rule, "A%u", v[0].rule);
	format_put(f.p, w.step[w.nsteps - 1].page, w.step[w.nsteps - 1].slot, old);
	fix_audit(&f, "put right");
}

Test(pool_code, audit_sees_what_is_wrong)
{
	load_tables();
	fix_expect(&f, 0x4000, 0, PAGE(4));
	cr_assert_eq(fix_code(&f, PAGE(5), POOL_CODE_STATE_COPY), POOL_OK);
	fix_expect(&f, 0x5000, WALK_FETCH, PAGE(5));
	cr_assert_eq(fix_code(&f, PAGE(6), POOL_CODE_STATE_LOOSE), POOL_OK);
	fix_expect(&f, 0x6000, WALK_FETCH, PAGE(6));
	spoil(0x4000, PTE_NX, 0, 16);					/* nobody has looked at it */
	spoil(0x5000, PTE_ADDR, FIX_RAM_MADDR + PAGE(5), 16);		/* the page itself is executed */
	spoil(0x6000, PTE_ADDR | PTE_W | PTE_D, FIX_COPIES_MADDR + PAGE(6), 16);	/* a copy that was not asked for */
	spoil(0x6000, PTE_ADDR, FIX_COPIES_MADDR + PAGE(6), 18);	/* ... and writable */
	spoil(0x5000, ENTRY_DEFERRED, PTE_W | PTE_D, 18);
	spoil(0x5000, PTE_ADDR, FIX_COPIES_MADDR + PAGE(7), 14);	/* the copy of another page */
}
