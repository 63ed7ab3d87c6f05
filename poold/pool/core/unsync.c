/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaf tables left out of step: a table that the guest writes often may be writable for a while, and its shadow is then as
 * stale as a TLB. Which tables, in how many slots, and what ends it unasked; the way back is core/resync.c. Part of the
 * pool library: any caller of it, under the VM's lock. Never from a posted event: the guest runs then, and nothing that it
 * could hold writable may be taken for protected.
 */
#include "poold/pool/core/pool_priv.h"

static void unsync_gauge(struct pool *p)
{
	stat_gauge(p, POOL_STAT_unsync_now, POOL_STAT_unsync_now_high, p->n_unsync);
}

void unsync_init(struct pool *p)
{
	p->n_unsync = 0;
	counter_set(&p->stats[POOL_STAT_unsync_now], 0);
}

void unsync_unlist(struct pool *p, uint32_t gt)
{
	uint32_t slot = p->gtable[gt].unsync_slot;

	if (slot >= p->n_unsync || p->unsync[slot] != gt) {
		pool_corrupt(p);
		return;
	}
	/* Oldest first: what is behind moves up. */
	for (p->n_unsync--; slot < p->n_unsync; slot++) {
		p->unsync[slot] = p->unsync[slot + 1];
		p->gtable[p->unsync[slot]].unsync_slot = slot;
	}
	p->gtable[gt].unsync = p->gtable[gt].closing = false;
	unsync_gauge(p);
}

/* Only leaf tables: what is stale then is one translation each, as in a TLB. And none that somebody needs protected. */
static bool unsync_is_allowed(const struct pool *p, uint32_t gt)
{
	const struct pool_gtable *g = &p->gtable[gt];
	uint32_t page = g->head;

	if ((ram_state(p, g->gfn) & PAGE_STATE_TRACKED) || ram_is_open(p, g->gfn))
		return false;
	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].mon_next)
		if (!(page_kind(p, page)->flags & KF_LEAF) || p->page[page].lock)
			return false;
	return true;
}

static enum pool_status unsync_make_room(struct pool *p)
{
	enum pool_status status = POOL_OK;

	while (status == POOL_OK && p->n_unsync >= p->cfg.unsync_tables) {
		status = resync_gtable(p, p->unsync[0]);
		if (status == POOL_OK)
			stat_inc(p, POOL_STAT_unsync_slot_overflow);
	}
	return status;
}

static void unsync_enter(struct pool *p, uint32_t gt)
{
	p->gtable[gt].unsync_slot = p->n_unsync;
	p->unsync[p->n_unsync++] = gt;
	p->gtable[gt].unsync = true;
	/* From here on MAP makes leaves of the page writable. */
	gtable_publish(p, gt);
	stat_inc(p, POOL_STAT_unsync_grants);
	unsync_gauge(p);
}

enum pool_status unsync_write_fault(struct pool *p, uint32_t gt, uint8_t *state, bool plain)
{
	uint64_t gfn = p->gtable[gt].gfn;
	enum pool_status status;

	if (p->gtable[gt].closing) {
		status = resync_gtable(p, gt);
		*state = ram_state(p, gfn);
		return status == POOL_OK && gtable_find(p, gfn) == GT_NIL ? POOL_UNSHADOW : status;
	}
	if (p->gtable[gt].unsync)
		return POOL_UNSYNC;
	if (!p->cfg.unsync_tables || !plain || !(*state & PAGE_STATE_HOT))
		return POOL_OK;
	if (!unsync_is_allowed(p, gt)) {
		stat_inc(p, POOL_STAT_unsync_refused);
		return POOL_OK;
	}
	status = unsync_make_room(p);
	if (status != POOL_OK)
		return status;
	unsync_enter(p, gt);
	return POOL_UNSYNC;
}

enum pool_status unsync_before_child(struct pool *p, const struct pool_key *key)
{
	enum pool_status status;
	uint32_t gt;

	if (!p->n_unsync || !(pool_kinds[role_kind(key->role)].flags & KF_MONITORED))
		return POOL_OK;
	gt = gtable_find(p, gfn_of(key->gpa));
	if (gt == GT_NIL || !p->gtable[gt].unsync)
		return POOL_OK;
	status = resync_gtable(p, gt);
	if (status == POOL_OK)
		stat_inc(p, POOL_STAT_unsync_role_conflict);
	return status;
}

enum pool_status unsync_below_child(struct pool *p, uint32_t page)
{
	enum pool_status status;

	if (!p->n_unsync || !p->page[page].n_present || page_kind(p, page)->flags & KF_LEAF)
		return POOL_OK;
	status = resync_all(p);
	if (status == POOL_OK)
		stat_inc(p, POOL_STAT_unsync_role_conflict);
	return status;
}

void unsync_forget_all(struct pool *p)
{
	while (p->n_unsync && !p->corrupt) {
		uint32_t gt = p->unsync[0];

		unsync_unlist(p, gt);
		p->gtable[gt].shoot_epoch = p->reduce_stamp;
		gtable_publish(p, gt);
	}
}
