/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defects D38 to D51 and D55 to D57: look-up, eviction, and failures half-way. See pool_defects.h. */
#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;
static struct fix_tables t;

static void init(void)
{
	fix_init(&f);
	f.cfg.prefetch = 1;
}

/* 32 directory entries, each with a table of its own that maps one page. */
static void start(void)
{
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 32; i++)
		fix_poke(&f, t.pd + 8 * i, fix_table(&f) | FIX_USED, 8);
	for (unsigned i = 0; i < 32; i++)
		fix_poke(&f, fix_read(&f, t.pd + 8 * i, 8) & PTE_ADDR, (TARGET + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_defects_cache, .init = init, .fini = teardown);

static uint64_t gva_of(unsigned i)
{
	return i * (2ull << 20);
}

static void expect_table(unsigned i)
{
	fix_expect(&f, gva_of(i), WALK_WRITE, TARGET + i * PAGE_SIZE);
}

static uint64_t pt_of(unsigned i)
{
	return fix_read(&f, t.pd + 8 * i, 8) & PTE_ADDR;
}

static uint32_t page_of(unsigned i)
{
	return defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, pt_of(i), PAGE_NIL);
}

Test(pool_defects_cache, defect_D38_failure_to_make_a_table_is_undone)
{
	struct defects_starved s;
	uint32_t users, gtables;

	start();
	expect_table(0);
	users = f.p->n_user_free;
	gtables = f.p->n_gtables;
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			page_pin(f.p, page);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(1), 0), POOL_E_NOMEM, "nothing free, nothing to evict");
	defects_feed(f.p, s);
	cr_assert(!f.p->corrupt);
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			page_unpin(f.p, page);
	cr_assert_eq(f.p->n_user_free, users);
	cr_assert_eq(f.p->n_gtables, gtables);
	cr_assert_eq(f.state[gfn_of(pt_of(1))], 0);
	fix_audit(&f, "after a failed map");
	expect_table(1);
	expect_table(0);
}

/* There are as many records of guest tables as pages, so they do not run out; and if they did, only a reset would help. */
Test(pool_defects_cache, defect_D38_records_of_guest_tables)
{
	uint32_t shadows;

	f.audit = false;
	start();
	for (unsigned i = 0; i < 2 * f.p->cfg.max_pages; i++) {
		cr_assert_eq(fix_map(&f, gva_of(0), 0), POOL_OK);
		cr_assert_eq(page_flush(f.p, page_of(0)), 0);
	}
	cr_assert(!f.p->corrupt);
	expect_table(0);
	shadows = f.p->gtable[0].n_shadows;
	f.p->gt_free = GT_NIL;
	cr_assert_eq(defects_map_once(&f, gva_of(1), 0), POOL_E_CORRUPT, "a failure that cannot be");
	cr_assert_eq(f.p->gtable[0].n_shadows, shadows, "no other guest table has a shadow more");
	pool_reset(f.p);
	fix_long_root(&f, t.pml4);
	expect_table(1);
	fix_audit(&f, "after the reset");
}

Test(pool_defects_cache, defect_D39_root_of_any_vcpu)
{
	uint64_t roots[2];
	struct pool_modes m;
	struct fix_tables o;

	f.cfg.nvcpu = 3;
	start();
	o = fix_long_tables(&f);
	pool_vcpu_roots(f.p, 0, roots, &m);
	m.cr3 = o.pml4;
	for (unsigned v = 1; v < 3; v++) {
		pool_set_root(f.p, v, &m, &f.r);
		cr_assert_eq(f.r.status, POOL_OK);
		cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	}
	pool_clear_root(f.p, 1, &f.r);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED | PAGE_STATE_ROOT, "still that of another");
	pool_clear_root(f.p, 2, &f.r);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED);
}

Test(pool_defects_cache, defect_D39_root_flag_is_of_the_guest_page)
{
	struct fix_tables o;

	start();
	expect_table(0);
	/* First a table of another address space, then a root. */
	o = fix_long_tables(&f);
	fix_poke(&f, o.pml4 + 8, o.pml4 | FIX_USED, 8);
	fix_poke(&f, t.pml4 + 8, o.pml4 | FIX_USED, 8);
	fix_poke(&f, o.pt, TARGET | FIX_USED, 8);
	fix_poke(&f, o.pdpt, o.pd | FIX_USED, 8);
	fix_expect(&f, 1ull << 39, 0, o.pt);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED);
	fix_long_root(&f, o.pml4);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	/* Then a table that joins the chain of the root, and is its newest member when the state is made anew. */
	fix_expect(&f, 1ull << 39, WALK_USER, o.pt);
	fix_write(&f, o.pml4 + 8 * 100, 0, 8);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	cr_assert_eq(fix_write_fault(&f, 0, o.pml4, WRITE_CLASS_REUSE, 0x1000), POOL_EMULATE, "never let go");
	fix_long_root(&f, t.pml4);
	cr_assert_eq(f.state[gfn_of(o.pml4)], PAGE_STATE_MONITORED);
	cr_assert_eq(f.state[gfn_of(t.pml4)] & PAGE_STATE_ROOT, PAGE_STATE_ROOT);
}

static void check_found(struct fix *x)
{
	for (uint32_t page = 1; page < x->p->cfg.max_pages; page++) {
		const struct pool_page *pg = &x->p->page[page];

		if (!page_in_use(x->p, page) || pg->gt == GT_NIL)
			continue;
		cr_assert(pg->flags & PAGE_HASHED);
		cr_assert_eq(gtable_find(x->p, gfn_of(pg->gpa)), pg->gt);
	}
}

Test(pool_defects_cache, defect_D40_monitored_tables_are_in_the_hash)
{
	uint32_t half;

	fix_open(&f);
	defects_every_mode(&f, check_found);
	/* One of two shadows of a guest page goes: the other is still found. */
	half = defects_find(f.p, KIND_PAE_PT_FOR_32BIT_PT, GPA_NIL, PAGE_NIL);
	cr_assert_neq(half, PAGE_NIL);
	cr_assert_eq(page_flush(f.p, half), 0);
	check_found(&f);
	fix_audit(&f, "after one half has gone");
}

Test(pool_defects_cache, defect_D41_failed_load_keeps_the_old_root)
{
	struct pool_modes m, now;
	struct defects_starved s;
	uint64_t before[2], after[2];

	start();
	expect_table(0);
	pool_vcpu_roots(f.p, 0, before, &m);
	s = defects_starve(f.p, 0);
	m.cr3 = t.pdpt;
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_NEED_FLUSH);
	defects_feed(f.p, s);
	pool_vcpu_roots(f.p, 0, after, &now);
	cr_assert_arr_eq(before, after, sizeof(before));
	cr_assert_eq(now.cr3, t.pml4);
	/* The first of the two roots can be made, and the second cannot. */
	fix_settle(&f);
	s = defects_starve(f.p, 1);
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert(f.r.status == POOL_NEED_FLUSH || f.r.status == POOL_E_NOMEM, "%d", f.r.status);
	cr_assert_eq(f.r.root[0] | f.r.root[1], 0);
	defects_feed(f.p, s);
	pool_vcpu_roots(f.p, 0, after, &now);
	cr_assert_arr_eq(before, after, sizeof(before));
	cr_assert_eq(now.cr3, t.pml4);
	fix_audit(&f, "after half of a load");
	m.cr3 = 1ull << 38;
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	cr_assert_eq(f.r.root[0] | f.r.root[1], 0);
	pool_vcpu_roots(f.p, 0, after, &now);
	cr_assert_arr_eq(before, after, sizeof(before));
	fix_settle(&f);
	expect_table(0);
}

/* All users taken; the child wanted is the page that eviction would choose. */
Test(pool_defects_cache, defect_D42_page_returned_is_not_the_page_evicted)
{
	f.cfg.max_users = 16;
	start();
	expect_table(0);
	fix_write(&f, t.pd, 0, 8);
	for (unsigned i = 1; i <= 14; i++)
		expect_table(i);
	cr_assert_eq(f.p->n_user_free, 0);
	fix_write(&f, t.pd, t.pt | FIX_USED, 8);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_invlpg(&f, 0);
	cr_assert_eq(defects_map_once(&f, 0, 0), POOL_OK);
	cr_assert(!f.p->corrupt);
	fix_settle(&f);
	expect_table(0);
	cr_assert_gt(f.stats[POOL_STAT_user_exhausted], 0);
}

Test(pool_defects_cache, defect_D43_no_user_to_free_is_an_error)
{
	f.cfg.max_users = 16;
	start();
	for (unsigned i = 0; i < 14; i++)
		expect_table(i);
	cr_assert_eq(f.p->n_user_free, 0);
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			page_pin(f.p, page);
	cr_assert_eq(defects_map_once(&f, gva_of(20), 0), POOL_E_NOMEM);
	cr_assert_eq(f.r.entry, 0);
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			page_unpin(f.p, page);
	fix_audit(&f, "after users ran out");
	expect_table(20);
}

/* The oldest page has no record to give: the next one goes as well. */
Test(pool_defects_cache, defect_D43_eviction_goes_on_until_a_record_is_free)
{
	f.cfg.max_users = 16;
	start();
	for (unsigned i = 0; i < 14; i++)
		expect_table(i);
	fix_write(&f, t.pd, 0, 8);
	expect_table(14);
	cr_assert_eq(f.p->n_user_free, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(15), 0), POOL_OK);
	fix_settle(&f);
	expect_table(15);
	fix_audit(&f, "after a record was made free");
}

/* Eviction for a new leaf table leaves every page of the path that leads there. */
Test(pool_defects_cache, defect_D44_whole_path_is_pinned)
{
	struct defects_starved s;
	uint32_t pdpt, pd;

	f.cfg.max_users = 16;
	start();
	expect_table(0);
	pdpt = defects_find(f.p, KIND_64BIT_PDPT_FOR_64BIT_PDPT, t.pdpt, PAGE_NIL);
	pd = defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, PAGE_NIL);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(1), 0), POOL_NEED_FLUSH);
	cr_assert_eq(f.stats[POOL_STAT_evict], 1, "only the other leaf table may go");
	defects_feed(f.p, s);
	cr_assert(page_in_use(f.p, pdpt) && page_in_use(f.p, pd));
	fix_settle(&f);
	/* Users that run out are freed inside the descent, at once. */
	for (unsigned i = 0; i < 32; i++) {
		expect_table(i);
		cr_assert_eq(defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, PAGE_NIL), pd);
		cr_assert_eq(defects_find(f.p, KIND_64BIT_PDPT_FOR_64BIT_PDPT, t.pdpt, PAGE_NIL), pdpt);
	}
	cr_assert_gt(f.stats[POOL_STAT_user_freed_one], 10);
}

/* Whatever number of pages is there, a map makes tables wholly or not at all. */
Test(pool_defects_cache, defect_D45_table_is_made_wholly_or_not_at_all)
{
	start();
	for (uint32_t n = 0; n < 4; n++) {
		struct defects_starved s;
		enum pool_status status;

		pool_flush_all(f.p, &f.r);
		fix_settle(&f);
		s = defects_starve(f.p, n);
		status = defects_map_once(&f, 0, 0);
		defects_feed(f.p, s);
		cr_assert_eq(status, n < 3 ? POOL_E_NOMEM : POOL_OK, "%u pages: %d", n, status);
		for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
			if (page_in_use(f.p, page))
				cr_assert(f.p->page[page].flags & PAGE_HASHED);
		fix_audit(&f, "after a map that ran out of pages");
		fix_settle(&f);
		expect_table(0);
	}
}

static void map_with_pages_in_limbo(void)
{
	expect_table(0);
	expect_table(1);
	cr_assert_eq(page_flush(f.p, page_of(1)), 0);
	cr_assert_neq(f.p->limbo_head, PAGE_NIL);
	cr_assert_eq(defects_map_once(&f, gva_of(2), 0), POOL_OK, "there are free pages: nothing to wait for");
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			cr_assert(f.p->page[page].flags & PAGE_HASHED);
	fix_audit(&f, "with pages in limbo");
}

Test(pool_defects_cache, defect_D45_table_is_made_while_others_go)
{
	start();
	map_with_pages_in_limbo();
}

Test(pool_defects_cache, defect_D46_what_is_made_is_no_failure)
{
	struct defects_starved s;

	start();
	map_with_pages_in_limbo();
	fix_settle(&f);
	s = defects_starve(f.p, 1);
	cr_assert_eq(defects_map_once(&f, gva_of(3), 0), POOL_OK, "the last page");
	defects_feed(f.p, s);
	fix_audit(&f, "after the last page");
}

Test(pool_defects_cache, defect_D46_retry_makes_no_second_record)
{
	struct defects_starved s;

	start();
	expect_table(0);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	s = defects_starve(f.p, 2);
	cr_assert_eq(defects_map_once(&f, 0, 0), POOL_E_NOMEM);
	defects_feed(f.p, s);
	fix_settle(&f);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(defects_map_once(&f, 0, 0), POOL_OK);
	cr_assert_eq(f.p->cfg.max_users - f.p->n_user_free, 3);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PDPT_FOR_64BIT_PDPT), 1);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PD_FOR_64BIT_PD), 1);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_PT), 1);
	fix_audit(&f, "after retries");
	expect_table(0);
}

Test(pool_defects_cache, defect_D47_errors_leave_nothing_in_the_results)
{
	struct pool_key key = { .role = role_canon(KIND_PAE_PT_FOR_PAE_PT | ROLE_LM | ROLE_ACC) };
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr3 = 1ull << 38, .cr4 = CR4_PAE, .efer = FIX_LONG };
	struct pool_map_args a = { .gpa = 1ull << 38 };
	struct defects_starved s;
	uint32_t page = 77;

	start();
	f.r.root[0] = f.r.root[1] = f.r.entry = f.r.prefetched = 77;
	pool_set_root(f.p, 0, &m, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	cr_assert_eq(f.r.root[0] | f.r.root[1] | f.r.entry | f.r.prefetched, 0);
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	cr_assert_eq(f.r.entry, 0);
	s = defects_starve(f.p, 0);
	key.gpa = t.pt;
	cr_assert_eq(cache_page(f.p, &key, &page), POOL_E_NOMEM);
	cr_assert_eq(page, PAGE_NIL);
	page = 77;
	cr_assert_eq(page_alloc(f.p, &page), POOL_E_NOMEM);
	cr_assert_eq(page, PAGE_NIL);
	defects_feed(f.p, s);
	/* The same when there is something to wait for. */
	expect_table(1);
	cr_assert_eq(page_flush(f.p, page_of(1)), 0);
	s = defects_starve(f.p, 0);
	page = 77;
	cr_assert_eq(cache_page(f.p, &key, &page), POOL_NEED_FLUSH);
	cr_assert_eq(page, PAGE_NIL);
	defects_feed(f.p, s);
	fix_audit(&f, "after errors");
}

Test(pool_defects_cache, defect_D47_failed_creation_gives_no_pool)
{
	struct pool_config bad;
	struct pool *p;
	char err[80];

	start();
	bad = f.cfg;
	bad.nvcpu = 0;
	p = f.p;
	cr_assert_eq(pool_create(&p, &bad, NULL, f.arena, f.tracking, f.stats, err, sizeof(err)), -EINVAL);
	cr_assert_null(p);
	f.p = NULL;
	fix_close(&f);
	fix_init(&f);
	fix_open(&f);
}

Test(pool_defects_cache, defect_D48_one_key_has_one_page)
{
	struct pool_key key = { .role = role_canon(KIND_PAE_PT_FOR_PAE_PT | ROLE_LM | ROLE_ACC) };
	uint32_t a, b, bucket;

	start();
	key.gpa = TARGET;
	cr_assert_eq(cache_page(f.p, &key, &a), POOL_OK);
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_CACHED);
	cr_assert_eq(a, b);
	/* Pinned ones as well, and behind others in the bucket. */
	page_pin(f.p, a);
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_CACHED);
	cr_assert_eq(a, b);
	page_unpin(f.p, a);
	for (unsigned i = 0; i < 3; i++) {
		static const uint32_t bits[] = { ROLE_WP, ROLE_NXE, ROLE_WP | ROLE_NXE };
		struct pool_key other = key;

		other.role = role_canon(key.role ^ bits[i]);
		cr_assert_eq(cache_page(f.p, &other, &b), POOL_OK);
		cr_assert_neq(a, b);
	}
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_CACHED);
	cr_assert_eq(a, b);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	cr_assert_eq(cache_page(f.p, &key, &a), POOL_OK);
	/* A look-up that fails for another reason than "there is none" must not end in a new page. */
	bucket = cache_bucket(f.p, key.gpa);
	cr_assert_eq(f.p->bucket[bucket], a);
	f.p->page[a].hash_next = a;
	f.p->page[a].role ^= ROLE_WP;
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_E_CORRUPT);
	cr_assert_eq(b, PAGE_NIL);
	cr_assert(f.p->corrupt);
	pool_reset(f.p);
	fix_audit(&f, "after a reset");
}

static void stale_tables_go(unsigned kind, uint32_t n)
{
	uint64_t pd;

	start();
	pd = fix_table(&f);
	fix_poke(&f, pd, t.pt | FIX_USED, 4);
	for (unsigned i = 0; i < 1024; i += 256)
		fix_poke(&f, t.pt + 4 * i, TARGET | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	for (unsigned i = 0; i < 1024; i += 256)
		for (unsigned user = 0; user < 2; user++)
			fix_expect(&f, i * PAGE_SIZE, user ? WALK_USER : 0, TARGET);
	cr_assert_eq(pool_pages_of_kind(f.p, kind), n);
	/* The same guest page as a table of another format. */
	fix_write(&f, t.pt, TARGET | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, 0, TARGET);
	cr_assert_eq(pool_pages_of_kind(f.p, kind), 0);
	cr_assert_eq(f.stats[POOL_STAT_cache_kind_mismatch], n);
}

/* Two views, and two halves where an entry has 8 bytes. */
Test(pool_defects_cache, defect_D49_every_stale_table_of_the_bucket_goes)
{
	stale_tables_go(KIND_PAE_PT_FOR_32BIT_PT, 4);
}

Test(pool_defects_cache, defect_D49_with_4_byte_entries)
{
	f.cfg.legacy_format = POOL_F32;
	stale_tables_go(KIND_32BIT_PT_FOR_32BIT_PT, 2);
}

/* A table that still has a user is stale like any other, and so is one behind a table of another role. */
Test(pool_defects_cache, defect_D49_users_and_other_roles_save_no_stale_table)
{
	struct pool_key key = { .role = role_canon(KIND_PAE_PT_FOR_PAE_PT | ROLE_LM | ROLE_ACC) }, old = key, other = key;
	uint64_t pd, pt;
	uint32_t a, b;

	start();
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pd, pt | FIX_USED, 4);
	fix_poke(&f, pt, TARGET | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0, 0, TARGET);
	a = defects_find(f.p, KIND_PAE_PT_FOR_32BIT_PT, pt, PAGE_NIL);
	cr_assert_neq(f.p->page[a].users, USER_NIL);
	key.gpa = pt;
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_OK);
	cr_assert(!page_in_use(f.p, a), "the guest has made another table of it");
	/* Pinned for a while, so that two kinds meet in the bucket. */
	old.role = role_canon(KIND_PAE_PT_FOR_32BIT_PT | ROLE_ACC);
	old.gpa = other.gpa = key.gpa = TARGET + 9 * PAGE_SIZE;
	other.role = role_canon(key.role ^ ROLE_NXE);
	cr_assert_eq(cache_page(f.p, &old, &a), POOL_OK);
	page_pin(f.p, a);
	cr_assert_eq(cache_page(f.p, &other, &b), POOL_OK);
	page_unpin(f.p, a);
	cr_assert_eq(cache_page(f.p, &key, &b), POOL_OK);
	cr_assert(!page_in_use(f.p, a));
}

Test(pool_defects_cache, defect_D50_without_cache_nothing_piles_up)
{
	uint32_t used = 0;

	f.cfg.cache_off = true;
	start();
	for (unsigned i = 0; i < 60; i++) {
		for (unsigned j = 0; j < 4; j++)
			expect_table(j);
		if (!i)
			used = f.p->n_used;
		cr_assert_eq(f.p->n_used, used, "round %u", i);
		for (unsigned j = 0; j < 4; j++)
			fix_write(&f, t.pd + 8 * j, pt_of(j) | (FIX_USED & ~PTE_P), 8);
		cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_PT), 0);
		for (unsigned j = 0; j < 4; j++)
			fix_write(&f, t.pd + 8 * j, pt_of(j) | FIX_USED, 8);
		fix_invlpg(&f, 0);
	}
	/* Directories and the insides of large pages too. */
	fix_write(&f, t.pd + 8, PTE_PS | FIX_USED, 8);
	cr_assert_eq(fix_map(&f, gva_of(1), 0), POOL_OK);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_2MB), 1);
	fix_write(&f, t.pd + 8, 0, 8);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_2MB), 0);
	cr_assert_eq(fix_map(&f, 0, 0), POOL_OK);
	fix_write(&f, t.pdpt, 0, 8);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_64BIT_PD_FOR_64BIT_PD), 0);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PT_FOR_PAE_PT), 0);
}

Test(pool_defects_cache, defect_D51_full_pool_goes_on)
{
	f.audit = false;
	start();
	for (unsigned i = 0; i < 512; i++) {
		fix_poke(&f, 0x400000 + i * PAGE_SIZE, (0x600000 + i * PAGE_SIZE) | FIX_USED, 8);
		fix_write(&f, t.pd + 8 * i, (0x400000 + i * PAGE_SIZE) | FIX_USED, 8);
	}
	for (unsigned n = 0; n < 3; n++)
		for (unsigned i = 0; i < 512; i++) {
			if (i == 0)
				fix_invlpg(&f, 0);
			fix_expect(&f, gva_of(i), n ? WALK_WRITE : 0, 0x600000 + i * PAGE_SIZE);
		}
	cr_assert_gt(f.stats[POOL_STAT_evict], 512);
	cr_assert_eq(f.stats[POOL_STAT_alloc_fail], 0);
	cr_assert_lt(f.stats[POOL_STAT_need_flush], f.stats[POOL_STAT_evict] / 8, "one flush serves many");
	fix_audit(&f, "of a full pool");
}

Test(pool_defects_cache, defect_D51_few_pages_are_enough)
{
	struct defects_starved s;

	start();
	for (unsigned i = 0; i < 3; i++)
		expect_table(i);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(3), 0), POOL_NEED_FLUSH, "pages to evict, whatever their number");
	defects_feed(f.p, s);
	fix_settle(&f);
	expect_table(3);
}

Test(pool_defects_cache, defect_D55_second_flush_of_a_page_is_refused)
{
	uint32_t page, root;

	start();
	expect_table(0);
	page = page_of(0);
	root = f.p->vcpu[0].root[0];
	cr_assert_eq(page_flush(f.p, page), 0);
	cr_assert_eq(page_flush(f.p, page), -EINVAL);
	cr_assert_eq(page_flush(f.p, root), -EINVAL, "pinned");
	cr_assert_eq(page_flush(f.p, PAGE_NIL), -EINVAL);
	cr_assert_eq(page_flush(f.p, f.p->cfg.max_pages), -EINVAL);
	cr_assert_eq(page_flush(f.p, ~0u), -EINVAL);
	cr_assert(!f.p->corrupt);
	fix_audit(&f, "after refused flushes");
}

Test(pool_defects_cache, defect_D56_flushed_page_keeps_nothing)
{
	uint32_t page;
	const struct pool_page *pg;

	start();
	expect_table(0);
	fix_write(&f, t.pt + 8, 0, 8);
	page = page_of(0);
	pg = &f.p->page[page];
	cr_assert_eq(page_flush(f.p, page), 0);
	cr_assert_eq(pg->gpa, GPA_NIL);
	cr_assert_eq(pg->role, KIND_FREE);
	cr_assert_eq(pg->users, USER_NIL);
	cr_assert_eq(pg->gt, GT_NIL);
	cr_assert_eq(pg->n_present | pg->first_present | pg->lock | pg->level | pg->mon_prev | pg->mon_next, 0);
	cr_assert_eq(pg->age_prev | pg->age_next, 0);
	cr_assert_eq(pg->flags & ~(PAGE_LIMBO | PAGE_ZEROED), 0);
	for (unsigned s = 0; s < POOL_SLOTS; s++)
		cr_assert_eq(entry_get(f.p, page, s), 0);
	cr_assert_eq(f.p->n_gtables, 3);
	fix_audit(&f, "with a page in limbo");
}

Test(pool_defects_cache, defect_D57_flush_is_owed_on_every_way_out)
{
	struct pool_map_args a = { .gva = 0, .gpa = TARGET };
	struct defects_starved s;

	start();
	expect_table(0);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(1), 0), POOL_NEED_FLUSH);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_gt(f.r.ntouch, 0, "the entry to the evicted table");
	defects_feed(f.p, s);
	fix_settle(&f);
	/* Pages that wait for a flush, and a request that changes nothing but waits for them. */
	expect_table(0);
	cr_assert_eq(page_flush(f.p, page_of(0)), 0);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, gva_of(1), 0), POOL_NEED_FLUSH);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	defects_feed(f.p, s);
	fix_settle(&f);
	expect_table(0);
	/* The directory leads elsewhere now; the request is older than that, so it fails, after the old table was put. */
	fix_poke(&f, t.pd, pt_of(3) | FIX_USED, 8);
	a.nwalk = 4;
	a.walk[0] = fix_read(&f, t.pml4, 8);
	a.walk[1] = fix_read(&f, t.pdpt, 8);
	a.walk[2] = fix_read(&f, t.pd, 8);
	a.walk[3] = TARGET | FIX_USED;
	pool_map(f.p, 0, &a, &f.r);
	cr_assert_eq(f.r.status, POOL_RETRY);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_gt(f.r.ntouch, 0);
	fix_settle(&f);
	/* And an error proper: users ran out after the old child was put. */
	for (uint32_t page = 1; page < f.p->cfg.max_pages; page++)
		if (page_in_use(f.p, page))
			page_pin(f.p, page);
	fix_poke(&f, t.pd, pt_of(5) | FIX_USED, 8);
	s = defects_starve(f.p, 0);
	cr_assert_eq(defects_map_once(&f, 0, 0), POOL_E_NOMEM);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	cr_assert_gt(f.r.ntouch, 0);
	defects_feed(f.p, s);
}
