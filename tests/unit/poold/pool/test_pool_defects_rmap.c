/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defects D1 to D15: references, counters, scans, and every kind of table. See pool_defects.h. */
#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;
static struct fix_tables t;

static void init(void)
{
	fix_init(&f);
	f.cfg.prefetch = 64;
}

static void start(void)
{
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_defects_rmap, .init = init, .fini = teardown);

static uint64_t word_of(uint64_t gpa)
{
	return f.p->rmap[ram_index(f.p, gfn_of(gpa))];
}

Test(pool_defects_rmap, defect_D01_extents_hold_448_references)
{
	static const unsigned counts[] = { 3, 4, 5, 8, 14, 15, 22, 448 };

	start();
	for (unsigned i = 0; i < 8; i++) {
		defects_alias(&f, t.pt, counts[i], TARGET);
		cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 0, "overflow at %u references", counts[i]);
		cr_assert_eq(f.stats[POOL_STAT_ext_used], (counts[i] + 6) / 7);
	}
	defects_alias(&f, t.pt, 449, TARGET);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 1);
	cr_assert_eq(f.stats[POOL_STAT_ext_used], 0);
}

Test(pool_defects_rmap, defect_D02_index_0_is_an_index_and_page_0_is_none)
{
	uint32_t pt;

	f.cfg.max_extents = 1;
	start();
	defects_alias(&f, t.pt, 2, TARGET);
	cr_assert_eq(f.stats[POOL_STAT_ext_exhausted], 0, "extent 0 is there to be used");
	cr_assert_eq(word_of(TARGET), RMAP_WORD(RMAP_CHAIN, 0));
	cr_assert_eq(f.p->page[f.p->vcpu[0].root[0]].gt, 0, "gtable 0 is in use");
	cr_assert_neq(f.p->user[0].parent, PAGE_NIL, "user record 0 is in use");
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_neq(pt, PAGE_NIL);
	cr_assert_eq(entry_child(f.p, f.cfg.pool_maddr), PAGE_NIL, "page 0 is never used");
	defects_alias(&f, t.pt, 0, TARGET);
	fix_write(&f, t.pt, 0, 8);
	fix_write(&f, t.pt + 8, 0, 8);
	cr_assert_eq(word_of(TARGET), 0);
	cr_assert_eq(f.p->n_ext_free, 1);
	fix_audit(&f, "at the end");
}

/* The chain of a page whose front is extent 0, and that loses the extent behind it. */
Test(pool_defects_rmap, defect_D02_extent_0_in_front_keeps_what_is_in_it)
{
	const uint64_t other = TARGET + PAGE_SIZE;

	f.cfg.max_extents = 2;
	f.cfg.prefetch = 1;
	start();
	for (unsigned i = 0; i < 11; i++)
		fix_write(&f, t.pt + 8 * i, (i < 2 ? other : TARGET) | FIX_USED, 8);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(fix_map(&f, i * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(word_of(other), RMAP_WORD(RMAP_CHAIN, 0));
	cr_assert_eq(word_of(TARGET), RMAP_WORD(RMAP_CHAIN, 1));
	fix_write(&f, t.pt, 0, 8);
	fix_write(&f, t.pt + 8, 0, 8);
	for (unsigned i = 4; i < 11; i++)
		cr_assert_eq(fix_map(&f, i * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(word_of(TARGET), RMAP_WORD(RMAP_CHAIN, 0), "extent 0 is in front");
	for (unsigned i = 2; i < 9; i++)
		fix_write(&f, t.pt + 8 * i, 0, 8);
	cr_assert_eq(word_of(TARGET), RMAP_WORD(RMAP_CHAIN, 0), "two references are left in extent 0");
	cr_assert_eq(f.p->n_ext_free, 1);
	fix_audit(&f, "with extent 0 alone");
	fix_write(&f, t.pt + 8 * 9, 0, 8);
	fix_write(&f, t.pt + 8 * 10, 0, 8);
	cr_assert_eq(word_of(TARGET), 0);
	cr_assert_eq(f.p->n_ext_free, 2);
}

/* A million steps of every path that clears or sets an entry, recounted after each: five seconds on a quiet machine. */
Test(pool_defects_rmap, defect_D03_present_counters_follow_every_path, .timeout = 200)
{
	uint64_t rng = 0x1234567;
	struct pool_result r;

	f.audit = false;
	f.cfg.prefetch = 4;
	start();
	for (unsigned i = 0; i < 1000000; i++) {
		uint64_t slot, other;

		rng = rng * 6364136223846793005ull + 1442695040888963407ull;
		slot = (rng >> 33) % 24;
		other = (rng >> 40) % 4;
		switch ((rng >> 50) % 10) {
		case 0:
			fix_write(&f, t.pt + 8 * slot, 0, 8);
			break;
		case 1:
			pool_track(f.p, gfn_of(TARGET) + other, rng >> 63, &r);
			break;
		case 2:
			rmap_flush(f.p, gfn_of(TARGET) + other);
			break;
		case 3:
			fix_write(&f, t.pd, (other ? t.pt : 0) | FIX_USED, 8);
			break;
		case 4:
			if (i % 8 == 0)
				pool_clear_all(f.p, &r);
			break;
		case 5:
			fix_unshadow(&f, 0x40000000, t.pt, rng);
			break;
		default:
			fix_write(&f, t.pd, t.pt | FIX_USED, 8);
			fix_write(&f, t.pt + 8 * slot, (TARGET + other * PAGE_SIZE) | FIX_USED, 8);
			fix_map(&f, slot * PAGE_SIZE, other & 1 ? WALK_USER : 0);
			break;
		}
		defects_recount_fast(f.p);
		if (i % 1024 == 0)
			defects_recount(f.p);
	}
	fix_audit(&f, "at the end");
}

Test(pool_defects_rmap, defect_D04_clear_all_trusts_no_counter)
{
	uint32_t pt;

	start();
	defects_alias(&f, t.pt, 40, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	f.p->n_present -= f.p->page[pt].n_present;
	f.p->page[pt].n_present = 0;
	f.p->page[pt].first_present = POOL_SLOTS;
	pool_clear_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0, "live entries whose tracking is gone");
	cr_assert_eq(word_of(TARGET), 0);
}

Test(pool_defects_rmap, defect_D05_flush_scans_to_the_end_of_the_table)
{
	uint32_t pt;

	start();
	defects_alias(&f, t.pt, 40, TARGET);
	fix_write(&f, t.pt + 8 * 511, TARGET | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 511 * PAGE_SIZE, 0), POOL_OK);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	f.p->page[pt].n_present = 2;
	f.p->page[pt].first_present = 38;
	cr_assert_eq(page_flush(f.p, pt), 0);
	cr_assert_eq(word_of(TARGET), 0, "references leaked");
	cr_assert(!f.p->corrupt);
	fix_audit(&f, "after a flush with a low count");
}

static uint32_t seen_kinds;

/* All kinds of the pool's format. Those of PAE and 4-level guests belong to both. */
static uint32_t made_kinds(void)
{
	uint32_t all = 0;

	for (unsigned k = KIND_FREE + 1; k < KIND_COUNT; k++) {
		const struct pool_kind *row = &pool_kinds[k];
		bool legacy = row->group == GROUP_N || row->group == GROUP_L;

		if (!(row->flags & KF_RETIRED) && row->entry_size == (legacy && fix_f32(&f) ? 4 : 8))
			all |= 1u << k;
	}
	return all;
}

static void flush_everything(struct fix *x)
{
	fix_audit(x, "before");
	pool_clear_root(x->p, 0, &x->r);
	for (uint32_t page = 1; page < x->p->cfg.max_pages; page++) {
		if (!page_in_use(x->p, page))
			continue;
		seen_kinds |= 1u << role_kind(x->p->page[page].role);
		cr_assert_eq(page_flush(x->p, page), 0);
		cr_assert(!x->p->corrupt, "kind %s", page_kind(x->p, page)->name);
		fix_audit(x, "after a flush");
	}
	cr_assert_eq(x->p->n_used, 0);
	fix_settle(x);
}

Test(pool_defects_rmap, defect_D06_every_kind_can_be_flushed)
{
	fix_open(&f);
	fix_both_formats(&f) {
		seen_kinds = 0;
		defects_every_mode(&f, flush_everything);
		cr_assert_eq(seen_kinds, made_kinds());
	}
}

static void check_monitored(struct fix *x)
{
	for (uint32_t page = 1; page < x->p->cfg.max_pages; page++) {
		const struct pool_page *pg = &x->p->page[page];

		if (!page_in_use(x->p, page))
			continue;
		seen_kinds |= 1u << role_kind(pg->role);
		if (pool_kinds[role_kind(pg->role)].source == SOURCE_GUEST)
			cr_assert(x->state[gfn_of(pg->gpa)] & PAGE_STATE_MONITORED, "kind %s", page_kind(x->p, page)->name);
		else
			cr_assert_eq(pg->gt, GT_NIL);
	}
}

Test(pool_defects_rmap, defect_D07_every_kind_with_a_guest_table_is_monitored)
{
	fix_open(&f);
	fix_both_formats(&f) {
		seen_kinds = 0;
		defects_every_mode(&f, check_monitored);
		cr_assert_eq(seen_kinds, made_kinds());
	}
}

Test(pool_defects_rmap, defect_D08_user_record_names_the_slot)
{
	uint32_t parent = PAGE_NIL, child;

	f.cfg.max_pages = 2048;
	f.cfg.prefetch = 1;
	f.audit = false;
	start();
	for (unsigned i = 0; i < 600; i++) {	/* so many tables that a later one is above page 512 */
		uint64_t pd = i < 512 ? t.pd : t.pd + (8ull << 20) / 2 + PAGE_SIZE, pt = 0x100000 + i * PAGE_SIZE;

		fix_write(&f, t.pdpt + 8 * (i / 512), pd | FIX_USED, 8);
		fix_write(&f, pd + 8 * (i % 512), pt | FIX_USED, 8);
		fix_poke(&f, pt, 0x700000 | FIX_USED, 8);
		cr_assert_eq(fix_map(&f, i * (2ull << 20), 0), POOL_OK);
		parent = defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, pd, PAGE_NIL);
	}
	cr_assert_gt(parent, 512);
	child = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, 0x100000 + 580 * PAGE_SIZE, PAGE_NIL);
	cr_assert_neq(child, PAGE_NIL);
	cr_assert_eq(f.p->user[f.p->page[child].users].parent, parent);
	cr_assert_eq(f.p->user[f.p->page[child].users].slot, 580 - 512);
	/* The same child under two entries of one parent. */
	entry_set(f.p, parent, 400, page_maddr(f.p, child) | PTE_P | PTE_U | PTE_A);
	child_put(f.p, parent, 400);
	cr_assert(user_has(f.p, child, parent, 580 - 512) && !user_has(f.p, child, parent, 400));
	cr_assert_eq(f.p->user[f.p->page[child].users].slot, 580 - 512);
	child_put(f.p, parent, 580 - 512);
	cr_assert_eq(f.p->page[child].users, USER_NIL);
	cr_assert(!f.p->corrupt);
	fix_audit(&f, "with parents above page 512");
	while (page_in_use(f.p, child + 1))
		child++;
	cr_assert(page_kind(f.p, child)->flags & KF_LEAF);
	entry_set(f.p, child, POOL_SLOTS, (FIX_RAM_MADDR + 0x700000) | PTE_P | PTE_U | PTE_A);
	cr_assert(f.p->corrupt, "a slot that the table does not have");
}

Test(pool_defects_rmap, defect_D09_references_match_by_page_and_slot)
{
	uint32_t pt, pt2;
	uint64_t other;

	start();
	other = fix_table(&f);
	defects_alias(&f, t.pt, 2, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	fix_write(&f, t.pt, 0, 8);
	cr_assert(rmap_has(f.p, gfn_of(TARGET), pt, 1) && !rmap_has(f.p, gfn_of(TARGET), pt, 0));
	cr_assert(defects_mapped(&f, PAGE_SIZE));
	defects_alias(&f, t.pt, 9, TARGET);
	for (unsigned i = 3; i < 9; i += 2) {
		fix_write(&f, t.pt + 8 * i, 0, 8);
		for (unsigned j = 0; j < 9; j++)
			cr_assert_eq(rmap_has(f.p, gfn_of(TARGET), pt, j), defects_mapped(&f, j * PAGE_SIZE));
	}
	fix_audit(&f, "with holes");
	/* The same slot of two tables. */
	fix_poke(&f, other + 8 * 2, TARGET | FIX_USED, 8);
	fix_write(&f, t.pd + 8, other | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, (2ull << 20) + 2 * PAGE_SIZE, 0), POOL_OK);
	pt2 = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, other, PAGE_NIL);
	fix_write(&f, other + 8 * 2, 0, 8);
	cr_assert(rmap_has(f.p, gfn_of(TARGET), pt, 2) && !rmap_has(f.p, gfn_of(TARGET), pt2, 2));
	fix_write(&f, other + 8 * 2, TARGET | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, (2ull << 20) + 2 * PAGE_SIZE, 0), POOL_OK);
	fix_write(&f, t.pt + 8 * 2, 0, 8);
	cr_assert(!rmap_has(f.p, gfn_of(TARGET), pt, 2) && rmap_has(f.p, gfn_of(TARGET), pt2, 2));
	fix_audit(&f, "with one of two equal slots");
}

Test(pool_defects_rmap, defect_D10_any_number_of_references_goes_at_once)
{
	static const unsigned counts[] = { 0, 1, 2, 3, 4, 7, 8, 14, 15, 100, 448, 449, 500 };

	start();
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		defects_alias(&f, t.pt, counts[i], TARGET);
		cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), counts[i]);
		rmap_flush(f.p, gfn_of(TARGET));
		cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0, "%u references", counts[i]);
		cr_assert_eq(word_of(TARGET), 0);
		cr_assert_eq(f.p->n_ext_free, f.p->cfg.max_extents);
		fix_audit(&f, "after the flush of a frame");
	}
}

Test(pool_defects_rmap, defect_D11_wrong_word_is_refused_and_reset_recovers)
{
	uint32_t used;

	start();
	defects_alias(&f, t.pt, 1, TARGET);
	f.p->rmap[ram_index(f.p, gfn_of(TARGET))] = RMAP_WORD(RMAP_SINGLE, RMAP_REF(77, 3));
	fix_poke(&f, t.pt, 0, 8);
	pool_guest_write(f.p, 0, t.pt, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	pool_invlpg(f.p, 0, 0, false, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT, "nothing but a reset is accepted");
	cr_assert_eq(f.stats[POOL_STAT_errors_corrupt], 1);
	used = f.p->n_used;
	pool_flush_all(f.p, &f.r);
	cr_assert_eq(f.p->n_used, used, "refused, and nothing done");
	pool_reset(f.p);
	fix_audit(&f, "after a reset");
	fix_long_root(&f, t.pml4);
	fix_write(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	/* A table whose user record is missing. */
	f.p->page[defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL)].users = USER_NIL;
	fix_poke(&f, t.pd, 0, 8);
	pool_guest_write(f.p, 0, t.pd, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
}

static uint32_t start_again(void)
{
	pool_reset(f.p);
	fix_long_root(&f, t.pml4);
	fix_poke(&f, t.pd, t.pt | FIX_USED, 8);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	return defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
}

/* The other look-ups that must find something: where an entry leads, and a page in its bucket. */
Test(pool_defects_rmap, defect_D11_what_is_not_found_is_refused)
{
	uint32_t pt;

	start();
	pt = start_again();
	format_put(f.p, pt, 0, (FIX_RAM_MADDR - PAGE_SIZE) | PTE_P | PTE_U | PTE_A);
	child_put(f.p, pt, 0);
	cr_assert(f.p->corrupt, "an entry that leads nowhere");
	pt = start_again();
	cr_assert(!f.p->corrupt);
	f.p->bucket[cache_bucket(f.p, t.pt)] = PAGE_NIL;
	page_flush(f.p, pt);
	cr_assert(f.p->corrupt, "a page that is not in its bucket");
	start_again();
	fix_audit(&f, "after a reset");
}

/* Frames that differ in the upper bits only, one of them overflowed. */
Test(pool_defects_rmap, defect_D12_scan_compares_whole_addresses)
{
	uint64_t high = GUEST_RAM_HIGH_BASE + TARGET;

	defects_init_high(&f);
	f.cfg.rmap_nodes_per_gfn = 1;
	f.cfg.prefetch = 64;
	start();
	defects_alias(&f, t.pt, 20, TARGET);
	fix_write(&f, t.pt + 8 * 20, high | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 20 * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(RMAP_TAG(word_of(TARGET)), RMAP_OVERFLOW);
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0);
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(high)), 1);
	cr_assert(!f.p->corrupt);
}

/* The same with tables that hold 32 bits of an address: none of their entries may stand for a frame above 4 GiB. */
Test(pool_defects_rmap, defect_D12_scan_of_4_byte_entries)
{
	uint64_t high = GUEST_RAM_HIGH_BASE + TARGET, pd, pt;

	defects_init_high(&f);
	f.cfg.rmap_nodes_per_gfn = 1;
	f.cfg.prefetch = 64;
	f.cfg.legacy_format = POOL_F32;
	start();
	pd = fix_table(&f);
	pt = fix_table(&f);
	defects_alias(&f, t.pt, 20, high);
	cr_assert_eq(RMAP_TAG(word_of(high)), RMAP_OVERFLOW);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	for (unsigned i = 0; i < 20; i++)
		fix_poke(&f, pt + 4 * i, TARGET | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0, 0, TARGET);
	cr_assert_eq(RMAP_TAG(word_of(TARGET)), RMAP_OVERFLOW);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_32BIT_PT_FOR_32BIT_PT), 1);
	rmap_flush(f.p, gfn_of(high));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(high)), 0);
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 20, "unrelated entries of 4 bytes");
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0);
	cr_assert(!f.p->corrupt);
}

Test(pool_defects_rmap, defect_D13_scan_is_complete_whatever_the_counters_say)
{
	f.cfg.rmap_nodes_per_gfn = 1;
	start();
	defects_alias(&f, t.pt, 60, TARGET);
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page) && (page_kind(f.p, page)->flags & KF_LEAF)) {
			f.p->page[page].n_present = 1;
			f.p->page[page].first_present = 50;
		}
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0);
	cr_assert_eq(word_of(TARGET), 0);
}

/* In pages of any number, however few there are. */
Test(pool_defects_rmap, defect_D13_scan_looks_at_every_page)
{
	f.cfg.rmap_nodes_per_gfn = 1;
	f.audit = false;
	start();
	for (unsigned i = 0; i < 100; i++)
		f.p->free_head = f.p->page[f.p->free_head].hash_next;
	defects_alias(&f, t.pt, 60, TARGET);
	cr_assert_gt(defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL), 100);
	rmap_flush(f.p, gfn_of(TARGET));
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET)), 0);
}

Test(pool_defects_rmap, defect_D14_exhausted_extents_are_counted)
{
	f.cfg.max_extents = 1;
	start();
	defects_alias(&f, t.pt, 2, TARGET);
	for (unsigned i = 2; i < 4; i++)
		fix_write(&f, t.pt + 8 * i, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 2 * PAGE_SIZE, 0), POOL_OK);
	cr_assert_eq(f.stats[POOL_STAT_ext_exhausted], 1);
	cr_assert_eq(f.stats[POOL_STAT_rmap_overflow], 1);
	cr_assert_eq(f.p->n_overflowed, 1);
	rmap_flush(f.p, gfn_of(TARGET) + 1);
	cr_assert_eq(defects_leaves_of(f.p, gfn_of(TARGET) + 1), 0);
	cr_assert_eq(f.p->n_overflowed, 0);
	fix_audit(&f, "after an overflow");
}

Test(pool_defects_rmap, defect_D15_identity_is_the_frame)
{
	start();
	for (unsigned i = 0; i < 4; i++)	/* all four pages are zero */
		fix_write(&f, t.pt + 8 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 0, 0), POOL_OK);
	rmap_flush(f.p, gfn_of(TARGET) + 1);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(defects_mapped(&f, i * PAGE_SIZE), i != 1);
	fix_audit(&f, "after the flush of one of four equal pages");
}
