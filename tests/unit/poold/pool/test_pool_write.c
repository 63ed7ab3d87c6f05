/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to monitored tables: which entries go, what counts, what is decided, and that it ends. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	f.cfg.hot_limit = 8;
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 64; i++)
		fix_poke(&f, t.pt + 8 * i, (0x300000 + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_write, .init = setup, .fini = teardown);

static void map_range(unsigned first, unsigned end)
{
	for (unsigned i = first; i < end; i++)
		fix_expect(&f, i * PAGE_SIZE, WALK_WRITE, 0x300000 + i * PAGE_SIZE);
}

static bool mapped(unsigned i)
{
	struct pool_walk w;

	return fix_shadow(&f, i * PAGE_SIZE, false, &w) == 0;
}

/* Every offset and length: exactly the touched entries that changed go. */
Test(pool_write, grid_of_offsets_and_lengths)
{
	f.audit = false;
	for (unsigned off = 0; off < 16; off++) {
		for (unsigned len = 1; len <= 17; len++) {
			uint64_t gpa = t.pt + 16 * 8 + off;
			uint8_t bytes[32], old[64];

			fix_invlpg(&f, 0);	/* the TLB must not answer for the shadow */
			map_range(14, 22);
			memcpy(old, f.ram.base + t.pt + 14 * 8, sizeof(old));
			memset(bytes, 0, sizeof(bytes));
			fix_store(&f, gpa, bytes, len, WRITE_CLASS_SIMPLE);
			for (unsigned i = 14; i < 22; i++) {
				bool changed = memcmp(f.ram.base + t.pt + i * 8, old + (i - 14) * 8, 8);

				cr_assert_eq(mapped(i), !changed, "offset %u length %u: entry %u changed %d", off, len, i, changed);
			}
			fix_audit(&f, "after a store");
			fix_store(&f, t.pt + 14 * 8, old, sizeof(old), WRITE_CLASS_SIMPLE);
		}
	}
}

Test(pool_write, same_value_keeps_the_entry)
{
	map_range(5, 6);
	f.entry_changes = 0;
	fix_write(&f, t.pt + 5 * 8, fix_read(&f, t.pt + 5 * 8, 8), 8);
	cr_assert(mapped(5));
	cr_assert_eq(f.entry_changes, 0);
}

Test(pool_write, clearing_accessed_or_dirty_is_seen)
{
	map_range(5, 7);
	fix_write(&f, t.pt + 5 * 8, fix_read(&f, t.pt + 5 * 8, 8) & ~PTE_A, 8);
	fix_write(&f, t.pt + 6 * 8, fix_read(&f, t.pt + 6 * 8, 8) & ~PTE_D, 8);
	cr_assert(!mapped(5));
	cr_assert(!mapped(6));
}

Test(pool_write, not_present_entry_costs_no_flush)
{
	struct pool_result r = { .status = POOL_OK };

	map_range(5, 6);
	fix_write(&f, t.pt + 400 * 8, 0x301000 | FIX_USED, 8);
	pool_merge_pending(f.p, 0, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_NONE);
	cr_assert_eq(r.ntouch, 0);
}

Test(pool_write, posted_change_is_owed_with_the_next_reply)
{
	struct pool_result r = { .status = POOL_OK }, again = r;

	map_range(5, 6);
	fix_write(&f, t.pt + 5 * 8, 0, 8);
	pool_merge_pending(f.p, 0, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(r.ntouch, 1);
	pool_merge_pending(f.p, 0, &again);
	cr_assert_eq(again.flush, POOL_FLUSH_NONE, "owed once");
}

Test(pool_write, directory_write_drops_the_table)
{
	map_range(5, 6);
	fix_write(&f, t.pd, 0, 8);
	cr_assert(!mapped(5));
	cr_assert_eq(pool_pages_of_kind(f.p, 8), 1, "cached for when it comes back");
	fix_write(&f, t.pd, t.pt | FIX_USED, 8);
	map_range(5, 6);
	cr_assert_eq(pool_pages_of_kind(f.p, 8), 1);
}

Test(pool_write, two_entries_by_one_store)
{
	uint64_t pair[2] = { 0, 0 };

	map_range(8, 10);
	fix_store(&f, t.pt + 64, pair, 16, WRITE_CLASS_SIMPLE);
	cr_assert(!mapped(8) && !mapped(9));
}

Test(pool_write, directory32_entry_has_two_halves)
{
	fix_both_formats(&f) {
		uint64_t pd = fix_table(&f), pt = fix_table(&f);
		struct pool_walk w;

		fix_poke(&f, pd + 4 * 300, pt | FIX_RWU, 4);
		fix_poke(&f, pt + 4, 0x300000 | FIX_USED, 4);
		fix_poke(&f, pt + 4 * 600, 0x301000 | FIX_USED, 4);
		fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
		fix_expect(&f, (300u << 22) + 0x1000, WALK_WRITE, 0x300000);
		fix_expect(&f, (300u << 22) + (600u << 12), WALK_WRITE, 0x301000);
		cr_assert_eq(pool_pages_of_kind(f.p, fix_f32(&f) ? 3 : 6), fix_f32(&f) ? 1 : 2);
		fix_write(&f, pd + 4 * 300, 0, 4);
		cr_assert_eq(fix_shadow(&f, (300u << 22) + 0x1000, false, &w), -ENOENT);
		cr_assert_eq(fix_shadow(&f, (300u << 22) + (600u << 12), false, &w), -ENOENT);
		fix_invlpg(&f, 300u << 22);
	}
}

Test(pool_write, counter_saturates_and_is_listed_once)
{
	f.audit = false;
	for (unsigned i = 0; i < 70000; i++)
		fix_write(&f, t.pml4 + 4000, i, 8);
	cr_assert_eq(f.stats[POOL_STAT_modified], 1);
	cr_assert_eq(f.state[t.pml4 >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_ROOT, "a root in use is never hot");
	fix_audit(&f, "after 70000 writes");
}

Test(pool_write, hot_after_the_limit_and_cool_by_reuse)
{
	struct fix_tables other = fix_long_tables(&f);

	map_range(5, 6);
	for (unsigned i = 0; i < 9; i++) {
		cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED);
		fix_write(&f, t.pt + 8 * 100, 0, 8);
	}
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	fix_long_root(&f, other.pml4);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED, "a control register load halves the counter");
}

Test(pool_write, misaligned_counts_four)
{
	map_range(5, 6);
	for (unsigned i = 0; i < 2; i++)
		fix_write(&f, t.pt + 8 * 100 + 4, 0, 8);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED);
	fix_write(&f, t.pt + 8 * 100 + 1, 0, 1);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	cr_assert_eq(f.stats[POOL_STAT_mon_misaligned], 3);
}

/* ---- decisions ---- */

/* A second address space maps the first one's PT as data, so that it is on no path. */
static uint64_t alias_of_pt(void)
{
	map_range(5, 6);
	fix_poke(&f, t.pd + 8, t.pd | FIX_USED, 8);	/* not shadowed yet: no event */
	return 0;
}

Test(pool_write, reuse_lets_the_table_go)
{
	alias_of_pt();
	cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pt + 8, WRITE_CLASS_REUSE, 0x1000), POOL_UNSHADOW);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], 0);
	cr_assert_eq(f.stats[POOL_STAT_flush_reused], 1);
	cr_assert(!mapped(5));
	map_range(5, 6);
}

Test(pool_write, table_on_the_path_is_emulated_or_stepped)
{
	map_range(5, 6);
	cr_assert_eq(fix_write_fault(&f, 0x5000, t.pt + 8, WRITE_CLASS_REUSE, 0x1000), POOL_EMULATE);
	cr_assert_eq(fix_write_fault(&f, 0x5000, t.pt + 8, WRITE_CLASS_UNKNOWN, 0x1000), POOL_STEP);
	cr_assert_eq(fix_unshadow(&f, 0x5000, t.pt + 8, 0x1000), POOL_STEP);
	cr_assert(mapped(5));
}

Test(pool_write, root_in_use_is_never_let_go)
{
	cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pml4 + 8, WRITE_CLASS_REUSE, 0x1000), POOL_EMULATE);
	cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pml4 + 8, WRITE_CLASS_UNKNOWN, 0x1000), POOL_STEP);
	cr_assert_eq(fix_unshadow(&f, 1ull << 30, t.pml4 + 8, 0x1000), POOL_STEP);
	cr_assert_eq(f.state[t.pml4 >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	cr_assert_gt(f.stats[POOL_STAT_flush_root_refused], 0);
}

Test(pool_write, same_instruction_again_ends_in_a_step)
{
	alias_of_pt();
	cr_assert_eq(fix_unshadow(&f, 1ull << 30, t.pt + 8, 0x1000), POOL_OK);
	map_range(5, 6);
	cr_assert_eq(fix_unshadow(&f, 1ull << 30, t.pt + 8, 0x1000), POOL_STEP);
	cr_assert_eq(fix_unshadow(&f, 1ull << 30, t.pt + 8, 0x2000), POOL_OK, "another instruction may");
}

/* Two tables that both come back: remembered is more than the last one. */
Test(pool_write, alternating_tables_end_in_a_step)
{
	unsigned unshadowed = 0;

	map_range(5, 6);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t gpa = (i & 1 ? t.pt : t.pd) + 8;

		unshadowed += fix_unshadow(&f, 1ull << 35, gpa, 0x1000) == POOL_OK;
		map_range(5, 6);
	}
	cr_assert_eq(unshadowed, 2);
}

/* What clears pages one after the other is one instruction of the kernel; each page that was a table may go. */
Test(pool_write, same_instruction_lets_any_number_of_tables_go)
{
	alias_of_pt();
	for (unsigned i = 0; i < 12; i++) {
		cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pt + 8 * i, WRITE_CLASS_REUSE, 0x1000), POOL_UNSHADOW, "page %u", i);
		map_range(5, 6);
	}
}

/* The page becomes a table and is cleared again: between the two the address space was another one, so it is no loop. */
Test(pool_write, same_page_cleared_again_in_another_address_space_is_let_go)
{
	alias_of_pt();
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pt, WRITE_CLASS_REUSE, 0x1000), POOL_UNSHADOW);
		fix_long_root(&f, t.pml4);
		map_range(5, 6);
	}
	cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pt, WRITE_CLASS_REUSE, 0x1000), POOL_UNSHADOW);
	map_range(5, 6);
	cr_assert_eq(fix_write_fault(&f, 1ull << 30, t.pt, WRITE_CLASS_REUSE, 0x1000), POOL_EMULATE, "nothing has happened since");
}

Test(pool_write, not_monitored_runs_natively)
{
	cr_assert_eq(fix_write_fault(&f, 0x5000, 0x300000, WRITE_CLASS_SIMPLE, 0x1000), POOL_UNSHADOW);
	cr_assert_eq(fix_unshadow(&f, 0x5000, 0x300000, 0x1000), POOL_OK);
	cr_assert_eq(fix_write_fault(&f, 0x5000, 1ull << 35, WRITE_CLASS_SIMPLE, 0x1000), POOL_E_RANGE);
}

Test(pool_write, bad_arguments_change_nothing)
{
	struct pool_result r;

	pool_guest_write(f.p, 0, t.pt + 4090, 8, WRITE_CLASS_SIMPLE, false, 0, &r);
	cr_assert_eq(r.status, POOL_E_INVAL, "across a page");
	pool_guest_write(f.p, 0, t.pt, 0, WRITE_CLASS_SIMPLE, false, 0, &r);
	cr_assert_eq(r.status, POOL_E_INVAL);
	pool_guest_write(f.p, 0, 1ull << 40, 8, WRITE_CLASS_SIMPLE, false, 0, &r);
	cr_assert_eq(r.status, POOL_E_RANGE);
	pool_guest_write(f.p, 0, 0x300000, 8, WRITE_CLASS_SIMPLE, false, 0, &r);
	cr_assert_eq(r.status, POOL_OK, "a page that is no table: a stale event");
	pool_guest_range_changed(f.p, ~0ull, 2, &r);
	cr_assert_eq(r.status, POOL_E_INVAL);
	fix_audit(&f, "after nonsense");
}

Test(pool_write, range_changed_reads_every_table_anew)
{
	struct pool_result r;

	map_range(5, 7);
	fix_poke(&f, t.pt + 5 * 8, 0, 8);
	fix_poke(&f, t.pd, 0, 8);
	pool_guest_range_changed(f.p, t.pml4, 4 * PAGE_SIZE, &r);
	cr_assert_eq(r.status, POOL_OK);
	fix_audit(&f, "after a device wrote");
	cr_assert(!mapped(5));
}

/* ---- step and tracking ---- */

Test(pool_write, step_writes_natively_and_is_read_anew)
{
	struct pool_walk w;
	uint64_t gpa;

	fix_poke(&f, t.pt + 8 * 63, t.pt | FIX_USED, 8);
	map_range(5, 6);
	cr_assert_eq(fix_access(&f, 63 * PAGE_SIZE, WALK_WRITE, &gpa), FIX_MONITORED);
	fix_step_open(&f, t.pt >> PAGE_SHIFT);
	cr_assert_eq(fix_access(&f, 63 * PAGE_SIZE + 40, WALK_WRITE, &gpa), FIX_OK);
	cr_assert_eq(gpa, t.pt + 40);
	fix_poke(&f, gpa, 0x340000 | FIX_USED, 8);
	fix_step_close(&f);
	cr_assert_eq(fix_shadow(&f, 63 * PAGE_SIZE, false, &w), 0);
	cr_assert(!w.writable, "protected again");
	cr_assert(!mapped(5));
	fix_expect(&f, 0x5000, WALK_WRITE, 0x340000);
}

Test(pool_write, four_pages_open_at_most)
{
	for (uint64_t i = 0; i < 5; i++) {
		pool_open(f.p, 0, 0x300 + i, &f.r);
		cr_assert_eq(f.r.status, i < 4 ? POOL_OK : POOL_E_INVAL);
	}
	pool_open(f.p, 0, 1ull << 40, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	fix_step_close(&f);
	fix_step_close(&f);
}

Test(pool_write, tracked_page_is_guarded_without_a_table)
{
	struct pool_walk w;
	uint64_t gpa;

	map_range(5, 6);
	pool_track(f.p, 0x305, true, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_neq(f.r.flush, POOL_FLUSH_NONE);
	fix_settle(&f);
	cr_assert_eq(f.state[0x305], PAGE_STATE_TRACKED);
	cr_assert_eq(fix_shadow(&f, 0x5000, false, &w), 0);
	cr_assert(!w.writable);
	cr_assert_eq(fix_access(&f, 0x5000, WALK_WRITE, &gpa), FIX_MONITORED);
	cr_assert_eq(fix_write_fault(&f, 0x5000, gpa, WRITE_CLASS_SIMPLE, 0x1000), POOL_EMULATE);
	cr_assert_eq(fix_unshadow(&f, 0x5000, gpa, 0x1000), POOL_STEP);
	pool_track(f.p, 0x305, false, &f.r);
	fix_settle(&f);
	map_range(5, 6);
}

Test(pool_write, page_tracked_and_monitored_keeps_the_other)
{
	map_range(5, 6);
	pool_track(f.p, t.pt >> PAGE_SHIFT, true, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_TRACKED);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], PAGE_STATE_TRACKED);
}
