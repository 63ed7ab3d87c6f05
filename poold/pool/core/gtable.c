/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of monitored guest pages (gtables), their modification counters, and the page_state that follows from them. Part
 * of the pool library: any caller of it, under the VM's lock.
 */
#include <string.h>

#include "poold/pool/core/pool_priv.h"

void gtable_init(struct pool *p)
{
	memset(p->gtable, 0, (size_t)p->cfg.max_pages * sizeof(*p->gtable));
	for (uint32_t i = 0; i < p->cfg.max_pages; i++)
		p->gtable[i].head = i + 1 < p->cfg.max_pages ? i + 1 : GT_NIL;
	p->gt_free = 0;
	p->mod_head = GT_NIL;
	p->n_gtables = p->n_modified = 0;
	counter_set(&p->stats[POOL_STAT_gtables], 0);
	counter_set(&p->stats[POOL_STAT_modified], 0);
}

uint32_t gtable_find(const struct pool *p, uint64_t gfn)
{
	uint32_t page;

	if (!(ram_state(p, gfn) & PAGE_STATE_MONITORED))
		return GT_NIL;
	page = p->bucket[cache_bucket(p, gfn << PAGE_SHIFT)];
	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].hash_next)
		if (gfn_of(p->page[page].gpa) == gfn && p->page[page].gt != GT_NIL)
			return p->page[page].gt;
	return GT_NIL;
}

/* Is gfn the table that a loaded CR3 names? PDPTE registers and unpaged roots have no table in memory. */
bool gtable_root_in_use(const struct pool *p, uint64_t gfn)
{
	for (uint32_t v = 0; v < p->cfg.nvcpu; v++) {
		uint32_t page = p->vcpu[v].root[0];

		if (page && gfn_of(p->page[page].gpa) == gfn && !(page_kind(p, page)->flags & KF_PHYS) &&
		    !(p->page[page].role & ROLE_PAE))
			return true;
	}
	return false;
}

void gtable_publish(struct pool *p, uint32_t gt)
{
	const struct pool_gtable *g = &p->gtable[gt];
	uint8_t bits = PAGE_STATE_MONITORED | (ram_state(p, g->gfn) & PAGE_STATE_ASKED);

	if (gtable_root_in_use(p, g->gfn))
		bits |= PAGE_STATE_ROOT;
	else if (g->unsync && !g->closing)
		bits |= PAGE_STATE_UNSYNC;
	else if (policy_is_hot(p, gt))
		bits |= PAGE_STATE_HOT;
	ram_set_state(p, g->gfn, bits);
}

static void mods_list(struct pool *p, uint32_t gt)
{
	struct pool_gtable *g = &p->gtable[gt];

	g->mod_prev = GT_NIL;
	g->mod_next = p->mod_head;
	if (p->mod_head != GT_NIL)
		p->gtable[p->mod_head].mod_prev = gt;
	p->mod_head = gt;
	g->listed = true;
	p->n_modified++;
}

static void mods_unlist(struct pool *p, uint32_t gt)
{
	struct pool_gtable *g = &p->gtable[gt];

	if (g->mod_prev != GT_NIL)
		p->gtable[g->mod_prev].mod_next = g->mod_next;
	else
		p->mod_head = g->mod_next;
	if (g->mod_next != GT_NIL)
		p->gtable[g->mod_next].mod_prev = g->mod_prev;
	g->listed = false;
	p->n_modified--;
}

/* The only function that changes the counter, so that list and counter cannot part. */
void gtable_mods_set(struct pool *p, uint32_t gt, uint32_t mods)
{
	p->gtable[gt].mods = mods;
	if (mods && !p->gtable[gt].listed)
		mods_list(p, gt);
	else if (!mods && p->gtable[gt].listed)
		mods_unlist(p, gt);
	stat_gauge(p, POOL_STAT_modified, POOL_STAT_modified_high, p->n_modified);
	gtable_publish(p, gt);
}

void gtable_mods_add(struct pool *p, uint32_t gt, uint32_t n)
{
	uint32_t mods = p->gtable[gt].mods;

	gtable_mods_set(p, gt, mods > WRITE_MODS_MAX - n ? WRITE_MODS_MAX : mods + n);
}

void gtable_mods_decay(struct pool *p)
{
	uint32_t gt = p->mod_head;

	for (uint32_t n = 0; gt != GT_NIL && n < p->cfg.max_pages; n++) {
		uint32_t next = p->gtable[gt].mod_next;

		count_steps(p, 1);
		gtable_mods_set(p, gt, p->gtable[gt].mods / 2);
		gt = next;
	}
}

uint32_t gtable_new(struct pool *p, uint64_t gfn)
{
	uint32_t gt = p->gt_free;

	if (gt >= p->cfg.max_pages) {	/* there are as many as pages */
		pool_corrupt(p);
		return GT_NIL;
	}
	p->gt_free = p->gtable[gt].head;
	p->gtable[gt] = (struct pool_gtable){ .gfn = gfn, .head = PAGE_NIL, .used = true };
	stat_gauge(p, POOL_STAT_gtables, POOL_STAT_gtables_high, ++p->n_gtables);
	return gt;
}

void gtable_free(struct pool *p, uint32_t gt)
{
	struct pool_gtable *g = &p->gtable[gt];

	if (g->listed)
		mods_unlist(p, gt);
	g->used = false;
	g->mods = 0;
	g->head = p->gt_free;
	p->gt_free = gt;
	counter_set(&p->stats[POOL_STAT_gtables], --p->n_gtables);
	counter_set(&p->stats[POOL_STAT_modified], p->n_modified);
}
