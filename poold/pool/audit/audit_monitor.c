/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit of monitoring: A11, A12, A21. Part of the pool library: called by pool_audit() only.
 */
#include "poold/pool/audit/audit_priv.h"

/* A21: only leaf tables, none pinned, each in its slot. */
static void audit_unsync(struct audit *a, uint32_t gt)
{
	const struct pool *p = a->p;
	const struct pool_gtable *g = &p->gtable[gt];
	uint32_t n = 0;

	for (uint32_t page = g->head; page_in_use(p, page) && n <= p->n_used; page = p->page[page].mon_next, n++)
		if (!(page_kind(p, page)->flags & KF_LEAF) || p->page[page].lock)
			audit_report(a, 21, page, 0, KF_LEAF, page_kind(p, page)->flags);
	if (g->unsync_slot >= p->n_unsync || g->unsync_slot >= POOL_MAX_UNSYNC || p->unsync[g->unsync_slot] != gt)
		audit_report(a, 21, g->head, g->unsync_slot, gt, p->n_unsync);
	if (ram_state(p, g->gfn) & PAGE_STATE_TRACKED)
		audit_report(a, 21, g->head, 0, 0, PAGE_STATE_TRACKED);
}

static void audit_gtable(struct audit *a, uint32_t gt)
{
	const struct pool *p = a->p;
	const struct pool_gtable *g = &p->gtable[gt];
	uint32_t n = 0, upper = 0, prev = PAGE_NIL;
	uint8_t bits = PAGE_STATE_MONITORED;

	for (uint32_t page = g->head; page && n <= p->n_used; prev = page, page = p->page[page].mon_next, n++) {
		const struct pool_page *pg = &p->page[page];

		if (!page_in_use(p, page) || pg->gt != gt || gfn_of(pg->gpa) != g->gfn || pg->mon_prev != prev) {
			audit_report(a, 11, page, 0, gt, pg->gt);
			break;
		}
		upper += !(page_kind(p, page)->flags & KF_LEAF);
	}
	audit_equal(a, 11, g->head, 0, g->n_shadows, n);
	audit_equal(a, 11, g->head, 0, g->n_upper, upper);
	if (gtable_root_in_use(p, g->gfn))
		bits |= PAGE_STATE_ROOT;
	else if (g->unsync && !g->closing)
		bits |= PAGE_STATE_UNSYNC;
	else if (policy_is_hot(p, gt))
		bits |= PAGE_STATE_HOT;
	audit_equal(a, 11, g->head, 0, bits, ram_state(p, g->gfn) & ~(PAGE_STATE_TRACKED | PAGE_STATE_EXEC));
	audit_equal(a, 12, g->head, 0, g->mods > 0, g->listed);
	if (g->unsync)
		audit_unsync(a, gt);
}

void audit_monitor(struct audit *a)
{
	const struct pool *p = a->p;
	uint32_t used = 0, listed = 0, unsync = 0, n = 0;

	for (uint32_t gt = 0; gt < p->cfg.max_pages; gt++) {
		if (!p->gtable[gt].used)
			continue;
		used++;
		listed += p->gtable[gt].listed;
		unsync += p->gtable[gt].unsync;
		audit_gtable(a, gt);
	}
	audit_equal(a, 11, PAGE_NIL, 0, p->n_gtables, used);
	for (uint32_t gt = p->mod_head; gt < p->cfg.max_pages && n <= listed; gt = p->gtable[gt].mod_next, n++)
		if (!p->gtable[gt].used || !p->gtable[gt].listed)
			audit_report(a, 12, PAGE_NIL, 0, 1, gt);
	audit_equal(a, 12, PAGE_NIL, 0, listed, n);
	audit_equal(a, 12, PAGE_NIL, 0, p->n_modified, n);
	audit_equal(a, 12, PAGE_NIL, 0, p->n_unsync, unsync);
	if (p->n_unsync > p->cfg.unsync_tables)
		audit_report(a, 21, PAGE_NIL, 0, p->cfg.unsync_tables, p->n_unsync);
}

/* No page is called monitored without a record. */
void audit_monitor_full(struct audit *a)
{
	const struct pool *p = a->p;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_gfn; i++)
		n += p->state[i] & PAGE_STATE_MONITORED;
	audit_equal(a, 11, PAGE_NIL, 0, p->n_gtables, n);
}
