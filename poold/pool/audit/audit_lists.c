/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit of page descriptors and the lists that they are in: A1 to A8, A11 (part), A22, A23. Part of the pool library: called by
 * pool_audit() only. Every list walk is bounded, so a cycle is a violation and no hang.
 */
#include <string.h>

#include "poold/pool/audit/audit_priv.h"

#define NOSLOT 0u
#define KEY_REACH 1024u		/* how far behind a page of the same bucket its key is looked for */

/* Tables of both formats never stand in one pool, but for those of PAE and 4-level guests. */
static bool format_belongs(const struct pool *p, const struct pool_kind *k)
{
	bool small = p->cfg.legacy_format == POOL_F32 && (k->group == GROUP_N || k->group == GROUP_L);

	return k->entry_size == (small ? 4 : 8);
}

/* A4: the key makes sense. */
static void audit_key(struct audit *a, uint32_t page)
{
	const struct pool *p = a->p;
	const struct pool_page *pg = &p->page[page];
	const struct pool_kind *k = page_kind(p, page);

	if (role_kind(pg->role) >= KIND_COUNT || !k->count || k->flags & KF_RETIRED || !format_belongs(p, k)) {
		audit_report(a, 4, page, NOSLOT, 0, role_kind(pg->role));
		return;
	}
	audit_equal(a, 1, page, NOSLOT, k->level, pg->level);
	audit_equal(a, 4, page, NOSLOT, role_canon(pg->role), pg->role);
	if (role_quad(pg->role) >= k->quadrants)
		audit_report(a, 4, page, NOSLOT, k->quadrants, role_quad(pg->role));
	if (pg->gpa & ((1ull << k->align_shift) - 1) || !ram_has(p, pg->gpa))
		audit_report(a, 4, page, NOSLOT, 0, pg->gpa);
}

/* Most pages of a pool are idle and right: one comparison for those. */
static bool idle_page_is_clean(const struct pool_page *pg)
{
	uint64_t zero = pg->n_present | pg->lock | (pg->flags & PAGE_HASHED) | pg->age_prev | pg->age_next | pg->mon_prev |
			pg->mon_next;

	return !zero && pg->role == KIND_FREE && pg->gpa == GPA_NIL && pg->users == USER_NIL && pg->gt == GT_NIL;
}

static void audit_idle_page(struct audit *a, uint32_t page)
{
	const struct pool_page *pg = &a->p->page[page];

	if (idle_page_is_clean(pg))
		return;
	audit_equal(a, 3, page, NOSLOT, KIND_FREE, pg->role);
	audit_equal(a, 3, page, NOSLOT, GPA_NIL, pg->gpa);
	audit_equal(a, 3, page, NOSLOT, USER_NIL, pg->users);
	audit_equal(a, 3, page, NOSLOT, GT_NIL, pg->gt);
	audit_equal(a, 3, page, NOSLOT, 0, pg->n_present | pg->lock | (pg->flags & PAGE_HASHED));
	audit_equal(a, 3, page, NOSLOT, 0, (uint64_t)pg->age_prev | pg->age_next | pg->mon_prev | pg->mon_next);
}

static bool owned_intact(const struct pool *p, uint32_t page)
{
	return entry_get(p, page, p->cfg.stub_slot) == (p->cfg.stub_entry | ENTRY_OWNED);
}

struct totals { uint32_t used, idle, users, locks, unpinned, idle_roots, hashed; };

struct users_seen { const struct pool *p; uint32_t page, strays; };

/* A stray is a free record, or one that nobody finds who looks for it. */
static void user_seen(void *ctx, const struct pool_user *u)
{
	struct users_seen *seen = ctx;

	seen->strays += !u->parent || !user_has(seen->p, seen->page, u->parent, u->slot);
}

static uint32_t users_count(struct audit *a, uint32_t page)
{
	struct users_seen seen = { a->p, page, 0 };
	uint32_t n;

	if (a->p->page[page].users == USER_NIL)
		return 0;
	n = user_each(a->p, page, user_seen, &seen);
	if (n == USER_NIL || seen.strays)
		audit_report(a, 8, page, NOSLOT, 0, n == USER_NIL ? n : seen.strays);
	return n == USER_NIL ? 0 : n;
}

/* Between two operations the roots that the vCPUs have loaded are all that is pinned. */
static uint32_t pins_of(const struct pool *p, uint32_t page)
{
	uint32_t n = 0;

	for (uint32_t v = 0; v < p->cfg.nvcpu; v++)
		n += (p->vcpu[v].root[0] == page) + (p->vcpu[v].root[1] == page);
	return n;
}

static void audit_page(struct audit *a, uint32_t page, struct totals *t)
{
	const struct pool *p = a->p;
	const struct pool_page *pg = &p->page[page];

	if (!page_in_use(p, page)) {
		t->idle++;
		audit_idle_page(a, page);
		return;
	}
	t->used++;
	t->users += users_count(a, page);
	t->locks += pg->lock;
	audit_equal(a, 22, page, NOSLOT, pins_of(p, page), pg->lock);
	t->unpinned += !pg->lock;
	audit_key(a, page);
	if (!!(page_kind(p, page)->flags & KF_MONITORED) != (pg->gt != GT_NIL))
		audit_report(a, 11, page, NOSLOT, page_kind(p, page)->flags, pg->gt);
	if (!(pg->flags & PAGE_HASHED))
		audit_report(a, 5, page, NOSLOT, PAGE_HASHED, pg->flags);
	if (page_kind(p, page)->flags & KF_ROOT) {
		t->idle_roots += !pg->lock;
		audit_equal(a, 22, page, NOSLOT, USER_NIL, pg->users);
	}
	if ((page_kind(p, page)->flags & KF_OWNED) && !owned_intact(p, page))
		audit_report(a, 22, page, p->cfg.stub_slot, p->cfg.stub_entry | ENTRY_OWNED,
			     entry_get(p, page, p->cfg.stub_slot));
}

/* A5, A6: every page once, in its own bucket, and no key twice. */
static void audit_hash(struct audit *a, struct totals *t)
{
	const struct pool *p = a->p;

	for (uint32_t b = 0; b < 1u << (64 - p->hash_shift); b++) {
		for (uint32_t page = p->bucket[b]; page && t->hashed <= p->n_used; page = p->page[page].hash_next) {
			t->hashed++;
			if (!page_in_use(p, page) || cache_bucket(p, p->page[page].gpa) != b) {
				audit_report(a, 5, page, NOSLOT, b, p->page[page].gpa);
				break;
			}
			for (uint32_t o = p->page[page].hash_next, n = 0; o && n < KEY_REACH; o = p->page[o].hash_next, n++) {
				struct pool_key key = { p->page[o].gpa, p->page[o].role, p->page[o].pdpte };

				if (cache_key_matches(p, page, &key))
					audit_report(a, 6, page, NOSLOT, page, o);
			}
		}
	}
	audit_equal(a, 5, PAGE_NIL, NOSLOT, p->n_used, t->hashed);
}

/* A7 */
static void audit_age(struct audit *a, const struct totals *t)
{
	const struct pool *p = a->p;
	uint32_t n = 0, newer = PAGE_NIL;

	for (uint32_t page = p->age_head; page && n <= p->n_used; newer = page, page = p->page[page].age_next, n++) {
		if (!page_in_use(p, page) || p->page[page].lock) {
			audit_report(a, 7, page, NOSLOT, 0, p->page[page].lock);
			break;
		}
		audit_equal(a, 7, page, NOSLOT, newer, p->page[page].age_prev);
	}
	audit_equal(a, 7, PAGE_NIL, NOSLOT, newer, p->age_tail);
	audit_equal(a, 7, PAGE_NIL, NOSLOT, t->unpinned, n);
	audit_equal(a, 7, PAGE_NIL, NOSLOT, t->unpinned, p->n_aged);
}

/* A7: the list of idle roots is the LRU list without the other pages. */
static void audit_idle_roots(struct audit *a, const struct totals *t)
{
	const struct pool *p = a->p;
	uint32_t n = 0, steps = 0, newer = PAGE_NIL, aged = p->age_head;

	for (uint32_t page = p->root_head; page && n <= t->idle_roots; newer = page, page = p->page[page].root_next, n++) {
		while (page_in_use(p, aged) && !(page_kind(p, aged)->flags & KF_ROOT) && steps++ <= p->n_aged)
			aged = p->page[aged].age_next;
		if (!page_in_use(p, page) || aged != page) {
			audit_report(a, 7, page, NOSLOT, aged, page);
			break;
		}
		audit_equal(a, 7, page, NOSLOT, newer, p->page[page].root_prev);
		aged = p->page[page].age_next;
	}
	audit_equal(a, 7, PAGE_NIL, NOSLOT, newer, p->root_tail);
	audit_equal(a, 7, PAGE_NIL, NOSLOT, t->idle_roots, n);
}

/* A2, A23: free pages and pages in limbo, the latter in the order of their epochs and none of them due. */
static void audit_free(struct audit *a, const struct totals *t)
{
	const struct pool *p = a->p;
	uint32_t n = 0, limbo = 0, acked = epoch_all_acked(p);

	for (uint32_t page = p->free_head; page && n <= p->n_free; page = p->page[page].hash_next, n++)
		if (page >= p->cfg.max_pages || page_in_use(p, page) || p->page[page].flags & PAGE_LIMBO)
			audit_report(a, 2, page, NOSLOT, KIND_FREE, p->page[page].role);
	audit_equal(a, 2, PAGE_NIL, NOSLOT, p->n_free, n);
	for (uint32_t page = p->limbo_head; page && limbo <= p->n_limbo; page = p->page[page].hash_next, limbo++) {
		if (page_in_use(p, page) || !(p->page[page].flags & PAGE_LIMBO))
			audit_report(a, 2, page, NOSLOT, KIND_FREE, p->page[page].role);
		if (epoch_reached(acked, p->page[page].flush_epoch))
			audit_report(a, 23, page, NOSLOT, acked, p->page[page].flush_epoch);
	}
	audit_equal(a, 2, PAGE_NIL, NOSLOT, p->n_limbo, limbo);
	audit_equal(a, 2, PAGE_NIL, NOSLOT, t->idle, n + limbo);
	audit_equal(a, 2, PAGE_NIL, NOSLOT, p->n_used, t->used);
	audit_equal(a, 2, PAGE_NIL, NOSLOT, p->cfg.max_pages - 1, t->used + n + limbo);
}

/* A8 */
static void audit_users_free(struct audit *a, const struct totals *t)
{
	const struct pool *p = a->p;
	uint32_t n = 0, u = p->user_free;

	for (; u < p->cfg.max_users && n <= p->n_user_free; u = p->user[u].below[0], n++)
		if (p->user[u].parent || p->user[u].slot != SLOT_NIL)
			audit_report(a, 8, p->user[u].parent, p->user[u].slot, PAGE_NIL, u);
	audit_equal(a, 8, PAGE_NIL, NOSLOT, p->n_user_free, n);
	audit_equal(a, 8, PAGE_NIL, NOSLOT, p->cfg.max_users, n + t->users);
}

void audit_lists(struct audit *a)
{
	const struct pool *p = a->p;
	struct totals t = { 0 };
	uint32_t roots = 0;

	audit_equal(a, 1, 0, NOSLOT, KIND_INVALID, p->page[0].role);
	for (uint32_t page = 1; page < p->cfg.max_pages; page++)
		audit_page(a, page, &t);
	audit_hash(a, &t);
	audit_age(a, &t);
	audit_idle_roots(a, &t);
	audit_free(a, &t);
	audit_users_free(a, &t);
	for (uint32_t v = 0; v < p->cfg.nvcpu; v++)
		for (unsigned i = 0; i < 2; i++)
			roots += p->vcpu[v].root[i] != PAGE_NIL;
	audit_equal(a, 22, PAGE_NIL, NOSLOT, roots, t.locks);
	audit_equal(a, 22, PAGE_NIL, NOSLOT, t.idle_roots, p->n_idle_roots);
}
