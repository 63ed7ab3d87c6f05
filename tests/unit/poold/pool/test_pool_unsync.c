/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaf tables left out of step: who gets it, what the guest then may do unseen, and each thing that ends it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define DATA	0x400000ull
#define OTHER	0x500000ull
#define VIEW	0x200000ull	/* gva of the pages through which the guest writes its tables */

static struct fix f;
static struct fix_tables t;

/* An address space whose second 2 MiB map its own tables; each access below has its rip. */
static void start(uint32_t slots)
{
	uint64_t pt2;

	fix_init(&f);
	f.cfg.unsync_tables = slots;
	f.cfg.hot_limit = 2;
	f.cfg.prefetch = 1;
	fix_open(&f);
	t = fix_long_tables(&f);
	pt2 = fix_table(&f);
	fix_poke(&f, t.pd + 8, pt2 | FIX_RWU, 8);
	for (unsigned i = 0; i < 64; i++)
		fix_poke(&f, pt2 + i * 8, (0x10000 + i * PAGE_SIZE) | FIX_USED, 8);
	for (unsigned i = 0; i < 16; i++)
		fix_poke(&f, t.pt + i * 8, (DATA + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static uint64_t view_of(uint64_t gpa)
{
	return VIEW + gpa - 0x10000;
}

/* A guest's store to one of its tables, as trapd and the CPU make it together. What it took is the answer. */
static enum pool_status guest_store(uint64_t gpa, uint64_t value)
{
	enum pool_status s = POOL_OK;
	uint64_t at;

	for (unsigned n = 0; n < 6; n++) {
		enum fix_access a = fix_access(&f, view_of(gpa), WALK_WRITE, &at);

		if (a == FIX_OK) {
			cr_assert_eq(at, gpa);
			fix_poke(&f, gpa, value, 8);
			return s;
		}
		cr_assert_eq(a, FIX_MONITORED);
		if (!(f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_HOT))
			s = POOL_EMULATE;
		else
			s = fix_write_fault(&f, view_of(gpa), gpa, WRITE_CLASS_SIMPLE, 0x1000 + n);
		if (s == POOL_EMULATE) {
			fix_store(&f, gpa, &value, 8, WRITE_CLASS_SIMPLE);
			return s;
		}
	}
	cr_assert_fail("the store never ends");
	return POOL_E_INVAL;
}

static bool is_unsync(uint64_t gpa)
{
	return f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_UNSYNC;
}

/* Use the table and write it until it may be written unseen. */
static void make_unsync(uint64_t pt, uint64_t gva)
{
	uint64_t gpa;

	cr_assert_eq(fix_access(&f, gva, 0, &gpa), FIX_OK);
	for (unsigned n = 0; n < 8 && !is_unsync(pt); n++)
		guest_store(pt + 8 * 100, (DATA + n * PAGE_SIZE) | FIX_USED);
	cr_assert(is_unsync(pt), "no grant");
}

/* A second leaf table at 1 GiB + n * 2 MiB. */
static uint64_t more_table(unsigned n)
{
	uint64_t pt = fix_table(&f);

	guest_store(t.pd + 8 * (2 + n), pt | FIX_RWU);
	fix_poke(&f, pt, (OTHER + n * PAGE_SIZE) | FIX_USED, 8);
	return pt;
}

static uint64_t more_gva(unsigned n)
{
	return (2ull + n) << 21;
}

Test(pool_unsync, off_unless_asked_for)
{
	start(0);
	fix_expect(&f, 0, 0, DATA);
	for (unsigned n = 0; n < 20; n++)
		cr_assert_neq(guest_store(t.pt + 8 * 100, n), POOL_UNSYNC);
	cr_assert_eq(f.stats[POOL_STAT_unsync_grants], 0);
	fix_close(&f);
}

Test(pool_unsync, hot_leaf_table_is_written_unseen)
{
	uint64_t before;

	start(4);
	make_unsync(t.pt, 0);
	cr_assert_eq(f.stats[POOL_STAT_unsync_grants], 1);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 1);
	cr_assert(f.state[t.pt >> PAGE_SHIFT] & PAGE_STATE_MONITORED, "stores by the emulator are still announced");
	before = f.stats[POOL_STAT_mon_write_events];
	for (unsigned n = 0; n < 100; n++)
		cr_assert_eq(guest_store(t.pt + 8 * (50 + n), (OTHER + n) | FIX_USED), POOL_OK);
	cr_assert_eq(f.stats[POOL_STAT_mon_write_events], before);
	cr_assert_eq(f.stats[POOL_STAT_flush_hot], 0);
	fix_close(&f);
}

Test(pool_unsync, new_entries_need_nothing_and_old_ones_invlpg)
{
	uint64_t scanned;

	start(4);
	make_unsync(t.pt, 0);
	guest_store(t.pt + 8 * 20, OTHER | FIX_USED);
	fix_expect(&f, 20 * PAGE_SIZE, WALK_WRITE, OTHER);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);	/* as a TLB would */
	scanned = f.stats[POOL_STAT_resync_scanned];
	fix_invlpg(&f, 3 * PAGE_SIZE);
	cr_assert(is_unsync(t.pt), "INVLPG is about one entry");
	cr_assert_gt(f.stats[POOL_STAT_resync_invlpg_one], 0);
	cr_assert_eq(f.stats[POOL_STAT_resync_scanned], scanned);
	fix_expect(&f, 3 * PAGE_SIZE, 0, OTHER + PAGE_SIZE);
	fix_close(&f);
}

Test(pool_unsync, control_register_load_ends_it)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 3 * PAGE_SIZE, WALK_WRITE, DATA + 3 * PAGE_SIZE);
	fix_expect(&f, 4 * PAGE_SIZE, WALK_WRITE, DATA + 4 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	guest_store(t.pt + 8 * 4, (DATA + 4 * PAGE_SIZE) | (FIX_USED & ~PTE_W));
	fix_long_root(&f, t.pml4);
	cr_assert(!is_unsync(t.pt));
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 0);
	cr_assert_eq(f.stats[POOL_STAT_resync_tables], 1);
	cr_assert_eq(f.stats[POOL_STAT_resync_changed], 2);
	cr_assert_gt(f.stats[POOL_STAT_resync_kept], 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, OTHER + PAGE_SIZE);
	cr_assert_eq(fix_access(&f, 4 * PAGE_SIZE, WALK_WRITE, &(uint64_t){ 0 }), FIX_FAULT);
	cr_assert_neq(guest_store(t.pt + 8 * 5, 0), POOL_OK, "its writes are seen again");
	fix_close(&f);
}

/* Reduced in place: the reader keeps its entry, the writer loses the right. */
Test(pool_unsync, rights_change_in_place)
{
	struct pool_walk w;

	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 4 * PAGE_SIZE, WALK_WRITE, DATA + 4 * PAGE_SIZE);
	fix_expect(&f, 5 * PAGE_SIZE, WALK_WRITE, DATA + 5 * PAGE_SIZE);
	guest_store(t.pt + 8 * 4, (DATA + 4 * PAGE_SIZE) | (FIX_USED & ~PTE_W));
	guest_store(t.pt + 8 * 5, (DATA + 5 * PAGE_SIZE) | (FIX_USED & ~PTE_D));
	fix_long_root(&f, t.pml4);
	cr_assert_eq(fix_shadow(&f, 4 * PAGE_SIZE, false, &w), 0);
	cr_assert(!w.writable);
	cr_assert_eq(fix_shadow(&f, 5 * PAGE_SIZE, false, &w), 0);
	cr_assert(!w.writable && (w.step[w.nsteps - 1].entry & ENTRY_TRACK_DIRTY));
	fix_close(&f);
}

Test(pool_unsync, map_that_meets_an_old_entry_ends_it)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_poke(&f, t.pt + 8 * 3, (DATA + 3 * PAGE_SIZE) | (FIX_USED & ~PTE_W), 8);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	cr_assert_eq(fix_map(&f, 3 * PAGE_SIZE, WALK_WRITE), POOL_RETRY);
	cr_assert(!is_unsync(t.pt));
	fix_expect(&f, 3 * PAGE_SIZE, WALK_WRITE, OTHER + PAGE_SIZE);
	fix_close(&f);
}

/* "dirty" gives W only to what the guest's entry says now. */
Test(pool_unsync, dirty_reads_the_entry_again)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_poke(&f, t.pt + 8 * 3, (DATA + 3 * PAGE_SIZE) | (FIX_USED & ~PTE_D), 8);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	cr_assert_eq(fix_dirty(&f, 3 * PAGE_SIZE, false), POOL_E_NOTFOUND);
	fix_close(&f);
}

Test(pool_unsync, oldest_makes_room)
{
	uint64_t pt[3];

	start(2);
	for (unsigned n = 0; n < 3; n++)
		pt[n] = more_table(n);
	for (unsigned n = 0; n < 3; n++)
		make_unsync(pt[n], more_gva(n));
	cr_assert(!is_unsync(pt[0]) && is_unsync(pt[1]) && is_unsync(pt[2]));
	cr_assert_eq(f.stats[POOL_STAT_unsync_slot_overflow], 1);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now_high], 2);
	fix_close(&f);
}

/* In another view the same page is another role. */
Test(pool_unsync, another_role_of_the_page_ends_it)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	fix_expect(&f, 3 * PAGE_SIZE, WALK_USER, OTHER + PAGE_SIZE);
	cr_assert(!is_unsync(t.pt));
	cr_assert_eq(f.stats[POOL_STAT_unsync_role_conflict], 1);
	fix_close(&f);
}

Test(pool_unsync, use_as_a_directory_ends_it)
{
	uint64_t gpa;

	start(4);
	make_unsync(t.pt, 0);
	/* The leaf table hangs where a directory does: its entries lead to tables now. */
	fix_poke(&f, DATA, OTHER | FIX_USED, 8);
	guest_store(t.pdpt + 8 * 2, t.pt | FIX_RWU);
	cr_assert_eq(fix_access(&f, 2ull << 30, 0, &gpa), FIX_OK);
	cr_assert(!is_unsync(t.pt));
	cr_assert_eq(f.stats[POOL_STAT_unsync_role_conflict], 1);
	for (unsigned n = 0; n < 20; n++)
		cr_assert_neq(guest_store(t.pt + 8 * 100, (DATA + n * PAGE_SIZE) | FIX_USED), POOL_UNSYNC);
	cr_assert_eq(f.stats[POOL_STAT_unsync_grants], 1, "a directory is never left out of step");
	cr_assert_gt(f.stats[POOL_STAT_unsync_refused], 0);
	fix_close(&f);
}

/*
 * Taken off and hung again without INVLPG of anything below: a CPU walks afresh where nothing was present, so what was
 * stored meanwhile must be seen.
 */
Test(pool_unsync, table_that_is_hung_again_is_in_step)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pd, 0);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	guest_store(t.pd + 8 * 9, t.pt | FIX_RWU);
	cr_assert(is_unsync(t.pt), "the events of the directory are none of its business");
	fix_expect(&f, (9ull << 21) + 6 * PAGE_SIZE, 0, DATA + 6 * PAGE_SIZE);
	fix_expect(&f, (9ull << 21) + 3 * PAGE_SIZE, 0, OTHER + PAGE_SIZE);
	cr_assert(!is_unsync(t.pt));
	fix_close(&f);
}

/* The same one level up: the directory is found in the cache, with the link to the table still in it. */
Test(pool_unsync, table_below_a_directory_that_is_hung_again_is_in_step)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	guest_store(t.pdpt + 8 * 3, t.pd | FIX_RWU);
	cr_assert(is_unsync(t.pt));
	/* By a page that has not changed: MAP must not need to meet the old entry. */
	fix_expect(&f, (3ull << 30) + 6 * PAGE_SIZE, 0, DATA + 6 * PAGE_SIZE);
	fix_expect(&f, (3ull << 30) + 3 * PAGE_SIZE, 0, OTHER + PAGE_SIZE);
	cr_assert(!is_unsync(t.pt));
	fix_close(&f);
}

Test(pool_unsync, page_that_holds_data_now_is_let_go)
{
	start(4);
	make_unsync(t.pt, 0);
	for (unsigned n = 0; n < 9; n++)
		guest_store(t.pt + 8 * (200 + n), 0x7ff0123456789ab1ull);
	fix_long_root(&f, t.pml4);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], 0);
	cr_assert_eq(f.stats[POOL_STAT_flush_reused], 1);
	fix_close(&f);
}

Test(pool_unsync, eight_bad_entries_may_be_a_tables)
{
	start(4);
	make_unsync(t.pt, 0);
	for (unsigned n = 0; n < 8; n++)
		guest_store(t.pt + 8 * (200 + n), 0x7ff0123456789ab1ull);
	fix_long_root(&f, t.pml4);
	cr_assert(f.state[t.pt >> PAGE_SHIFT] & PAGE_STATE_MONITORED);
	fix_close(&f);
}

static uint32_t mods_of(uint64_t gpa)
{
	return f.p->gtable[gtable_find(f.p, gpa >> PAGE_SHIFT)].mods;
}

/* Few changes: hardly used, so it starts anew. Many: it will be wanted again soon. */
Test(pool_unsync, counter_after_resync_follows_the_changes)
{
	struct pool_result r;

	for (unsigned changes = 3; changes <= 4; changes++) {
		start(4);
		make_unsync(t.pt, 0);
		for (unsigned n = 0; n < 6; n++)
			fix_expect(&f, n * PAGE_SIZE, 0, DATA + n * PAGE_SIZE);
		for (unsigned n = 0; n < changes; n++)
			guest_store(t.pt + 8 * n, (OTHER + n * PAGE_SIZE) | FIX_USED);
		gtable_mods_set(f.p, gtable_find(f.p, t.pt >> PAGE_SHIFT), 40);
		pool_resync(f.p, 0, t.pt >> PAGE_SHIFT, &r);
		cr_assert_eq(r.status, POOL_OK);
		cr_assert_eq(mods_of(t.pt), changes < 4 ? 1 : 20);
		f.r = r;
		fix_settle(&f);
		fix_close(&f);
	}
}

Test(pool_unsync, resync_of_one_and_of_all)
{
	uint64_t pt[2];
	struct pool_result r;

	start(4);
	for (unsigned n = 0; n < 2; n++)
		pt[n] = more_table(n);
	for (unsigned n = 0; n < 2; n++)
		make_unsync(pt[n], more_gva(n));
	pool_resync(f.p, 0, pt[1] >> PAGE_SHIFT, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert(is_unsync(pt[0]) && !is_unsync(pt[1]));
	pool_resync(f.p, 0, POOL_RESYNC_ALL, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert(!is_unsync(pt[0]));
	pool_resync(f.p, 0, 1ull << 40, &r);
	cr_assert_eq(r.status, POOL_E_RANGE);
	pool_resync(f.p, 7, POOL_RESYNC_ALL, &r);
	cr_assert_eq(r.status, POOL_E_INVAL);
	fix_close(&f);
}

Test(pool_unsync, step_and_tracking_end_it)
{
	start(4);
	make_unsync(t.pt, 0);
	fix_step_open(&f, t.pt >> PAGE_SHIFT);
	cr_assert(!is_unsync(t.pt));
	fix_step_close(&f);
	fix_long_root(&f, t.pml4);
	make_unsync(t.pt, 0);
	pool_track(f.p, t.pt >> PAGE_SHIFT, true, &f.r);
	fix_settle(&f);
	cr_assert(!is_unsync(t.pt));
	for (unsigned n = 0; n < 9; n++)
		cr_assert_neq(guest_store(t.pt + 8 * 100, n << 12), POOL_UNSYNC);
	fix_close(&f);
}

/* A device's store is announced while the guest runs: nothing may be protected then, but what it changed must be seen. */
Test(pool_unsync, device_store_is_compared_in_full)
{
	struct pool_result r;

	start(4);
	make_unsync(t.pt, 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	guest_store(t.pt + 8 * 3, (OTHER + PAGE_SIZE) | FIX_USED);
	pool_guest_range_changed(f.p, t.pt + 8 * 400, 8, &r);
	cr_assert_eq(r.status, POOL_OK);
	cr_assert(is_unsync(t.pt));
	fix_settle(&f);
	fix_invlpg(&f, 0);
	fix_expect(&f, 3 * PAGE_SIZE, 0, OTHER + PAGE_SIZE);
	fix_close(&f);
}

Test(pool_unsync, reuse_is_no_reason_to_wait)
{
	start(4);
	fix_expect(&f, 0, 0, DATA);
	for (unsigned n = 0; n < 3; n++)
		guest_store(t.pt + 8 * 100, n << 12);
	cr_assert(f.state[t.pt >> PAGE_SHIFT] & PAGE_STATE_HOT);
	/* The next may be made unseen, but this instruction says that the page is something else now. */
	cr_assert_eq(fix_write_fault(&f, view_of(t.pt), t.pt, WRITE_CLASS_REUSE, 0x2000), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_unsync_grants], 0);
	fix_close(&f);
}

Test(pool_unsync, tables_that_go_leave_the_list)
{
	start(4);
	make_unsync(t.pt, 0);
	pool_unshadow(f.p, 0, view_of(t.pt), t.pt, 0x1234, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 0);
	make_unsync(t.pt, 0);
	pool_clear_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert(!is_unsync(t.pt) && !f.stats[POOL_STAT_unsync_now]);
	make_unsync(t.pt, 0);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 0);
	make_unsync(t.pt, 0);
	pool_reset(f.p);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 0);
	fix_audit(&f, "after a reset");
	fix_close(&f);
}
