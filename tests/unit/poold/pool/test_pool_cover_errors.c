/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that cannot be carried out: each is refused with its error, nothing is left in the result, and the pool is as it
 * was. And indexes that only a broken pool could hand to itself: refused where they are used. Test programs only.
 */
#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;
static struct fix_tables t;

#define OUTSIDE	(1ull << 38)	/* no RAM there */

static void init(void)
{
	fix_init(&f);
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt, TARGET | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
}

static void fini(void)
{
	fix_close(&f);
}

TestSuite(pool_cover_errors, .init = init, .fini = fini);

/* The last request was refused with status; nothing else has happened. */
#define REFUSED(status_, call) do { \
	uint64_t gen_ = f.p->gen, errors_ = errors(); \
	uint32_t used_ = f.p->n_used, limbo_ = f.p->n_limbo, users_ = f.p->n_user_free, open_ = f.p->n_open; \
	call; \
	cr_assert_eq(f.r.status, status_, #call ": status %d", f.r.status); \
	cr_assert(!f.r.entry && !f.r.root[0] && !f.r.root[1] && !f.r.prefetched, #call); \
	cr_assert_eq(errors(), errors_ + 1, #call " is not counted"); \
	cr_assert(f.p->gen == gen_ && f.p->n_used == used_ && f.p->n_limbo == limbo_ && f.p->n_user_free == users_ && \
		  f.p->n_open == open_, #call " has changed something"); \
	fix_audit(&f, #call); \
} while (0)

static uint64_t errors(void)
{
	return f.stats[POOL_STAT_errors_range] + f.stats[POOL_STAT_errors_inval] + f.stats[POOL_STAT_errors_nomem];
}

Test(pool_cover_errors, addresses_outside_ram)
{
	struct pool_modes m = f.modes;
	struct pool_map_args a = { .gva = 0, .gpa = OUTSIDE, .nwalk = 4 };

	m.cr3 = OUTSIDE;
	REFUSED(POOL_E_RANGE, pool_set_root(f.p, 0, &m, &f.r));
	REFUSED(POOL_E_RANGE, pool_map(f.p, 0, &a, &f.r));
	REFUSED(POOL_E_RANGE, pool_guest_write(f.p, 0, OUTSIDE, 8, WRITE_CLASS_SIMPLE, false, 1, &f.r));
	REFUSED(POOL_E_RANGE, pool_guest_range_changed(f.p, OUTSIDE, 8, &f.r));
	REFUSED(POOL_E_RANGE, pool_write_fault(f.p, 0, 0, OUTSIDE, WRITE_CLASS_SIMPLE, 1, 8, &f.r));
	REFUSED(POOL_E_RANGE, pool_unshadow(f.p, 0, 0, OUTSIDE, 1, &f.r));
	REFUSED(POOL_E_RANGE, pool_open(f.p, 0, OUTSIDE >> PAGE_SHIFT, &f.r));
	REFUSED(POOL_E_RANGE, pool_track(f.p, OUTSIDE >> PAGE_SHIFT, true, &f.r));
	fix_expect(&f, 0, WALK_WRITE, TARGET);
}

Test(pool_cover_errors, arguments_that_contradict_themselves)
{
	struct pool_map_args good = { .gva = 0, .gpa = TARGET, .nwalk = 4 }, a = good;

	a.nwalk = 5;
	REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	a = good;
	a.write = a.fetch = true;
	REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	a = good;
	a.gva = 1ull << 47;	/* not canonical */
	REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	a.gva = (uint64_t)FIX_STUB_SLOT << 39 | 0xffff000000000000ull;
	REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	REFUSED(POOL_E_INVAL, pool_guest_write(f.p, 0, t.pt, 0, WRITE_CLASS_SIMPLE, false, 1, &f.r));
	REFUSED(POOL_E_INVAL, pool_guest_write(f.p, 0, t.pt + PAGE_SIZE - 4, 8, WRITE_CLASS_SIMPLE, false, 1, &f.r));
	REFUSED(POOL_E_INVAL, pool_guest_range_changed(f.p, t.pt, 0, &f.r));
	REFUSED(POOL_E_INVAL, pool_guest_range_changed(f.p, ~0ull, 2, &f.r));
}

/* Addresses above 4 GiB cannot be asked for by a guest without long mode. */
Test(pool_cover_errors, long_address_of_a_legacy_guest)
{
	fix_both_formats(&f) {
		struct pool_map_args a = { .gva = 1ull << 32, .gpa = TARGET };

		fix_set_root(&f, CR0_PE, 0, 0, 0, false);
		REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	}
}

Test(pool_cover_errors, no_such_vcpu)
{
	struct pool_map_args a = { .gva = 0, .gpa = TARGET, .nwalk = 4 };
	uint64_t before[2], after[2], root[2];
	struct pool_modes m = f.modes;
	uint32_t epoch;

	pool_digest(f.p, before);
	for (uint32_t vcpu = 1; vcpu; vcpu = vcpu == 1 ? POOL_MAX_VCPUS : vcpu == POOL_MAX_VCPUS ? ~0u : 0) {
#define NO_VCPU(call) do { call; cr_assert_eq(f.r.status, POOL_E_INVAL, #call); } while (0)
		NO_VCPU(pool_set_root(f.p, vcpu, &m, &f.r));
		NO_VCPU(pool_clear_root(f.p, vcpu, &f.r));
		NO_VCPU(pool_map(f.p, vcpu, &a, &f.r));
		NO_VCPU(pool_dirty(f.p, vcpu, 0, false, &f.r));
		NO_VCPU(pool_guest_write(f.p, vcpu, t.pt, 8, WRITE_CLASS_SIMPLE, false, 1, &f.r));
		NO_VCPU(pool_write_fault(f.p, vcpu, 0, t.pt, WRITE_CLASS_SIMPLE, 1, 8, &f.r));
		NO_VCPU(pool_unshadow(f.p, vcpu, 0, t.pt, 1, &f.r));
		NO_VCPU(pool_open(f.p, vcpu, t.pt >> PAGE_SHIFT, &f.r));
		NO_VCPU(pool_close(f.p, vcpu, &f.r));
		NO_VCPU(pool_invlpg(f.p, vcpu, 0, true, &f.r));
		epoch = f.r.epoch;
		pool_merge_pending(f.p, vcpu, &f.r);
		pool_flush_done(f.p, vcpu, false, epoch);
		pool_flush_done(f.p, vcpu, true, epoch);
		cr_assert_eq(pool_vcpu_roots(f.p, vcpu, root, &m), -EINVAL);
	}
	pool_digest(f.p, after);
	cr_assert(before[0] == after[0] && before[1] == after[1], "a request of a vCPU that does not exist changed the pool");
	fix_audit(&f, "at the end");
}

Test(pool_cover_errors, without_a_root)
{
	struct pool_map_args a = { .gva = 0, .gpa = TARGET, .nwalk = 4 };
	struct pool_walk w;

	pool_clear_root(f.p, 0, &f.r);
	fix_settle(&f);
	REFUSED(POOL_E_INVAL, pool_map(f.p, 0, &a, &f.r));
	REFUSED(POOL_E_INVAL, pool_dirty(f.p, 0, 0, false, &f.r));
	pool_invlpg(f.p, 0, 0, false, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(pool_walk(f.p, 0, 0, &w), -EINVAL);
	cr_assert_eq(pool_walk(f.p, FIX_POOL_MADDR + 8, 0, &w), -EINVAL);
	cr_assert_eq(pool_walk(f.p, ~0ull, 0, &w), -EINVAL);
	fix_audit(&f, "at the end");
}

/* What lies below a root is no root, and an address between pages is none either. */
Test(pool_cover_errors, walk_from_something_else_than_a_root)
{
	struct pool_walk w;
	uint32_t leaf = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, 0);
	uint64_t both[2], root;
	struct pool_modes m;

	pool_vcpu_roots(f.p, 0, both, &m);
	root = both[0];
	cr_assert_eq(pool_walk(f.p, FIX_POOL_MADDR + leaf * PAGE_SIZE, 0, &w), -EINVAL);
	cr_assert_eq(pool_walk(f.p, root + 8, 0, &w), -EINVAL);
	cr_assert_eq(pool_walk(f.p, root, (uint64_t)FIX_STUB_SLOT << 39 | 0xffff000000000000ull, &w), -ENOENT);
	cr_assert_eq(w.nsteps, 1);
	cr_assert_eq(pool_walk(f.p, root, 0, &w), 0);
}

Test(pool_cover_errors, fifth_page_open_at_once)
{
	uint64_t gfn = TARGET >> PAGE_SHIFT;

	for (unsigned i = 0; i < POOL_MAX_OPEN; i++) {
		pool_open(f.p, 0, gfn + i, &f.r);
		cr_assert_eq(f.r.status, POOL_OK);
	}
	pool_open(f.p, 0, gfn, &f.r);	/* one of them again */
	cr_assert_eq(f.r.status, POOL_OK);
	REFUSED(POOL_E_INVAL, pool_open(f.p, 0, gfn + POOL_MAX_OPEN, &f.r));
	pool_close(f.p, 0, &f.r);
	fix_settle(&f);
	fix_audit(&f, "after close");
}

/* Tracked while open: the close protects it. */
Test(pool_cover_errors, page_tracked_while_it_is_open)
{
	uint64_t gfn = TARGET >> PAGE_SHIFT;
	struct pool_walk w;

	pool_open(f.p, 0, gfn, &f.r);
	fix_settle(&f);
	f.stepping = true;
	f.open_gfn = gfn;
	for (unsigned i = 0; i < 2; i++) {	/* the second changes nothing */
		pool_track(f.p, gfn, true, &f.r);
		fix_settle(&f);
		cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
		cr_assert(w.writable);
	}
	f.stepping = false;
	pool_close(f.p, 0, &f.r);
	fix_settle(&f);
	cr_assert_eq(fix_shadow(&f, 0, false, &w), 0);
	cr_assert(!w.writable);
	cr_assert_eq(fix_write_fault(&f, 0, TARGET, WRITE_CLASS_UNKNOWN, 1), POOL_STEP);
	cr_assert_eq(fix_write_fault(&f, 0, TARGET, WRITE_CLASS_SIMPLE, 1), POOL_EMULATE);
	cr_assert_eq(fix_unshadow(&f, 0, TARGET, 1), POOL_STEP);
	pool_track(f.p, gfn, false, &f.r);
	fix_settle(&f);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
}

/* ---- indexes that a sound pool never has ---- */

/* The call is refused as an internal error; a reset brings the pool back. */
#define CORRUPTS(call) do { \
	call; \
	cr_assert(f.p->corrupt, #call " is not noticed"); \
	pool_clear_root(f.p, 0, &f.r); \
	cr_assert_eq(f.r.status, POOL_E_CORRUPT, "after " #call); \
	f.p->corrupt = false; \
	fix_audit(&f, #call); \
} while (0)

Test(pool_cover_errors, hostile_indexes_change_nothing)
{
	uint32_t leaf = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, 0);
	uint32_t pd = defects_find(f.p, KIND_64BIT_PD_FOR_64BIT_PD, t.pd, 0);
	uint32_t root = f.p->vcpu[0].root[0], child, used;
	uint64_t e = FIX_RAM_MADDR | TARGET | FIX_RWU;
	struct pool_key key = { .gpa = t.pt, .role = f.p->page[leaf].role };

	CORRUPTS(entry_set(f.p, f.p->cfg.max_pages, 0, e));
	CORRUPTS(entry_set(f.p, PAGE_NIL, 0, e));
	CORRUPTS(entry_set(f.p, ~0u, 0, e));
	CORRUPTS(entry_set(f.p, leaf, POOL_SLOTS, e));
	CORRUPTS(entry_set(f.p, leaf, 7, (FIX_RAM_MADDR + OUTSIDE) | FIX_RWU));
	CORRUPTS(entry_set(f.p, pd, 7, (FIX_POOL_MADDR + f.p->cfg.max_pages * PAGE_SIZE) | FIX_RWU));
	CORRUPTS(entry_set(f.p, pd, 7, (FIX_POOL_MADDR + (f.p->cfg.max_pages - 1) * PAGE_SIZE) | FIX_RWU));
	CORRUPTS(entry_set(f.p, root, FIX_STUB_SLOT, 0));
	CORRUPTS(rmap_insert(f.p, OUTSIDE >> PAGE_SHIFT, leaf, 0));
	CORRUPTS(rmap_remove(f.p, OUTSIDE >> PAGE_SHIFT, leaf, 0));
	CORRUPTS(rmap_remove(f.p, TARGET >> PAGE_SHIFT, leaf, 9));
	CORRUPTS(user_remove(f.p, leaf, pd, 9));
	CORRUPTS(page_unpin(f.p, leaf));
	CORRUPTS(cr_assert_eq(child_get(f.p, &key, pd, 0, FIX_RWU, &child), POOL_E_CORRUPT));
	cr_assert_eq(child, PAGE_NIL);
	used = f.p->user_free;
	f.p->user_free = USER_NIL - 1;
	user_add(f.p, leaf, pd, 9);
	f.p->user_free = used;
	CORRUPTS((void)0);
	cr_assert_eq(page_flush(f.p, PAGE_NIL), -EINVAL);
	cr_assert_eq(page_flush(f.p, root), -EINVAL);
	cr_assert_eq(page_flush(f.p, ~0u), -EINVAL);
	cr_assert(!rmap_has(f.p, OUTSIDE, leaf, 0) && rmap_each(f.p, OUTSIDE, NULL));
	rmap_flush(f.p, OUTSIDE);
	rmap_flush(f.p, (TARGET >> PAGE_SHIFT) + 5);
	cr_assert_str_eq(pool_kind_name(KIND_COUNT), "?");
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_COUNT), 0);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
	fix_audit(&f, "at the end");
}

/* Lists that lead out of their arrays: found by the audit or where they are used, never followed. */
Test(pool_cover_errors, damaged_lists_are_reported)
{
	uint32_t leaf = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, 0);
	struct pool_page *pg = &f.p->page[leaf], kept = *pg, *free_page = &f.p->page[f.p->free_head];
	struct pool_page kept_free = *free_page;
	struct pool_violation v[8];
	uint32_t head, bucket = cache_bucket(f.p, t.pt);

#define SEES(rule_, change) do { \
	uint32_t n_; \
	bool seen_ = false; \
	change; \
	n_ = pool_audit(f.p, POOL_AUDIT_FULL, v, 8); \
	for (uint32_t i_ = 0; i_ < n_ && i_ < 8; i_++) \
		seen_ |= v[i_].rule == (rule_); \
	cr_assert(seen_, #change ": %u violations, first A%u", n_, v[0].rule); \
	*pg = kept; \
	*free_page = kept_free; \
} while (0)
	SEES(1, pg->level = 3);
	SEES(3, free_page->gpa = 0);
	SEES(3, free_page->n_present = 1);
	SEES(4, pg->role |= ROLE_PSE);
	SEES(4, pg->role |= 1u << ROLE_QUAD_SHIFT);
	SEES(4, pg->gpa |= 8);
	SEES(5, pg->flags &= ~PAGE_HASHED);
	SEES(7, pg->lock = 1);
	SEES(7, pg->age_prev = pg->age_next);
	SEES(8, pg->users = f.p->user_free);
	SEES(8, pg->users = f.p->cfg.max_users + 3);
	SEES(11, pg->gt = GT_NIL);
	SEES(13, pg->n_present++);
	SEES(2, f.p->n_free++);
	f.p->n_free--;
	head = f.p->bucket[bucket];
	SEES(5, f.p->bucket[bucket] = PAGE_NIL);
	f.p->bucket[bucket] = head;
	head = f.p->age_tail;
	SEES(7, f.p->age_tail = PAGE_NIL);
	f.p->age_tail = head;
	head = f.p->limbo_head;
	SEES(2, f.p->limbo_head = leaf);
	f.p->limbo_head = head;
	head = f.p->free_head;
	SEES(2, f.p->free_head = leaf);
	f.p->free_head = head;
	fix_audit(&f, "after repair");
}

Test(pool_cover_errors, unlinked_page_is_an_internal_error)
{
	uint32_t leaf = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, t.pt, 0), bucket = cache_bucket(f.p, t.pt);

	f.p->bucket[bucket] = PAGE_NIL;
	cr_assert_eq(page_flush(f.p, leaf), 0);
	cr_assert(f.p->corrupt);
	pool_reset(f.p);
	memset(f.tlb, 0, sizeof(f.tlb));
	memset(f.psc, 0, sizeof(f.psc));
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
}

/* A pinned page in the LRU list: eviction refuses instead of taking it. */
Test(pool_cover_errors, pinned_page_at_the_old_end_is_an_internal_error)
{
	uint32_t tail = f.p->age_tail;

	f.p->page[tail].lock++;
	cr_assert_eq(page_evict(f.p, 1), 0);
	cr_assert(f.p->corrupt);
	cr_assert_gt(f.stats[POOL_STAT_evict_fail], 0);
	f.p->page[tail].lock--;
	f.p->corrupt = false;
	fix_audit(&f, "after repair");
}
