/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Roots: cached and pinned, one per view, with the monitor's entry in each; what a failed load leaves behind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;

static void setup(void)
{
	fix_init(&f);
	f.cfg.cached_roots = 3;
	fix_open(&f);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_roots, .init = setup, .fini = teardown);

static uint64_t owned_entry(uint64_t root)
{
	uint64_t e;

	memcpy(&e, f.arena + (root - FIX_POOL_MADDR) + 8 * FIX_STUB_SLOT, 8);
	return e;
}

#define OWNED (FIX_STUB_ENTRY | 1ull << 10)

Test(pool_roots, switching_back_finds_the_old_root)
{
	struct fix_tables a = fix_long_tables(&f), b = fix_long_tables(&f);
	struct pool_walk w;
	uint64_t root;

	fix_poke(&f, a.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, a.pml4);
	root = f.r.root[0];
	cr_assert_neq(f.r.root[0], f.r.root[1], "one root per view");
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_long_root(&f, b.pml4);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	fix_long_root(&f, a.pml4);
	cr_assert_eq(f.r.root[0], root);
	cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), 0, "still mapped");
}

Test(pool_roots, writes_between_are_seen)
{
	struct fix_tables a = fix_long_tables(&f), b = fix_long_tables(&f);

	fix_poke(&f, a.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_long_root(&f, a.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_long_root(&f, b.pml4);
	cr_assert_eq(f.state[a.pml4 >> PAGE_SHIFT], PAGE_STATE_MONITORED, "cached, so still monitored, but no root in use");
	fix_write(&f, a.pt + 8, 0x301000 | FIX_RWU, 8);
	fix_long_root(&f, a.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
}

Test(pool_roots, load_of_nothing_keeps_the_old_root)
{
	struct fix_tables a = fix_long_tables(&f);
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr3 = 1ull << 35, .cr4 = CR4_PAE, .efer = FIX_LONG }, now;
	uint64_t before[2], after[2];

	fix_long_root(&f, a.pml4);
	pool_vcpu_roots(f.p, 0, before, &now);
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	cr_assert(!f.r.root[0] && !f.r.root[1], "out-parameters are nil on an error");
	fix_settle(&f);
	pool_vcpu_roots(f.p, 0, after, &now);
	cr_assert(before[0] == after[0] && before[1] == after[1] && now.cr3 == a.pml4);
}

Test(pool_roots, owned_entry_in_every_root_survives_everything)
{
	struct fix_tables a = fix_long_tables(&f);
	uint64_t root[2];
	struct pool_modes m;

	fix_poke(&f, a.pt + 8, 0x300000 | FIX_RWU, 8);
	fix_poke(&f, a.pml4 + 8 * FIX_STUB_SLOT, a.pdpt | FIX_USED, 8);
	fix_long_root(&f, a.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_write(&f, a.pml4 + 8 * FIX_STUB_SLOT, 0, 8);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	pool_clear_all(f.p, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(f.r.ntouch, POOL_TOUCH_TOO_MANY);
	fix_settle(&f);
	pool_vcpu_roots(f.p, 0, root, &m);
	cr_assert_eq(owned_entry(root[0]), OWNED);
	cr_assert_eq(owned_entry(root[1]), OWNED);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
}

/* The vCPU still runs through the root it leaves when the reply is carried out. */
Test(pool_roots, owned_entry_stays_until_the_flush)
{
	struct fix_tables a = fix_long_tables(&f), b = fix_long_tables(&f);
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr3 = b.pml4, .cr4 = CR4_PAE, .efer = FIX_LONG };
	uint64_t left;

	fix_long_root(&f, a.pml4);
	left = f.r.root[0];
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	pool_flush_all(f.p, &f.r);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 2, "both views of the old root wait");
	cr_assert_eq(owned_entry(left), OWNED);
	pool_flush_done(f.p, 0, true, f.r.epoch + 1);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 2, "an epoch that was not given out counts for nothing");
	pool_flush_done(f.p, 0, true, f.r.epoch);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 0);
	cr_assert_eq(owned_entry(left), 0);
	fix_audit(&f, "after the flush");
}

Test(pool_roots, idle_roots_are_limited)
{
	struct fix_tables t[8];

	for (unsigned i = 0; i < 8; i++) {
		t[i] = fix_long_tables(&f);
		fix_long_root(&f, t[i].pml4);
	}
	cr_assert_eq(pool_pages_of_kind(f.p, 16), 3 + 2);
	cr_assert_eq(f.stats[POOL_STAT_root_evict], 16 - 5);
	cr_assert_eq(f.state[t[0].pml4 >> PAGE_SHIFT], 0, "the last shadow gone, the page is no longer monitored");
}

Test(pool_roots, clear_root_unpins)
{
	struct fix_tables a = fix_long_tables(&f);

	fix_long_root(&f, a.pml4);
	pool_clear_root(f.p, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_pages_pinned], 0);
	cr_assert_eq(f.state[a.pml4 >> PAGE_SHIFT], PAGE_STATE_MONITORED);
}

Test(pool_roots, unpaged_views_share_one_root)
{
	fix_both_formats(&f) {
		fix_set_root(&f, CR0_PE, 0x12345000, 0, 0, false);
		cr_assert_eq(f.r.root[0], f.r.root[1]);
		cr_assert_eq(f.stats[POOL_STAT_gtables], 0, "nothing to monitor, whatever CR3 holds");
	}
}

Test(pool_roots, map_without_a_root_is_invalid)
{
	struct pool_map_args a = { .gva = 0x1000, .gpa = 0x1000 };

	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL);
	pool_dirty(f.p, 0, 0x1000, false, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL);
	pool_map(f.p, 1, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL, "no such vCPU");
	pool_invlpg(f.p, 0, 0x1000, false, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_audit(&f, "without a root");
}
