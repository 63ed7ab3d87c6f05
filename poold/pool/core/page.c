/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life of an arena page: free list, pins, eviction, limbo. Part of the pool library: any caller of it, under the VM's
 * lock.
 *
 * A page that is let go may still be walked by a CPU that cached the entry to it, so it waits in limbo until every vCPU
 * has flushed after that.
 */
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"

static void pages_gauge(struct pool *p)
{
	stat_gauge(p, POOL_STAT_pages_used, POOL_STAT_pages_used_high, p->n_used);
	counter_set(&p->stats[POOL_STAT_pages_free], p->n_free);
	counter_set(&p->stats[POOL_STAT_pages_limbo], p->n_limbo);
	counter_set(&p->stats[POOL_STAT_pages_pinned], p->n_pinned);
}

/* Content of an unused page: nobody walks it, so this is not an entry store. */
static void page_zero(struct pool *p, uint32_t page)
{
	uint64_t begin = time_begin(p, POOL_DURATION_zero);

	memset(p->arena + (uint64_t)page * PAGE_SIZE, 0, PAGE_SIZE);
	p->page[page].flags |= PAGE_ZEROED;
	stat_inc(p, POOL_STAT_zero_page);
	time_end(p, POOL_DURATION_zero, begin);
}

static void page_clear_fields(struct pool_page *pg)
{
	memset(pg, 0, sizeof(*pg));
	pg->gpa = GPA_NIL;
	pg->role = KIND_FREE;
	pg->users = USER_NIL;
	pg->gt = GT_NIL;
}

static void page_push_free(struct pool *p, uint32_t page)
{
	p->page[page].flags &= ~PAGE_LIMBO;
	p->page[page].hash_next = p->free_head;
	p->free_head = page;
	p->n_free++;
}

void page_lists_init(struct pool *p)
{
	p->free_head = p->limbo_head = p->limbo_tail = p->age_head = p->age_tail = PAGE_NIL;
	p->root_head = p->root_tail = PAGE_NIL;
	p->n_free = p->n_limbo = p->n_aged = p->n_used = p->n_pinned = 0;
	memset(&p->page[0], 0, sizeof(p->page[0]));
	p->page[0].gpa = GPA_NIL;
	p->page[0].users = USER_NIL;
	p->page[0].gt = GT_NIL;
	for (uint32_t i = p->cfg.max_pages - 1; i > 0; i--) {
		page_clear_fields(&p->page[i]);
		p->page[i].flags = PAGE_ZEROED;
		page_push_free(p, i);
	}
	counter_set(&p->stats[POOL_STAT_pages_max], p->cfg.max_pages - 1);
	pages_gauge(p);
}

void page_pin(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];

	if (pg->lock++)
		return;
	age_remove(p, page);
	counter_set(&p->stats[POOL_STAT_pages_pinned], ++p->n_pinned);
}

void page_unpin(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];

	if (!pg->lock) {
		pool_corrupt(p);
		return;
	}
	if (--pg->lock)
		return;
	age_insert(p, page);
	counter_set(&p->stats[POOL_STAT_pages_pinned], --p->n_pinned);
}

/* ---- letting go ---- */

static void page_to_limbo(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];
	bool owned = page_kind(p, page)->flags & KF_OWNED;

	p->kind_pages[role_kind(pg->role)]--;
	page_clear_fields(pg);
	/*
	 * A root may still be in a CPU's CR3 until the reply is carried out, and the monitor's own code runs through its
	 * owned entries: they stay until the page leaves limbo. Every other entry was cleared one by one.
	 */
	if (!owned)
		pg->flags |= PAGE_ZEROED;
	pg->flags |= PAGE_LIMBO;
	pg->flush_epoch = epoch_stamp(p);
	pg->hash_next = PAGE_NIL;
	if (p->limbo_tail)
		p->page[p->limbo_tail].hash_next = page;
	else
		p->limbo_head = page;
	p->limbo_tail = page;
	p->n_limbo++;
	p->n_used--;
	stat_inc(p, POOL_STAT_free);
}

void page_empty(struct pool *p, uint32_t page)
{
	count_steps(p, page_kind(p, page)->count);
	/* To the table's end whatever the counter says: a reference must not survive a wrong count. */
	for (uint32_t s = 0; s < page_kind(p, page)->count; s++) {
		uint64_t e = entry_get(p, page, s);

		if ((e & PTE_P) && !(e & ENTRY_OWNED))
			child_put(p, page, s);
	}
}

static int let_go(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];

	if (!page_in_use(p, page) || pg->lock)
		return -EINVAL;
	/* Nobody may take it meanwhile, nor flush it a second time when its last user goes. */
	pg->lock = 1;
	for (uint32_t n = 0; pg->users != USER_NIL && n < p->cfg.max_users; n++) {
		const struct pool_user *u = &p->user[pg->users];
		uint32_t before = pg->users;

		entry_set(p, u->parent, u->slot, 0);
		if (pg->users == before) {
			pool_corrupt(p);
			break;
		}
	}
	page_empty(p, page);
	pg->lock = 0;
	cache_remove(p, page);
	age_remove(p, page);
	/* Last: as long as a leaf made from the guest's table exists, its changes must be seen. */
	if (pg->gt != GT_NIL)
		monitor_remove(p, page);
	page_to_limbo(p, page);
	stat_inc(p, POOL_STAT_flush_page);
	pages_gauge(p);
	return 0;
}

int page_flush(struct pool *p, uint32_t page)
{
	uint64_t begin = time_begin(p, POOL_DURATION_flush_page);
	int rc = let_go(p, page);

	time_end(p, POOL_DURATION_flush_page, begin);
	return rc;
}

void page_limbo_release(struct pool *p)
{
	uint32_t acked = epoch_all_acked(p);

	while (p->limbo_head) {
		uint32_t page = p->limbo_head;
		struct pool_page *pg = &p->page[page];

		if (!epoch_reached(acked, pg->flush_epoch))
			break;
		p->limbo_head = pg->hash_next;
		if (!p->limbo_head)
			p->limbo_tail = PAGE_NIL;
		p->n_limbo--;
		if (!(pg->flags & PAGE_ZEROED))
			page_zero(p, page);
		pg->flush_epoch = 0;
		page_push_free(p, page);
	}
	pages_gauge(p);
}

/* The oldest page, or among the oldest few one that nobody links to: it costs no later fault of its parent. */
static uint32_t evict_candidate(const struct pool *p)
{
	uint32_t page = p->age_tail;

	for (unsigned i = 0; page && i < 32; i++, page = p->page[page].age_prev)
		if (p->page[page].users == USER_NIL && !(page_kind(p, page)->flags & KF_ROOT))
			return page;
	return p->age_tail;
}

uint32_t page_evict(struct pool *p, uint32_t n)
{
	uint64_t begin = time_begin(p, POOL_DURATION_evict);
	uint32_t done = 0;

	while (done < n) {
		uint32_t page = evict_candidate(p);

		count_steps(p, 1);
		if (!page)
			break;
		if (page_kind(p, page)->flags & KF_ROOT)
			stat_inc(p, POOL_STAT_root_evict);
		if (page_flush(p, page)) {
			pool_corrupt(p);
			break;
		}
		stat_inc(p, POOL_STAT_evict);
		done++;
	}
	if (!done)
		stat_inc(p, POOL_STAT_evict_fail);
	time_end(p, POOL_DURATION_evict, begin);
	return done;
}

static enum pool_status take_free(struct pool *p, uint32_t *out)
{
	uint32_t page = p->free_head;

	*out = PAGE_NIL;
	if (!page) {
		if (!p->limbo_head) {
			uint32_t n = page_evict(p, POOL_EVICT_BATCH);

			stat_add(p, POOL_STAT_cache_evict_one, n);
			if (!n) {
				stat_inc(p, POOL_STAT_alloc_fail);
				return POOL_E_NOMEM;
			}
		}
		stat_inc(p, POOL_STAT_limbo_wait);
		return POOL_NEED_FLUSH;
	}
	p->free_head = p->page[page].hash_next;
	p->n_free--;
	if (!(p->page[page].flags & PAGE_ZEROED))
		page_zero(p, page);
	page_clear_fields(&p->page[page]);
	p->n_used++;
	stat_inc(p, POOL_STAT_alloc);
	pages_gauge(p);
	*out = page;
	return POOL_OK;
}

enum pool_status page_alloc(struct pool *p, uint32_t *out)
{
	uint64_t begin = time_begin(p, POOL_DURATION_alloc);
	enum pool_status status = take_free(p, out);

	time_end(p, POOL_DURATION_alloc, begin);
	return status;
}
