/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User records: which entries of which parents point to a table. Part of the pool library: any caller of it, under the
 * VM's lock.
 *
 * A table may have as many users as there are entries, so the records of one are a digital search tree: a node at depth d
 * shares d digits of a scrambled (parent, slot) with all below it. Nothing is ever rebalanced, and whatever entries a guest
 * chooses, no path is longer than the number of digits.
 */
#include <string.h>

#include "poold/pool/core/pool_priv.h"

#define DIGITS		17u			/* of two bits: 24 of a page, 10 of a slot */
#define SLOT_BITS	10u			/* a table of 4-byte entries has 1024 */
#define SCRAMBLE	0x278dde6e5ull		/* 2^34 over the golden ratio, odd: no two records share all digits */

void user_init(struct pool *p)
{
	for (uint32_t i = 0; i < p->cfg.max_users; i++)
		p->user[i] = (struct pool_user){ .below = { i + 1 < p->cfg.max_users ? i + 1 : USER_NIL, USER_NIL, USER_NIL,
							    USER_NIL }, .parent = PAGE_NIL, .slot = SLOT_NIL };
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
		if (!page_evict(p, 1))
			return POOL_E_NOMEM;
		stat_inc(p, POOL_STAT_user_freed_one);
	}
	return p->n_user_free ? POOL_OK : POOL_E_NOMEM;
}

/*
 * The place that leads to the record, or the empty one where it belongs. NULL: the records lead out of the array or further
 * down than there are digits.
 */
static uint32_t *user_place(const struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	uint64_t path = ((uint64_t)parent << SLOT_BITS | slot) * SCRAMBLE;
	uint32_t *at = &p->page[child].users;

	for (unsigned left = DIGITS; *at != USER_NIL; left--) {
		struct pool_user *u = p->user + *at;

		if (*at >= p->cfg.max_users)
			return NULL;
		if (u->parent == parent && u->slot == slot)
			return at;
		if (!left)
			return NULL;
		at = &u->below[path >> 2 * (left - 1) & 3];
	}
	return at;
}

bool user_has(const struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	const uint32_t *at = user_place(p, child, parent, slot);

	return at && *at != USER_NIL;
}

void user_add(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	uint32_t *at = user_place(p, child, parent, slot), u = p->user_free;

	if (!at || *at != USER_NIL || u >= p->cfg.max_users) {
		pool_corrupt(p);
		return;
	}
	p->user_free = p->user[u].below[0];
	p->n_user_free--;
	p->user[u].parent = parent;
	p->user[u].slot = (uint16_t)slot;
	p->user[u].below[0] = USER_NIL;
	*at = u;
	users_gauge(p);
}

/* Take some record without others below it from a place; USER_NIL if the records are damaged. */
static uint32_t user_take_last(struct pool *p, uint32_t *at)
{
	for (unsigned depth = 0; depth <= DIGITS && *at < p->cfg.max_users; depth++) {
		struct pool_user *u = &p->user[*at];
		uint32_t last = *at, i = 0;

		while (i < USER_BELOW && u->below[i] == USER_NIL)
			i++;
		if (i == USER_BELOW) {
			*at = USER_NIL;
			return last;
		}
		at = &u->below[i];
	}
	return USER_NIL;
}

/* Any record below another one may take its place: it shares all the bits that led there. */
void user_remove(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot)
{
	uint32_t *at = user_place(p, child, parent, slot), u, last;

	if (!at || *at == USER_NIL) {
		pool_corrupt(p);
		return;
	}
	u = *at;
	last = user_take_last(p, at);
	if (last == USER_NIL) {
		pool_corrupt(p);
		return;
	}
	if (last != u) {
		memcpy(p->user[last].below, p->user[u].below, sizeof(p->user[u].below));
		*at = last;
	}
	memset(p->user[u].below, 0xff, sizeof(p->user[u].below));
	p->user[u].parent = PAGE_NIL;
	p->user[u].slot = SLOT_NIL;
	p->user[u].below[0] = p->user_free;
	p->user_free = u;
	p->n_user_free++;
	users_gauge(p);
}

uint32_t user_each(const struct pool *p, uint32_t page, void (*fn)(void *ctx, const struct pool_user *user), void *ctx)
{
	uint32_t stack[DIGITS * (USER_BELOW - 1) + 1], n = 0, visited = 0;

	if (p->page[page].users != USER_NIL)
		stack[n++] = p->page[page].users;
	while (n) {
		const struct pool_user *u = p->user + stack[--n];

		if (stack[n] >= p->cfg.max_users || visited++ >= p->cfg.max_users)
			return USER_NIL;
		fn(ctx, u);
		for (unsigned i = 0; i < USER_BELOW; i++) {
			if (u->below[i] == USER_NIL)
				continue;
			if (n == sizeof(stack) / sizeof(stack[0]))
				return USER_NIL;
			stack[n++] = u->below[i];
		}
	}
	return visited;
}
