/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User records: which entries of which parents point to a table. Part of the pool library: any caller of it, under the
 * VM's lock.
 */
#include "poold/pool_priv.h"

void user_list_init(struct pool *p)
{
	for (uint32_t i = 0; i < p->cfg.max_users; i++)
		p->user[i] = (struct pool_user){ .next = i + 1 < p->cfg.max_users ? i + 1 : USER_NIL, .parent = PAGE_NIL,
						 .slot = SLOT_NIL };
	p->user_free = 0;
	p->n_user_free = p->cfg.max_users;
	counter_set(&p->stats[POOL_STAT_users_max], p->cfg.max_users);
	counter_set(&p->stats[POOL_STAT_users_used], 0);
}

static void users_gauge(struct pool *p)
{
	stat_gauge(p, POOL_STAT_users_used, POOL_STAT_users_used_high, p->cfg.max_users - p->n_user_free);
}

/* Make sure that one record is free, before anything else of the caller's work can fail. */
enum pool_status user_reserve(struct pool *p)
{
	if (p->n_user_free)
		return POOL_OK;
	stat_inc(p, POOL_STAT_user_exhausted);
	for (uint32_t n = 0; !p->n_user_free && n < p->cfg.max_pages; n++) {
		if (!pool_evict(p, 1))
			return POOL_E_NOMEM;
		stat_inc(p, POOL_STAT_user_freed_one);
	}
	return p->n_user_free ? POOL_OK : POOL_E_NOMEM;
}

void user_add(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	uint32_t u = p->user_free;

	if (u >= p->cfg.max_users) {
		pool_corrupt(p);
		return;
	}
	p->user_free = p->user[u].next;
	p->n_user_free--;
	p->user[u].parent = parent;
	p->user[u].slot = (uint16_t)slot;
	p->user[u].next = p->page[child].users;
	p->page[child].users = u;
	users_gauge(p);
}

void user_remove(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	uint32_t *link = &p->page[child].users;

	for (uint32_t n = 0; n < p->cfg.max_users && *link < p->cfg.max_users; n++, link = &p->user[*link].next) {
		uint32_t u = *link;

		if (p->user[u].parent != parent || p->user[u].slot != slot)
			continue;
		*link = p->user[u].next;
		p->user[u].parent = PAGE_NIL;
		p->user[u].slot = SLOT_NIL;
		p->user[u].next = p->user_free;
		p->user_free = u;
		p->n_user_free++;
		users_gauge(p);
		return;
	}
	pool_corrupt(p);
}
