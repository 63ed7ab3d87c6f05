/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reverse map with any number of references, and tables of users and extents that run out. */
#include <criterion/criterion.h>
#include <errno.h>

#include "poold/pool/core/pool_priv.h"
#include "poold/pool/op.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define TARGET	0x300000ull

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	f.cfg.prefetch = 1;
	f.audit = false;
}

static void start(void)
{
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 0; i < 511; i++)
		fix_poke(&f, t.pt + 8 * i, TARGET | FIX_USED, 8);
	fix_poke(&f, t.pt + 8 * 511, 0x301000 | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_rmap, .init = setup, .fini = teardown);

static void map_aliases(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fix_expect(&f, i * PAGE_SIZE, WALK_WRITE, TARGET);
}

/* Make the target a guest table: every leaf that maps it must lose W. */
static void make_target_a_table(unsigned aliases, bool may_drop)
{
	fix_write(&f, t.pd + 8, TARGET | FIX_USED, 8);
	fix_write(&f, TARGET, 0x301000 | FIX_USED, 8);
	fix_expect(&f, 0x200000, 0, 0x301000);
	for (unsigned i = 0; i < aliases; i++) {
		struct pool_walk w;
		int rc = fix_shadow(&f, i * PAGE_SIZE, false, &w);

		cr_assert(rc == 0 || may_drop, "alias %u is gone", i);
		cr_assert(rc || !w.writable, "alias %u of %u is writable", i, aliases);
	}
	fix_audit(&f, "with a protected page");
}

Test(pool_rmap, references_up_to_the_limit)
{
	start();
	map_aliases(448);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 0);
	cr_assert_geq(f.stats[POOL_STAT_ext_used], 64);
	fix_audit(&f, "with 448 references");
	make_target_a_table(448, false);
	cr_assert_eq(f.stats[POOL_STAT_linear_searches], 0);
}

Test(pool_rmap, overflow_is_found_by_a_scan)
{
	start();
	map_aliases(449);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 1);
	fix_audit(&f, "overflowed");
	make_target_a_table(449, true);
	cr_assert_geq(f.stats[POOL_STAT_flush_gfn_slow], 1);
	cr_assert_eq(fix_unshadow(&f, 1ull << 35, TARGET, 0x1000), POOL_OK);
	map_aliases(300);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 1);
	fix_audit(&f, "after the scan the page is tracked again");
}

Test(pool_rmap, one_extent_only)
{
	f.cfg.max_extents = 1;
	start();
	map_aliases(7);
	cr_assert_eq(f.stats[POOL_STAT_ext_used], 1, "extent 0 is a valid one");
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 0);
	map_aliases(9);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 1);
	cr_assert_eq(f.stats[POOL_STAT_ext_exhausted], 1);
	cr_assert_eq(f.stats[POOL_STAT_ext_used], 0, "given back");
	fix_audit(&f, "without extents");
	make_target_a_table(9, true);
}

/* Any number from none to many, taken away one by one in another order than added. */
Test(pool_rmap, any_number_of_references)
{
	start();
	for (unsigned n = 0; n < 40; n++) {
		map_aliases(n);
		for (unsigned i = 0; i < n; i++) {
			unsigned slot = i * 7 % 41 % n;

			fix_write(&f, t.pt + 8 * slot, 0, 8);
			fix_write(&f, t.pt + 8 * slot, TARGET | FIX_USED, 8);
		}
		fix_audit(&f, "after removals");
	}
}

/* Any number at once, beyond the limit too: afterwards no leaf maps the page and its word is 0. */
Test(pool_rmap, flush_of_any_number)
{
	static const unsigned numbers[] = { 0, 1, 2, 7, 8, 15, 100, 447, 448, 449, 500 };

	start();
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct pool_walk w;

		map_aliases(numbers[i]);
		cr_assert(op_begin(f.p, 0, &f.r));
		rmap_flush(f.p, TARGET >> PAGE_SHIFT);
		op_end(f.p, POOL_OK, &f.r);
		cr_assert_eq(f.r.status, POOL_OK);
		fix_settle(&f);
		cr_assert_eq(f.p->rmap[TARGET >> PAGE_SHIFT], 0);
		for (unsigned j = 0; j < numbers[i]; j++)
			cr_assert_eq(fix_shadow(&f, j * PAGE_SIZE, false, &w), -ENOENT, "%u of %u", j, numbers[i]);
		fix_audit(&f, "after a flush of one page");
	}
}

/* Everything pinned: an error, no loop, and nothing recorded. */
Test(pool_rmap, users_run_out_and_all_is_pinned)
{
	uint64_t before;
	uint32_t left = 0;

	f.cfg.max_users = 16;
	start();
	map_aliases(1);
	for (unsigned i = 1; i < 40; i++)
		fix_poke(&f, t.pd + 8 * i, t.pt | FIX_USED, 8);
	while (f.p->n_user_free) {
		left++;
		fix_expect(&f, (uint64_t)left << 21, WALK_WRITE, TARGET);
	}
	while (f.p->age_head)
		page_pin(f.p, f.p->age_head);
	before = f.p->n_present;
	cr_assert_eq(fix_map(&f, (uint64_t)(left + 1) << 21, WALK_WRITE), POOL_E_NOMEM);
	cr_assert_eq(f.p->n_present, before);
	cr_assert_eq(f.stats[POOL_STAT_errors_nomem], 1);
	cr_assert(!f.p->corrupt);
}

Test(pool_rmap, identity_is_the_frame_not_the_content)
{
	struct pool_walk w;

	start();
	fix_expect(&f, 0x0, WALK_WRITE, TARGET);
	fix_expect(&f, 511 * PAGE_SIZE, WALK_WRITE, 0x301000);
	pool_track(f.p, TARGET >> PAGE_SHIFT, true, &f.r);
	fix_settle(&f);
	cr_assert_eq(fix_shadow(&f, 511 * PAGE_SIZE, false, &w), 0);
	cr_assert(w.writable);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	cr_assert(!w.writable);
}

/* One table under many entries: each link has its own record. */
Test(pool_rmap, one_table_under_many_entries)
{
	f.cfg.max_users = 600;
	start();
	for (unsigned i = 0; i < 200; i++)
		fix_poke(&f, t.pd + 8 * i, t.pt | FIX_USED, 8);
	for (uint64_t i = 0; i < 200; i++)
		fix_expect(&f, i << 21, WALK_WRITE, TARGET);
	cr_assert_eq(pool_pages_of_kind(f.p, 8), 1);
	fix_audit(&f, "with many users");
	for (uint64_t i = 0; i < 200; i += 2)
		fix_write(&f, t.pd + 8 * i, 0, 8);
	for (uint64_t i = 0; i < 200; i++) {
		struct pool_walk w;

		cr_assert_eq(fix_shadow(&f, i << 21, false, &w), i & 1 ? 0 : -ENOENT);
	}
	fix_audit(&f, "after half of the links went");
}

Test(pool_rmap, users_run_out)
{
	f.cfg.max_users = 16;
	start();
	for (unsigned i = 0; i < 200; i++)
		fix_poke(&f, t.pd + 8 * i, t.pt | FIX_USED, 8);
	for (uint64_t i = 0; i < 200; i++) {
		fix_expect(&f, i << 21, WALK_WRITE, TARGET);
		fix_audit(&f, "with few users");
	}
	cr_assert_gt(f.stats[POOL_STAT_user_exhausted], 0);
	cr_assert_gt(f.stats[POOL_STAT_user_freed_one], 0);
}

Test(pool_rmap, full_pool_runs)
{
	start();
	/* Every page of RAM from 1 MiB on as a PT of its own: more tables than the pool has pages. */
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t pt = (1 + i) * 0x1000 + 0x100000;

		fix_poke(&f, t.pd + 8 * i, pt | FIX_USED, 8);
		fix_poke(&f, pt, (0x400000 + i * PAGE_SIZE) | FIX_USED, 8);
	}
	for (unsigned round = 0; round < 3; round++)
		for (uint64_t i = 0; i < 512; i++)
			fix_expect(&f, i << 21, WALK_WRITE, 0x400000 + i * PAGE_SIZE);
	fix_audit(&f, "with a full pool");
	cr_assert_gt(f.stats[POOL_STAT_evict], 500);
	cr_assert_gt(f.need_flush, 0);
	cr_assert_leq(f.need_flush, f.stats[POOL_STAT_evict] / 8, "one flush serves many pages");
	cr_assert_leq(f.stats[POOL_STAT_pages_used_high], POOL_MIN_PAGES - 1);
}
