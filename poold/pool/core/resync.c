/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing a table back into step: protect it, have every CPU forget that it may write to it, end the state, and only then
 * read it. Part of the pool library: any caller of it, under the VM's lock. In any other order a store could fall between
 * the reading and the protection, and nobody would ever see it.
 */
#include "poold/pool/core/pool_priv.h"

#define REUSED_BAD	8u	/* more entries than this that cannot be entries: the page is no table any more */
#define FEW_CHANGES	4u

struct resync { uint32_t bad, changed; };

/* Published as monitored first, then protected; with one vCPU the reply's flush comes before the guest goes on. */
static void resync_protect(struct pool *p, uint32_t gt)
{
	struct pool_gtable *g = &p->gtable[gt];

	if (g->closing)
		return;
	g->closing = true;
	gtable_publish(p, gt);
	monitor_protect(p, g->gfn);
	g->shoot_epoch = p->reduce_stamp;
}

static bool resync_is_safe(const struct pool *p, uint32_t gt)
{
	return p->cfg.nvcpu == 1 || epoch_reached(epoch_all_acked(p), p->gtable[gt].shoot_epoch);
}

/* Same page: the rights as they are now, in place. Another page, or none: the entry goes. */
static void resync_slot(struct pool *p, uint32_t page, uint32_t slot, struct resync *s)
{
	uint64_t have = entry_get(p, page, slot), want;
	struct derived d;

	derive_slot(p, page, slot, &d);
	s->bad += d.bad;
	if (!(have & PTE_P))
		return;
	want = derive_leaf_entry(p, &d);
	if (want && entry_matches(have, want)) {
		stat_inc(p, POOL_STAT_resync_kept);
		return;
	}
	s->changed++;
	stat_inc(p, POOL_STAT_resync_changed);
	if (want && !((have ^ want) & PTE_ADDR))
		entry_set(p, page, slot, want);
	else
		child_put(p, page, slot);
}

static void resync_read(struct pool *p, uint32_t gt, struct resync *s)
{
	uint32_t page = p->gtable[gt].head;

	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].mon_next) {
		uint32_t count = page_kind(p, page)->count, bad = s->bad;

		s->bad = 0;
		for (uint32_t slot = 0; slot < count; slot++)
			resync_slot(p, page, slot, s);
		/* Each shadow reads the same page, or its own part of it. */
		if (s->bad < bad)
			s->bad = bad;
		count_steps(p, count);
		stat_add(p, POOL_STAT_resync_scanned, count);
	}
}

/* A table in hand stays: it is in step now, whatever it is. */
static void resync_let_go(struct pool *p, uint32_t gt)
{
	uint64_t gfn = p->gtable[gt].gfn;

	for (uint32_t page = p->gtable[gt].head; page; page = p->page[page].mon_next)
		if (p->page[page].lock)
			return;
	stat_inc(p, POOL_STAT_flush_reused);
	for (uint32_t n = 0; n < p->cfg.max_pages && (gt = gtable_find(p, gfn)) != GT_NIL; n++)
		if (page_flush(p, p->gtable[gt].head)) {
			pool_corrupt(p);
			return;
		}
}

static void resync_finish(struct pool *p, uint32_t gt)
{
	struct resync s = { 0 };

	unsync_unlist(p, gt);
	gtable_publish(p, gt);
	resync_read(p, gt, &s);
	stat_inc(p, POOL_STAT_resync_tables);
	if (s.bad > REUSED_BAD)
		resync_let_go(p, gt);
	else
		gtable_mods_set(p, gt, s.changed < FEW_CHANGES ? !!p->gtable[gt].mods : p->gtable[gt].mods / 2);
}

enum pool_status resync_gtable(struct pool *p, uint32_t gt)
{
	resync_protect(p, gt);
	if (!resync_is_safe(p, gt))
		return POOL_NEED_SHOOTDOWN;
	resync_finish(p, gt);
	return p->corrupt ? POOL_E_CORRUPT : POOL_OK;
}

/* One shootdown serves them all. */
enum pool_status resync_all(struct pool *p)
{
	bool safe = true;

	for (uint32_t i = 0; i < p->n_unsync; i++)
		resync_protect(p, p->unsync[i]);
	for (uint32_t i = 0; i < p->n_unsync; i++)
		safe &= resync_is_safe(p, p->unsync[i]);
	if (!safe)
		return POOL_NEED_SHOOTDOWN;
	while (p->n_unsync && !p->corrupt)
		resync_finish(p, p->unsync[0]);
	return p->corrupt ? POOL_E_CORRUPT : POOL_OK;
}

enum pool_status resync_gfn(struct pool *p, uint64_t gfn)
{
	uint32_t gt = p->n_unsync ? gtable_find(p, gfn) : GT_NIL;

	return gt != GT_NIL && p->gtable[gt].unsync ? resync_gtable(p, gt) : POOL_OK;
}
