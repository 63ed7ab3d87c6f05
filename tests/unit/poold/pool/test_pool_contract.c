/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small print of the pool's operations: each of these is what some mutant (tests/mutants) would otherwise survive. */
#include "poold/pool/op.h"
#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;
static struct fix_tables t;

static void setup(void)
{
	fix_init(&f);
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 0; i < 32; i++)
		fix_poke(&f, t.pt + 8 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_contract, .init = setup, .fini = teardown);

Test(pool_contract, write_to_a_table_is_to_be_tried_again)
{
	fix_poke(&f, t.pt + 8, t.pd | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, WALK_WRITE), POOL_RETRY, "page_state says why");
	cr_assert_eq(f.r.entry & (PTE_P | PTE_W | ENTRY_GUARDED), PTE_P | ENTRY_GUARDED);
}

/* At every level, even if the older walk led to the same page. */
Test(pool_contract, walk_of_the_caller_is_compared)
{
	const uint64_t at[4] = { t.pml4, t.pdpt, t.pd, t.pt };
	struct pool_map_args a = { .gpa = TARGET, .nwalk = 4 };

	fix_expect(&f, 0, 0, TARGET);
	for (unsigned level = 0; level < 5; level++) {
		for (unsigned i = 0; i < 4; i++)
			a.walk[i] = fix_read(&f, at[i], 8) ^ (i == level ? PTE_G : 0);
		pool_map(f.p, 0, &a, &f.r);
		cr_assert_eq(f.r.status, level < 4 ? POOL_RETRY : POOL_OK, "level %u", level);
		fix_settle(&f);
	}
	a.nwalk = 3;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
}

Test(pool_contract, prefetch_leaves_what_is_there)
{
	struct pool_walk w;

	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | (FIX_USED & ~PTE_D), 8);
	cr_assert_eq(fix_map(&f, PAGE_SIZE, 0), POOL_OK);
	fix_write(&f, t.pt + 16, 0, 8);
	fix_write(&f, t.pt + 16, (TARGET + 2 * PAGE_SIZE) | FIX_USED, 8);
	fix_invlpg(&f, 2 * PAGE_SIZE);
	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 2 * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(f.r.ntouch, 0, "a neighbour's change costs a flush");
	cr_assert_eq(fix_shadow(&f, PAGE_SIZE, false, &w), 0);
	cr_assert(!w.writable);
}

Test(pool_contract, hit_cools_and_is_newest)
{
	struct pool_key key;
	uint32_t pt, page;

	fix_expect(&f, 0, 0, TARGET);
	for (unsigned i = 0; i < 9; i++)
		fix_write(&f, t.pt, TARGET | FIX_USED, 8);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_eq(f.p->gtable[f.p->page[pt].gt].mods, 9);
	fix_set_root(&f, CR0_PE, 0, 0, 0, false);
	fix_expect(&f, 0x3000, 0, 0x3000);
	cr_assert_neq(f.p->age_head, pt);
	cr_assert_gt(f.p->gtable[f.p->page[pt].gt].mods, 1);
	key = (struct pool_key){ .gpa = t.pt, .role = f.p->page[pt].role };
	cr_assert_eq(cache_page(f.p, &key, &page), POOL_CACHED);
	cr_assert_eq(page, pt);
	cr_assert_eq(f.p->age_head, pt);
	cr_assert_eq(f.p->gtable[f.p->page[pt].gt].mods, 1);
}

/* The reverse map knows only of entries that exist; a TLB may know of one that did. */
Test(pool_contract, monitoring_demands_a_flush_after_a_reduction)
{
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	fix_write(&f, t.pt, 0, 8);
	pool_track(f.p, gfn_of(TARGET), true, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	fix_settle(&f);
	pool_track(f.p, gfn_of(TARGET) + 20, true, &f.r);
	cr_assert_eq(f.r.flush, POOL_FLUSH_NONE, "nothing has changed since the flush");
	fix_settle(&f);
}

/* An entry of a table out of step may lose rights in place, under one vCPU; INVLPG of another one must know. */
Test(pool_contract, each_right_that_goes_leaves_a_stamp)
{
	static const struct { uint64_t take, give; bool reduces; } change[] = {
		{ 0, PTE_NX, true }, { PTE_NX, 0, false }, { PTE_W | PTE_D, ENTRY_GUARDED, true },
		{ ENTRY_GUARDED, PTE_W | PTE_D, false }, { 0, PAGE_SIZE, true },
	};
	struct pool_result r;
	uint32_t leaf;

	fix_expect(&f, 0, WALK_WRITE, TARGET);
	leaf = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	for (unsigned i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		uint64_t e = entry_get(f.p, leaf, 0);

		cr_assert(op_begin(f.p, 0, &r));
		op_end(f.p, POOL_OK, &r);
		pool_flush_done(f.p, 0, true, r.epoch);
		cr_assert(epoch_vcpu_is_clean(f.p, 0));
		entry_set(f.p, leaf, 0, (e & ~change[i].take) | change[i].give);
		cr_assert_eq(epoch_vcpu_is_clean(f.p, 0), !change[i].reduces, "change %u", i);
	}
}

Test(pool_contract, list_of_changed_tables_says_when_it_is_full)
{
	for (unsigned n = POOL_MAX_TOUCH; n <= POOL_MAX_TOUCH + 2; n++) {
		uint64_t gpa = TARGET + (100 + n) * PAGE_SIZE;

		for (unsigned i = 0; i < n; i++) {
			uint64_t pt = fix_table(&f);

			fix_poke(&f, pt, gpa | FIX_USED, 8);
			fix_write(&f, t.pd + 8 * i, pt | FIX_USED, 8);
			fix_invlpg(&f, i * (2ull << 20));
			fix_expect(&f, i * (2ull << 20), WALK_WRITE, gpa);
		}
		pool_track(f.p, gfn_of(gpa), true, &f.r);
		cr_assert_eq(f.r.ntouch, n <= POOL_MAX_TOUCH ? n : POOL_TOUCH_TOO_MANY);
		cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
		fix_settle(&f);
	}
}

Test(pool_contract, flushes_add_up)
{
	struct pool_debt d = { 0 };

	debt_flush(&d, POOL_FLUSH_GVA, 0x1000);
	debt_flush(&d, POOL_FLUSH_GVA, 0x1000);
	debt_flush(&d, POOL_FLUSH_NONE, 0);
	cr_assert(d.flush == POOL_FLUSH_GVA && d.flush_gva == 0x1000);
	debt_flush(&d, POOL_FLUSH_GVA, 0x2000);
	cr_assert_eq(d.flush, POOL_FLUSH_ALL, "a result names one address");
	d = (struct pool_debt){ 0 };
	debt_flush(&d, POOL_FLUSH_ROOT, 0x5000);
	debt_flush(&d, POOL_FLUSH_GVA, 0x1000);
	cr_assert(d.flush == POOL_FLUSH_ROOT && d.flush_gva == 0x5000);
}
