/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the pool concludes from the writes to a table: common/write_policy.h has the rules, here is what they are about.
 * Part of the pool library: any caller of it, under the VM's lock.
 *
 * A conclusion lets nothing go by itself, because events arrive while the guest runs. It makes the table a hot table
 * (policy_is_hot()), so that its next write asks first, with the vCPU at its trap.
 */
#include "poold/pool/core/pool_priv.h"

uint32_t policy_limit(const struct pool *p, uint32_t gt)
{
	const struct write_limits limits = { .all = p->cfg.hot_limit, .leaf = p->cfg.hot_leaf, .upper = p->cfg.hot_upper };

	return write_limit(&limits, !p->gtable[gt].n_upper, p->cfg.unsync_tables);
}

bool policy_is_hot(const struct pool *p, uint32_t gt)
{
	const struct pool_gtable *g = &p->gtable[gt];

	if (g->mods > policy_limit(p, gt))
		return true;
	/* A run of writes shows in the counter, and cools with it. */
	return g->history.reason != WRITE_REASON_NONE && g->history.reason != WRITE_REASON_REINIT;
}

/* Heuristics only, so what another vCPU stores meanwhile does not matter. */
static bool bytes_are_zero(const struct pool *p, const struct write_store *s)
{
	uint64_t at = s->gpa & ~(uint64_t)(s->entry_size - 1);

	for (; at < s->gpa + s->len; at += s->entry_size)
		if (ram_read(p, at, s->entry_size))
			return false;
	return true;
}

static bool shadows_are_empty(const struct pool *p, uint32_t gt)
{
	uint32_t page = p->gtable[gt].head;

	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].mon_next)
		if (p->page[page].n_present)
			return false;
	return true;
}

/* What the rules of the extensions in ext conclude. */
static void conclude(struct pool *p, uint32_t gt, const struct write_store *s, uint32_t ext)
{
	struct pool_gtable *g = &p->gtable[gt];
	struct write_history *h = &g->history;
	uint32_t mods = g->mods;

	if ((ext & WRITE_EXT_REINIT) && write_reinit(h, s, &mods) && mods > policy_limit(p, gt))
		h->reason = WRITE_REASON_REINIT;
	if ((ext & WRITE_EXT_FLOOD) && g->n_upper && write_flood(h))
		h->reason = WRITE_REASON_FLOOD;
	if ((ext & WRITE_EXT_ZEROS) && write_zeros(h, s))
		h->reason = WRITE_REASON_ZEROS;
	gtable_mods_set(p, gt, mods);
}

bool policy_written(struct pool *p, uint32_t gt, uint64_t gpa, uint32_t len, uint64_t rip)
{
	/* The rules about whole entries wait for the second half of an entry; that it was written is known with the first. */
	static const uint32_t rules[] = {
		[WRITE_HALF_NONE] = WRITE_EXT_ALL, [WRITE_HALF_FIRST] = WRITE_EXT_FLOOD,
		[WRITE_HALF_SECOND] = WRITE_EXT_ALL & ~WRITE_EXT_FLOOD,
	};
	struct write_store s = { .gpa = gpa, .rip = rip, .len = len };
	uint32_t weight, ext;
	enum write_half half;

	s.entry_size = page_kind(p, p->gtable[gt].head)->guest_size;
	weight = write_count(&p->gtable[gt].history, &s, &half);
	ext = p->cfg.extensions & rules[half];
	if (write_is_cross_entry(&s))
		stat_inc(p, POOL_STAT_mon_cross_entry);
	if (weight > 1)
		stat_inc(p, POOL_STAT_mon_misaligned);
	gtable_mods_add(p, gt, weight);
	if (!(ext & (WRITE_EXT_REINIT | WRITE_EXT_FLOOD | WRITE_EXT_ZEROS)))
		return false;
	s.zero = (ext & WRITE_EXT_ZEROS) && bytes_are_zero(p, &s);
	conclude(p, gt, &s, ext);
	return s.zero;
}

void policy_emptied(struct pool *p, uint64_t gfn)
{
	uint32_t gt = gtable_find(p, gfn);

	if (gt != GT_NIL && p->gtable[gt].n_upper && shadows_are_empty(p, gt))
		cache_roots_dying(p, gfn);
}

void policy_used(struct pool *p, uint32_t gt)
{
	struct write_history *h = &p->gtable[gt].history;

	if (!(h->flood | h->zeros | h->size | h->reason))
		return;
	write_used(h);
	gtable_publish(p, gt);
}
