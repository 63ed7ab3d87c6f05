/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defects D16 to D29 and D34 to D37: guest writes, what they clear and what they cost. See pool_defects.h. */
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

TestSuite(pool_defects_write, .init = setup, .fini = teardown);

static uint64_t reads[64];
static unsigned n_reads;

static uint64_t note_read(void *ctx, uint64_t gpa, unsigned size)
{
	if (n_reads < 64)
		reads[n_reads] = gpa;
	n_reads++;
	return fix_read(ctx, gpa, size);
}

Test(pool_defects_write, defect_D16_release_never_reads_the_guest)
{
	uint32_t pt;

	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	f.p->cb.read = note_read;
	n_reads = 0;
	cr_assert_eq(page_flush(f.p, pt), 0);
	pool_clear_root(f.p, 0, &f.r);
	pool_flush_all(f.p, &f.r);
	cr_assert_eq(f.p->n_used, 0);
	cr_assert_eq(n_reads, 0, "the table may be no RAM any more");
	cr_assert_eq(f.p->rmap[ram_index(f.p, gfn_of(TARGET))], 0);
}

Test(pool_defects_write, defect_D17_uncached_child_goes_with_its_last_user)
{
	fix_close(&f);
	fix_init(&f);
	f.cfg.cache_off = true;
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_poke(&f, t.pdpt + 8, t.pd | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, 0, TARGET);
	fix_expect(&f, 1ull << 30, 0, TARGET);
	fix_write(&f, t.pdpt, 0, 8);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PD_FOR_64BIT_PD), 1, "it has another user");
	fix_write(&f, t.pdpt + 8, 0, 8);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PD_FOR_64BIT_PD), 0);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_PT), 0, "and its own children with it");
	cr_assert_eq(f.state[gfn_of(t.pd)], 0);
	fix_audit(&f, "after the last put");
}

static void check_owned(const char *when)
{
	for (unsigned view = 0; view < 2; view++)
		cr_assert_eq(entry_get(f.p, f.p->vcpu[0].root[view], FIX_STUB_SLOT), FIX_STUB_ENTRY | ENTRY_OWNED, "%s", when);
	cr_assert(!f.p->corrupt, "%s", when);
}

Test(pool_defects_write, defect_D18_owned_entries_are_no_pool_pages)
{
	struct pool_map_args a = { .gva = (uint64_t)FIX_STUB_SLOT << 39 | 0xffff000000000000ull, .gpa = TARGET };
	uint32_t root;

	fix_expect(&f, 0, 0, TARGET);
	fix_write(&f, t.pml4 + 8 * FIX_STUB_SLOT, t.pdpt | FIX_USED, 8);
	check_owned("after the guest wrote that slot");
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_INVAL);
	pool_invlpg(f.p, 0, a.gva, true, &f.r);
	check_owned("after INVLPG there");
	pool_clear_all(f.p, &f.r);
	check_owned("after clear_all");
	pool_flush_all(f.p, &f.r);
	check_owned("after flush_all");
	/* The one function that stores entries knows it too. */
	entry_set(f.p, f.p->vcpu[0].root[0], FIX_STUB_SLOT, 0);
	cr_assert(f.p->corrupt);
	f.p->corrupt = false;
	check_owned("after a store over it");
	root = f.p->vcpu[0].root[0];
	pool_clear_root(f.p, 0, &f.r);
	cr_assert_eq(page_flush(f.p, root), 0);
	cr_assert(!f.p->corrupt);
	cr_assert_eq(entry_get(f.p, root, FIX_STUB_SLOT), FIX_STUB_ENTRY | ENTRY_OWNED, "a CPU may still run through it");
}

/* What a store over byte i of an entry must change so that the entry says something else. */
static const uint8_t flips[8] = { PTE_P, 0x10, 0x10, 1, 1, 1, 1, 0x80 };

/* Entries of one level: of so many bytes each, and mapping so much. */
struct level { uint64_t table; unsigned size, shift; };

/* Entry i as a whole: a 32-bit directory's is two of its shadow's. */
static bool is_mapped(const struct level *l, unsigned i)
{
	uint64_t gva = (uint64_t)i << l->shift;
	bool mapped = defects_mapped(&f, gva);

	if (l->shift == 22)
		cr_assert_eq(defects_mapped(&f, gva + (2ull << 20)), mapped, "half of entry %u", i);
	return mapped;
}

static void map_entry(const struct level *l, unsigned i)
{
	uint64_t gva = (uint64_t)i << l->shift;

	if (!defects_mapped(&f, gva))
		cr_assert_eq(fix_map(&f, gva, 0), POOL_OK);
	if (l->shift == 22 && !defects_mapped(&f, gva + (2ull << 20)))
		cr_assert_eq(fix_map(&f, gva + (2ull << 20), 0), POOL_OK);
}

/* Every offset and length over some entries of a table, all of which are mapped before and after. */
static void write_grid(const struct level *l, unsigned first, unsigned entries)
{
	unsigned size = l->size, span = 2 * size + 4;

	for (unsigned off = first * size; off < first * size + span; off++)
		for (unsigned len = 1; len <= 2 * size + 1; len++) {
			uint8_t old[64], new[64];

			for (unsigned i = first; i < first + entries; i++)
				map_entry(l, i);
			memcpy(old, f.ram.base + l->table + off, len);
			memcpy(new, old, len);
			for (unsigned i = 0; i < len; i++)
				new[i] ^= flips[(off + i) % size];
			fix_store(&f, l->table + off, new, len, WRITE_CLASS_SIMPLE);
			for (unsigned i = first; i < first + entries; i++)
				cr_assert_eq(is_mapped(l, i), i < off / size || i > (off + len - 1) / size,
					     "%u bytes at %u of %u-byte entries: entry %u", len, off, size, i);
			fix_store(&f, l->table + off, old, len, WRITE_CLASS_SIMPLE);
		}
}

Test(pool_defects_write, defect_D19_touched_entries_of_every_offset_and_length)
{
	uint64_t pd = fix_table(&f), pt = fix_table(&f);

	f.audit = false;
	fix_expect(&f, 0, 0, TARGET);
	write_grid(&(struct level){ t.pt, 8, 12 }, 0, 8);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	for (unsigned i = 0; i < 32; i++) {
		fix_poke(&f, pt + 4 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
		fix_poke(&f, pt + 4 * (508 + i), (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	}
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0, 0, TARGET);
	write_grid(&(struct level){ pt, 4, 12 }, 0, 8);
	/* Across the border between the two shadows of a 32-bit PT. */
	for (unsigned i = 508; i < 516; i++)
		cr_assert_eq(fix_map(&f, i * PAGE_SIZE, 0), POOL_OK);
	write_grid(&(struct level){ pt, 4, 12 }, 508, 8);
	fix_audit(&f, "after the grid");
	/* The whole page is the whole of each of its shadows, and no more. */
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++) {
		uint32_t slot = 77, end = 77;

		if (!page_in_use(f.p, page) || !page_kind(f.p, page)->guest_size)
			continue;
		cr_assert(derive_range(f.p, page, f.p->page[page].gpa, PAGE_SIZE, &slot, &end));
		cr_assert_eq(slot, 0);
		cr_assert_eq(end, page_kind(f.p, page)->count);
	}
}

/* Directories and the tables above them: each entry that is touched loses its child, and no other. */
Test(pool_defects_write, defect_D19_touched_entries_of_upper_tables)
{
	uint64_t pd = fix_table(&f), pt = fix_table(&f);

	f.audit = false;
	for (unsigned i = 1; i < 8; i++) {
		fix_poke(&f, t.pd + 8 * i, t.pt | FIX_USED, 8);
		fix_poke(&f, t.pdpt + 8 * i, t.pd | FIX_USED, 8);
		fix_poke(&f, t.pml4 + 8 * i, t.pdpt | FIX_USED, 8);
	}
	write_grid(&(struct level){ t.pd, 8, 21 }, 0, 8);
	write_grid(&(struct level){ t.pdpt, 8, 30 }, 0, 8);
	write_grid(&(struct level){ t.pml4, 8, 39 }, 0, 8);
	fix_audit(&f, "after the grids of 8-byte entries");
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, pd + 4 * i, pt | FIX_USED, 4);
	fix_poke(&f, pt, TARGET | FIX_USED, 4);
	fix_poke(&f, pt + 4 * 512, TARGET | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	write_grid(&(struct level){ pd, 4, 22 }, 0, 8);
	fix_audit(&f, "after the grid of 4-byte entries");
}

Test(pool_defects_write, defect_D20_one_store_clears_both_entries)
{
	uint64_t pd = fix_table(&f), pt = fix_table(&f), zero[2] = { 0 };

	for (unsigned i = 0; i < 6; i++)
		fix_expect(&f, i * PAGE_SIZE, 0, TARGET + i * PAGE_SIZE);
	fix_store(&f, t.pt + 16, zero, 16, WRITE_CLASS_SIMPLE);	/* CMPXCHG16B */
	for (unsigned i = 0; i < 6; i++)
		cr_assert_eq(defects_mapped(&f, i * PAGE_SIZE), i != 2 && i != 3);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, pt + 4 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0, 0, TARGET);
	fix_store(&f, pt + 16, zero, 8, WRITE_CLASS_SIMPLE);	/* CMPXCHG8B */
	for (unsigned i = 0; i < 8; i++)
		cr_assert_eq(defects_mapped(&f, i * PAGE_SIZE), i != 4 && i != 5);
}

Test(pool_defects_write, defect_D21_pae_entries_have_8_bytes)
{
	uint64_t high = GUEST_RAM_HIGH_BASE + TARGET, pdpt, pd, pt;

	fix_close(&f);
	defects_init_high(&f);
	fix_open(&f);
	pdpt = fix_table(&f);
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pdpt, pd | PTE_P, 8);
	fix_poke(&f, pd, pt | FIX_USED, 8);
	fix_poke(&f, pt, high | FIX_USED, 8);
	fix_poke(&f, pt + 8, TARGET | FIX_USED, 8);
	fix_set_root(&f, FIX_PAGED, pdpt, CR4_PAE, EFER_NXE, false);
	fix_expect(&f, 0, WALK_WRITE, high);
	fix_expect(&f, PAGE_SIZE, WALK_WRITE, TARGET);
	/* The upper half alone says where it goes. */
	fix_write(&f, pt + 4, 0, 4);
	cr_assert(!defects_mapped(&f, 0));
	cr_assert(defects_mapped(&f, PAGE_SIZE));
	fix_invlpg(&f, 0);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	fix_write(&f, pt + 12, 1, 4);
	cr_assert(!defects_mapped(&f, PAGE_SIZE));
}

Test(pool_defects_write, defect_D22_directory_write_drops_the_child_at_once)
{
	struct pool_walk w;
	uint32_t pt;

	fix_expect(&f, 0, 0, TARGET);
	pt = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	cr_assert_neq(f.p->page[pt].users, USER_NIL);
	fix_write(&f, t.pd, 0, 8);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), -ENOENT);
	cr_assert_eq(w.nsteps, 3, "the directory's entry itself is gone");
	cr_assert_eq(f.p->page[pt].users, USER_NIL);
	/* One table straight after the other. */
	fix_write(&f, t.pd, t.pt | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, 0, 0), POOL_OK);
	cr_assert(defects_mapped(&f, 0));
	fix_write(&f, t.pd, (TARGET + 2 * PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), -ENOENT);
	cr_assert_eq(w.nsteps, 3);
	cr_assert_eq(f.p->page[pt].users, USER_NIL);
	/* Another table in the same place. */
	fix_write(&f, t.pd, 0, 8);
	fix_poke(&f, TARGET + PAGE_SIZE, (TARGET + 7 * PAGE_SIZE) | FIX_USED, 8);
	fix_write(&f, t.pd, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	fix_invlpg(&f, 0);
	fix_expect(&f, 0, 0, TARGET + 7 * PAGE_SIZE);
}

/* A table as data of another address space, so that it is on no path; that one's PT, returned, maps itself at 4 KiB. */
static uint64_t switch_to_alias(uint64_t table)
{
	struct fix_tables o = fix_long_tables(&f);

	fix_poke(&f, o.pt, table | FIX_USED, 8);
	fix_poke(&f, o.pt + 8, o.pt | FIX_USED, 8);
	fix_long_root(&f, o.pml4);
	fix_expect(&f, 0, 0, table);
	fix_expect(&f, PAGE_SIZE, 0, o.pt);
	return o.pt;
}

Test(pool_defects_write, defect_D23_write_of_unknown_size_lets_the_table_go)
{
	fix_expect(&f, 0, WALK_USER, TARGET);	/* two shadows: both must go */
	fix_expect(&f, 0, 0, TARGET);
	switch_to_alias(t.pt);
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x1000), POOL_UNSHADOW);
	cr_assert_eq(f.state[gfn_of(t.pt)], 0);
	cr_assert_eq(defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL), PAGE_NIL);
	cr_assert_eq(f.stats[POOL_STAT_mon_undecoded], 1);
}

Test(pool_defects_write, defect_D26_flush_is_in_the_same_result_as_the_decision)
{
	fix_expect(&f, 0, 0, TARGET);
	switch_to_alias(t.pt);
	pool_write_fault(f.p, 0, 0, t.pt, WRITE_CLASS_REUSE, 0x1000, 8, &f.r);
	cr_assert_eq(f.r.status, POOL_UNSHADOW);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_gt(f.r.ntouch, 0);
	/* And a flush that was owed before is not lost by a decision that changes nothing. */
	fix_write(&f, fix_table(&f), 0, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, 0, TARGET);
	fix_write(&f, t.pt, 0, 8);
	pool_write_fault(f.p, 0, 0, t.pml4, WRITE_CLASS_SIMPLE, 0x1000, 8, &f.r);
	cr_assert_eq(f.r.status, POOL_EMULATE);
	pool_merge_pending(f.p, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_EMULATE);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
}

/* What is owed only grows, in whatever order it comes. */
Test(pool_defects_write, defect_D26_scopes_and_tables_accumulate)
{
	struct pool_result r = { .flush = POOL_FLUSH_GVA, .flush_gva = PAGE_SIZE, .ntouch = 1, .touch = { FIX_POOL_MADDR } };
	struct pool_debt d = { 0 };

	debt_flush(&d, POOL_FLUSH_ROOT, FIX_POOL_MADDR);
	debt_flush(&d, POOL_FLUSH_GVA, PAGE_SIZE);
	cr_assert(d.flush == POOL_FLUSH_ROOT && d.flush_gva == FIX_POOL_MADDR);
	debt_flush(&d, POOL_FLUSH_ALL, 0);
	debt_flush(&d, POOL_FLUSH_GVA, PAGE_SIZE);
	cr_assert_eq(d.flush, POOL_FLUSH_ALL);
	fix_expect(&f, 0, 0, TARGET);
	fix_write(&f, t.pt, 0, 8);
	pool_merge_pending(f.p, 0, &r);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	cr_assert_eq(r.ntouch, 2);
	cr_assert_eq(r.touch[0], FIX_POOL_MADDR);
}

/* As switch_to_alias(), and table is a table of the new space as well: an access to 2 MiB brings it back. */
static uint64_t switch_to_space_with(uint64_t table)
{
	struct fix_tables o = fix_long_tables(&f);

	fix_poke(&f, o.pt, table | FIX_USED, 8);
	fix_poke(&f, o.pt + 8, o.pt | FIX_USED, 8);
	fix_poke(&f, o.pd + 8, table | FIX_USED, 8);
	fix_long_root(&f, o.pml4);
	fix_expect(&f, 2ull << 20, 0, TARGET);
	fix_expect(&f, 0, 0, table);
	fix_expect(&f, PAGE_SIZE, 0, o.pt);
	return o.pt;
}

Test(pool_defects_write, defect_D27_second_try_is_another_answer)
{
	uint64_t self = switch_to_space_with(t.pt);

	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x1000), POOL_UNSHADOW);
	fix_expect(&f, 2ull << 20, 0, TARGET);	/* the table comes back */
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x1000), POOL_STEP, "same rip, same bytes");
	cr_assert_neq(f.state[gfn_of(t.pt)], 0, "nothing has changed");
	cr_assert_eq(fix_unshadow(&f, 0, t.pt, 0x1000), POOL_STEP);
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_REUSE, 0x1000), POOL_EMULATE);
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x2000), POOL_UNSHADOW, "another instruction");
	/* A table that maps itself is back before the write is. */
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(fix_write_fault(&f, PAGE_SIZE, self, WRITE_CLASS_UNKNOWN, 0x3000 + i), POOL_STEP);
	cr_assert_eq(fix_write_fault(&f, PAGE_SIZE, self, WRITE_CLASS_REUSE, 0x3000), POOL_EMULATE);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(fix_write_fault(&f, 0, f.mode.cr3, WRITE_CLASS_UNKNOWN, 0x4000 + i), POOL_STEP);
}

/* One instruction that stores into two tables, each of which comes back while the other goes. */
Test(pool_defects_write, defect_D27_second_try_at_two_places)
{
	uint64_t other = fix_table(&f), pd;

	switch_to_space_with(t.pt);
	pd = fix_read(&f, fix_read(&f, f.mode.cr3, 8) & PTE_ADDR, 8) & PTE_ADDR;
	fix_poke(&f, pd + 16, other | FIX_USED, 8);
	fix_poke(&f, other, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	fix_expect(&f, 4ull << 20, 0, TARGET + PAGE_SIZE);
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x1000), POOL_UNSHADOW);
	cr_assert_eq(fix_write_fault(&f, 0, other, WRITE_CLASS_UNKNOWN, 0x1000), POOL_UNSHADOW);
	fix_expect(&f, 2ull << 20, 0, TARGET);
	fix_expect(&f, 4ull << 20, 0, TARGET + PAGE_SIZE);
	cr_assert_eq(fix_write_fault(&f, 0, t.pt, WRITE_CLASS_UNKNOWN, 0x1000), POOL_STEP);
	cr_assert_eq(fix_write_fault(&f, 0, other, WRITE_CLASS_UNKNOWN, 0x1000), POOL_STEP);
}

Test(pool_defects_write, defect_D28_counter_saturates_and_is_listed_once)
{
	uint32_t gt = gtable_find(f.p, gfn_of(t.pml4)), n = 0;

	for (unsigned i = 0; i < 70000; i++)
		pool_guest_write(f.p, 0, t.pml4 + 8, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.p->gtable[gt].mods, 70000);
	for (uint32_t g = f.p->mod_head; g != GT_NIL && n < 10; g = f.p->gtable[g].mod_next)
		n++;
	cr_assert_eq(n, 1);
	fix_audit(&f, "after 70000 writes");
	gtable_mods_set(f.p, gt, 0xfffffffe);
	for (unsigned i = 0; i < 3; i++) {
		pool_guest_write(f.p, 0, t.pml4 + 8, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
		cr_assert_eq(f.p->gtable[gt].mods, 0xffffffff);
	}
	cr_assert_eq(f.p->n_modified, 1);
	fix_audit(&f, "after the counter's end");
	/* Out of the list and in again. */
	gtable_mods_set(f.p, gt, 0);
	cr_assert_eq(f.p->mod_head, GT_NIL);
	pool_guest_write(f.p, 0, t.pml4 + 8, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.p->mod_head, gt);
	fix_audit(&f, "after the first write of another round");
}

Test(pool_defects_write, defect_D29_device_write_lists_the_table)
{
	fix_expect(&f, 0, 0, TARGET);
	fix_poke(&f, t.pt, (TARGET + 9 * PAGE_SIZE) | FIX_USED, 8);
	pool_guest_range_changed(f.p, t.pt - 8, 24, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert(f.p->gtable[gtable_find(f.p, gfn_of(t.pt))].listed);
	cr_assert_eq(f.p->gtable[gtable_find(f.p, gfn_of(t.pt))].mods, 1);
	cr_assert_eq(f.p->n_modified, 2, "both pages of the range are tables");
	cr_assert(!defects_mapped(&f, 0));
	cr_assert(defects_mapped(&f, PAGE_SIZE));
	fix_settle(&f);
	for (unsigned i = 0; i < 3; i++)
		fix_long_root(&f, t.pml4);
	cr_assert_eq(f.p->n_modified, 0, "listed, so that it decays");
}

Test(pool_defects_write, defect_D34_late_event_is_looked_up_by_its_frame)
{
	uint64_t pd = fix_table(&f), pt = fix_table(&f), events;
	uint32_t page, again, gt, mods;

	fix_expect(&f, 0, 0, TARGET);
	page = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL);
	/* Whoever looks up the table of an event meets this page. */
	fix_write(&f, t.pt + 8, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	for (unsigned i = 0; i < 8; i++)
		fix_poke(&f, pt + 4 * i, (TARGET + i * PAGE_SIZE) | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	/* The arena page becomes the shadow of another table, of another kind: the third that is made, so the first to be free. */
	cr_assert_eq(page_flush(f.p, page), 0);
	cr_assert_eq(page_flush(f.p, defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, PAGE_NIL)), 0);
	cr_assert_eq(page_flush(f.p, defects_find(f.p, KIND_64BIT_PDPT_FOR_64BIT_PDPT, t.pdpt, PAGE_NIL)), 0);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0, 0, TARGET);
	again = page_in_use(f.p, page) ? role_kind(f.p->page[page].role) : KIND_FREE;
	cr_assert_neq(again, KIND_FREE, "the page was not used again: nothing is tested");
	cr_assert_neq(again, KIND_PAE_PT_FOR_PAE_PT);
	gt = f.p->page[page].gt;
	cr_assert_neq(gt, GT_NIL);
	mods = f.p->gtable[gt].mods;
	events = f.stats[POOL_STAT_mon_write_events];
	memset(f.ram.base + t.pt, 0, PAGE_SIZE);
	pool_guest_write(f.p, 0, t.pt, PAGE_SIZE, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.stats[POOL_STAT_mon_write_events], events, "no table of that frame is left");
	cr_assert_eq(f.p->gtable[gt].mods, mods, "the count of another table");
	for (unsigned i = 0; i < 8; i++)
		cr_assert(defects_mapped(&f, i * PAGE_SIZE));
	fix_audit(&f, "after an event of a table that is gone");
}

/* Two guest tables in one bucket: the event is one of the table that it names. */
Test(pool_defects_write, defect_D34_tables_of_one_bucket_are_two)
{
	uint64_t other = 0x500000;

	while (cache_bucket(f.p, other) != cache_bucket(f.p, t.pt))
		other += PAGE_SIZE;
	fix_poke(&f, t.pd + 8, other | FIX_USED, 8);
	fix_poke(&f, other, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	fix_expect(&f, 0, 0, TARGET);
	fix_expect(&f, 2ull << 20, 0, TARGET + PAGE_SIZE);
	fix_write(&f, t.pt, 0, 8);
	cr_assert(!defects_mapped(&f, 0));
	cr_assert(defects_mapped(&f, 2ull << 20));
	fix_write(&f, other, 0, 8);
	cr_assert(!defects_mapped(&f, 2ull << 20));
}

/* A directory that is its own first table: what its first entry loses is a page of the same chain. */
Test(pool_defects_write, defect_D34_chain_that_changes_under_the_event)
{
	uint64_t zero[2] = { 0 };

	fix_close(&f);
	fix_init(&f);
	f.cfg.cache_off = true;
	f.cfg.prefetch = 1;
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pd, t.pd | FIX_USED, 8);
	fix_poke(&f, t.pd + 8, t.pt | FIX_USED, 8);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 2ull << 20, 0, TARGET);
	fix_expect(&f, 0, 0, t.pd);
	fix_store(&f, t.pd, zero, 16, WRITE_CLASS_SIMPLE);
	cr_assert(!defects_mapped(&f, 0));
	cr_assert(!defects_mapped(&f, 2ull << 20), "the second entry of the same store");
	fix_audit(&f, "after a chain has changed");
}

Test(pool_defects_write, defect_D35_entries_are_read_by_their_own_address)
{
	for (unsigned i = 0; i < 4; i++)
		fix_expect(&f, i * PAGE_SIZE, 0, TARGET + i * PAGE_SIZE);
	f.p->cb.read = note_read;
	f.p->cb.ctx = &f;
	n_reads = 0;
	pool_guest_write(f.p, 0, t.pt + 16, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(n_reads, 1);
	cr_assert_eq(reads[0], t.pt + 16);
}

Test(pool_defects_write, defect_D36_flush_is_as_small_as_the_change)
{
	fix_expect(&f, 0, 0, TARGET);
	fix_write(&f, t.pt + 8 * 100, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(f.p->vcpu[0].pending.flush, POOL_FLUSH_NONE, "nothing caches an entry that is not present");
	cr_assert_eq(f.p->vcpu[0].pending.ntouch, 0);
	fix_write(&f, t.pt, TARGET | FIX_USED, 8);
	cr_assert_eq(f.p->vcpu[0].pending.ntouch, 0, "the same value");
	fix_write(&f, t.pt, 0, 8);
	cr_assert_eq(f.p->vcpu[0].pending.ntouch, 1);
	cr_assert_eq(f.p->vcpu[0].pending.touch[0],
		     page_maddr(f.p, defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, PAGE_NIL)));
	fix_invlpg(&f, 0);
	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | (FIX_USED & ~PTE_D), 8);
	fix_invlpg(&f, PAGE_SIZE);
	fix_expect(&f, PAGE_SIZE, 0, TARGET + PAGE_SIZE);
	fix_poke(&f, t.pt + 8, (TARGET + PAGE_SIZE) | FIX_USED, 8);
	cr_assert_eq(fix_dirty(&f, PAGE_SIZE, false), POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_GVA);
	cr_assert_eq(f.r.flush_gva, PAGE_SIZE);
}

Test(pool_defects_write, defect_D37_unpaged_tables_are_keyed_by_their_span)
{
	fix_set_root(&f, CR0_PE, 0, 0, 0, false);
	fix_expect(&f, 0x3ff123, 0, 0x3ff123);
	fix_expect(&f, 0x200000, 0, 0x200000);
	fix_expect(&f, 0x2a0000, 0, 0x2a0000);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PHYS), 1);
	cr_assert_eq(f.p->page[defects_find(f.p, KIND_PAE_PT_FOR_PHYS, GPA_NIL, PAGE_NIL)].gpa, 0x200000);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PD_FOR_PHYS), 1);
	cr_assert_eq(f.p->page[defects_find(f.p, KIND_64BIT_PD_FOR_PHYS, GPA_NIL, PAGE_NIL)].gpa, 0);
	/* Whatever CR3 holds meanwhile. */
	fix_set_root(&f, CR0_PE, TARGET, 0, 0, false);
	fix_expect(&f, 0x200000, 0, 0x200000);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PML4_FOR_PHYS), 1, "one for both views and all of CR3");
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PHYS), 1);
}
