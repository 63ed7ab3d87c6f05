/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each change costs: scope, tables to touch, epochs, limbo, and the shootdown of several vCPUs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;
static struct fix_tables t;

static void build(void)
{
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 16; i++)
		fix_poke(&f, t.pt + 8 * i, (0x300000 + i * PAGE_SIZE) | FIX_USED, 8);
	fix_poke(&f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
}

static void setup(void)
{
	fix_init(&f);
	f.cfg.prefetch = 1;
	fix_open(&f);
	build();
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_flush, .init = setup, .fini = teardown);

Test(pool_flush, new_entries_cost_nothing)
{
	cr_assert_eq(fix_map(&f, 0x1000, WALK_WRITE), POOL_OK);
	/* The tables of the path were made just now: monitoring them demands a flush only after a reduction. */
	cr_assert_eq(fix_map(&f, 0x2000, WALK_WRITE), POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_NONE);
	cr_assert_eq(f.r.ntouch, 0);
}

Test(pool_flush, invlpg_does_nothing_when_nothing_changed)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_invlpg(&f, 0x1000);
	cr_assert_eq(f.r.flush, POOL_FLUSH_NONE);
	cr_assert_eq(f.stats[POOL_STAT_invlpg_noop], 1);
}

Test(pool_flush, invlpg_flushes_what_a_write_has_taken)
{
	struct pool_result r;

	fix_map(&f, 0x1000, WALK_WRITE);
	fix_map(&f, 0x201000, WALK_WRITE);
	fix_write(&f, t.pt + 8, 0, 8);
	pool_invlpg(f.p, 0, 0x1000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_GVA);
	cr_assert_eq(r.flush_gva, 0x1000);
	pool_invlpg(f.p, 0, 0x1000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_GVA, "until the vCPU says that it has flushed");
	pool_invlpg(f.p, 0, 0x201000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_ROOT, "a large page is many entries of ours");
	pool_invlpg(f.p, 0, 0x1000, true, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	pool_flush_done(f.p, 0, false, r.epoch);
	pool_invlpg(f.p, 0, 0x1000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_NONE);
}

/* A CPU that flushes one address may keep what leads to others below the same directory. */
Test(pool_flush, invlpg_after_a_change_of_a_directory_flushes_the_root)
{
	struct pool_result r;

	fix_map(&f, 0x1000, WALK_WRITE);
	fix_write(&f, t.pd, 0, 8);
	pool_invlpg(f.p, 0, 0x1000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_ROOT);
	pool_flush_done(f.p, 0, false, r.epoch);
	pool_invlpg(f.p, 0, 0x1000, false, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_NONE);
}

Test(pool_flush, epoch_of_a_later_change_is_another)
{
	struct pool_result before, after;

	fix_map(&f, 0x1000, WALK_WRITE);
	pool_invlpg(f.p, 0, 0x1000, false, &before);
	fix_write(&f, t.pt + 8, 0, 8);
	pool_flush_done(f.p, 0, false, before.epoch);
	pool_invlpg(f.p, 0, 0x1000, false, &after);
	cr_assert_neq(after.epoch, before.epoch);
	cr_assert_eq(after.flush, POOL_FLUSH_GVA, "an acknowledgement of before the change does not count");
}

Test(pool_flush, error_reports_the_flush_too)
{
	struct pool_map_args a = { .gva = 0x1000, .gpa = 0x301000, .nwalk = 4 };
	struct pool_result r;

	fix_map(&f, 0x1000, WALK_WRITE);
	/* The guest has changed its directory and says nothing: found when the path is compared. */
	fix_poke(&f, t.pd, fix_table(&f) | FIX_USED, 8);
	for (unsigned i = 0; i < 4; i++)
		a.walk[i] = fix_read(&f, (uint64_t[]){ t.pml4, t.pdpt, t.pd, t.pt }[i] + (i == 3) * 8, 8);
	pool_map(f.p, 0, &a, &r);
	cr_assert_eq(r.status, POOL_RETRY);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(r.ntouch, 1);
	fix_audit(&f, "after a retry");
}

Test(pool_flush, retry_when_the_walk_is_old)
{
	struct pool_map_args a = { .gva = 0x1000, .gpa = 0x301000, .nwalk = 4, .walk = { 1, 2, 3, 4 } };

	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	fix_settle(&f);
	a.nwalk = 2;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	fix_settle(&f);
	a.nwalk = 9;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL);
	a = (struct pool_map_args){ .gva = (uint64_t)FIX_STUB_SLOT << 39 | 0xffffull << 48, .gpa = 0x301000 };
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL, "the monitor's slot");
	a = (struct pool_map_args){ .gva = 0x1000, .gpa = 1ull << 40 };
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
}

Test(pool_flush, upgrade_of_a_leaf_touches_its_table)
{
	fix_poke(&f, t.pt + 8, 0x301000 | FIX_RWU, 8);
	fix_map(&f, 0x1000, 0);
	cr_assert_eq(fix_map(&f, 0x1000, WALK_WRITE), POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_GVA);
	cr_assert_eq(f.r.flush_gva, 0x1000);
	cr_assert_eq(f.r.ntouch, 1);
	cr_assert_eq(f.r.touch[0] & (PAGE_SIZE - 1), 0);
	cr_assert_eq(f.stats[POOL_STAT_map_leaf_upgrade], 1);
}

Test(pool_flush, fault_on_a_right_entry_touches_the_path)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	cr_assert_eq(fix_map(&f, 0x1000, WALK_WRITE), POOL_OK);
	cr_assert_eq(f.r.ntouch, 4);
	cr_assert_eq(f.stats[POOL_STAT_map_spurious], 1);
}

Test(pool_flush, dirty_needs_a_path_that_is_right)
{
	cr_assert_eq(fix_dirty(&f, 0x1000, false), POOL_E_NOTFOUND, "nothing mapped");
	fix_poke(&f, t.pt + 8, 0x301000 | FIX_RWU, 8);
	fix_map(&f, 0x1000, 0);
	cr_assert_eq(fix_dirty(&f, 0x1000, false), POOL_E_NOTFOUND, "the guest's D is clear");
	fix_poke(&f, t.pt + 8, 0x301000 | PTE_P | PTE_A | PTE_D, 8);
	f.audit = false;
	cr_assert_eq(fix_dirty(&f, 0x1000, false), POOL_E_NOTFOUND, "the guest has taken W meanwhile");
}

Test(pool_flush, freed_table_waits_for_the_flush)
{
	uint32_t epoch;

	fix_map(&f, 0x1000, WALK_WRITE);
	pool_flush_all(f.p, &f.r);
	epoch = f.r.epoch;
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 3);
	pool_flush_done(f.p, 0, false, epoch - 1);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 3);
	pool_flush_done(f.p, 0, false, epoch);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 0);
	fix_audit(&f, "after the flush");
}

Test(pool_flush, reset_is_as_after_create)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	pool_reset(f.p);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], 0);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 0);
	for (uint64_t g = 0; g < f.state_gfns; g++)
		cr_assert_eq(f.state[g], 0);
	fix_audit(&f, "after a reset");
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
}

static bool is_mapped(uint64_t gva)
{
	struct pool_walk w;

	return !fix_shadow(&f, gva, false, &w);
}

Test(pool_flush, flush_of_a_page_takes_what_maps_it)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_map(&f, 0x2000, WALK_WRITE);
	pool_flush_gpa(f.p, 0x301123, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert(!is_mapped(0x1000) && is_mapped(0x2000));
	cr_assert_eq(f.stats[POOL_STAT_flush_page], 0);
	pool_flush_gpa(f.p, 1ull << 40, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
}

Test(pool_flush, flush_of_a_guest_table_takes_its_shadows)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_map(&f, 0x201000, WALK_WRITE);
	pool_flush_gpa(f.p, t.pt, &f.r);
	fix_settle(&f);
	cr_assert(!is_mapped(0x1000) && is_mapped(0x201000));
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], 0, "it is no table any more");
	cr_assert_eq(f.stats[POOL_STAT_flush_page], 1);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
}

Test(pool_flush, flush_of_a_root_in_use_empties_it)
{
	uint64_t roots[2], again[2];
	struct pool_modes m;

	fix_map(&f, 0x1000, WALK_WRITE);
	cr_assert_eq(pool_vcpu_roots(f.p, 0, roots, &m), 0);
	pool_flush_root(f.p, t.pml4, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert(!is_mapped(0x1000));
	cr_assert_eq(pool_vcpu_roots(f.p, 0, again, &m), 0);
	cr_assert(again[0] == roots[0] && again[1] == roots[1], "the CPU has it in CR3");
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
	pool_flush_root(f.p, t.pdpt, &f.r);
	cr_assert_eq(f.r.status, POOL_E_NOTFOUND);
	pool_flush_root(f.p, 1ull << 40, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
}

Test(pool_flush, flush_of_a_root_that_is_idle_lets_it_go)
{
	struct fix_tables b = fix_long_tables(&f);
	uint64_t before;

	fix_map(&f, 0x1000, WALK_WRITE);
	fix_long_root(&f, b.pml4);
	before = f.stats[POOL_STAT_pages_used];
	pool_flush_root(f.p, t.pml4, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], before - 2, "both views");
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
}

Test(pool_flush, cache_off_lets_go_what_nothing_leads_to)
{
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_write(&f, t.pml4, 0, 8);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], 5, "kept without a link");
	pool_cache_switch(f.p, false, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], 2, "the two roots");
	fix_write(&f, t.pml4, t.pdpt | FIX_USED, 8);
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_write(&f, t.pml4, 0, 8);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], 2, "at once");
	fix_write(&f, t.pml4, t.pdpt | FIX_USED, 8);
	pool_cache_switch(f.p, true, &f.r);
	fix_settle(&f);
	fix_map(&f, 0x1000, WALK_WRITE);
	fix_write(&f, t.pml4, 0, 8);
	cr_assert_eq(f.stats[POOL_STAT_pages_used], 5, "kept again");
}

/* ---- two vCPUs ---- */

static void setup_two(void)
{
	fix_init(&f);
	f.cfg.prefetch = 1;
	f.cfg.nvcpu = 2;
	fix_open(&f);
	build();
}

TestSuite(pool_smp, .init = setup_two, .fini = teardown);

static void set_root(uint32_t vcpu, uint64_t cr3)
{
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr3 = cr3, .cr4 = CR4_PAE, .efer = FIX_LONG };

	pool_set_root(f.p, vcpu, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	pool_flush_done(f.p, vcpu, false, f.r.epoch);
	walk_mode_from_cr(&f.mode, FIX_PAGED, cr3, CR4_PAE, FIX_LONG, 0, f.cfg.maxphyaddr);
}

static enum pool_status map(uint32_t vcpu, uint64_t gva)
{
	struct pool_map_args a = { .gva = gva, .write = true };
	struct walk_result w;

	cr_assert_eq(walk_guest(&f.ram, &f.mode, gva, WALK_WRITE | WALK_SET_AD, &w), 0);
	a.gpa = w.gpa;
	a.nwalk = w.nentries;
	memcpy(a.walk, w.entry, sizeof(a.walk));
	pool_map(f.p, vcpu, &a, &f.r);
	return f.r.status;
}

Test(pool_smp, table_is_read_only_after_every_vcpu_has_flushed)
{
	uint64_t other = fix_table(&f);

	set_root(0, t.pml4);
	set_root(1, t.pml4);
	/* A writable page that becomes a table: vCPU 1 may hold the writable translation. */
	fix_poke(&f, t.pt + 8, other | FIX_USED, 8);
	cr_assert_eq(map(1, 0x1000), POOL_OK);
	fix_poke(&f, t.pd + 16, other | FIX_USED, 8);
	fix_poke(&f, other + 8, 0x340000 | FIX_USED, 8);
	cr_assert_eq(map(0, 0x401000), POOL_NEED_SHOOTDOWN);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	pool_flush_done(f.p, 0, false, f.r.epoch);
	cr_assert_eq(map(0, 0x401000), POOL_NEED_SHOOTDOWN, "one of two is not enough");
	pool_flush_done(f.p, 0, true, f.r.epoch);
	cr_assert_eq(map(0, 0x401000), POOL_OK);
	fix_audit(&f, "after a shootdown");
}

Test(pool_smp, limbo_waits_for_the_slowest)
{
	set_root(0, t.pml4);
	set_root(1, t.pml4);
	cr_assert_eq(map(0, 0x1000), POOL_OK);
	pool_flush_all(f.p, &f.r);
	pool_flush_done(f.p, 0, false, f.r.epoch);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 3);
	pool_flush_done(f.p, 1, false, f.r.epoch);
	cr_assert_eq(f.stats[POOL_STAT_pages_limbo], 0);
}

Test(pool_smp, posted_change_is_owed_to_both)
{
	struct pool_result r[2] = { 0 };

	set_root(0, t.pml4);
	set_root(1, t.pml4);
	cr_assert_eq(map(0, 0x1000), POOL_OK);
	fix_write(&f, t.pt + 8, 0, 8);
	for (uint32_t v = 0; v < 2; v++) {
		pool_merge_pending(f.p, v, &r[v]);
		cr_assert_eq(r[v].flush, POOL_FLUSH_ALL);
	}
}

Test(pool_smp, flush_for_a_client_is_owed_to_both)
{
	static void (*const all[])(struct pool *p, struct pool_result *r) = { pool_clear_all, pool_flush_all };
	struct pool_result r;

	set_root(0, t.pml4);
	set_root(1, t.pml4);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(map(0, 0x1000), POOL_OK);
		if (i < 2)
			all[i](f.p, &r);
		else if (i == 2)
			pool_flush_gpa(f.p, 0x301000, &r);
		else
			pool_flush_root(f.p, t.pml4, &r);
		cr_assert_eq(r.status, POOL_OK);
		for (uint32_t v = 0; v < 2; v++) {
			memset(&r, 0, sizeof(r));
			pool_merge_pending(f.p, v, &r);
			cr_assert_eq(r.flush, POOL_FLUSH_ALL);
			cr_assert(r.ntouch);
		}
		pool_flush_done(f.p, 0, true, r.epoch);
	}
}

Test(pool_smp, root_in_use_by_the_other_is_kept)
{
	struct fix_tables b = fix_long_tables(&f);

	set_root(0, t.pml4);
	set_root(1, t.pml4);
	set_root(0, b.pml4);
	cr_assert_eq(f.state[t.pml4 >> PAGE_SHIFT], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	pool_unshadow(f.p, 0, 1ull << 35, t.pml4, 0x1000, &f.r);
	cr_assert_eq(f.r.status, POOL_STEP);
}
