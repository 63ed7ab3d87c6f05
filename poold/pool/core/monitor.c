/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitoring of guest tables: a shadow comes, a shadow goes, and write protection. Part of the pool library: any caller of it,
 * under the VM's lock.
 *
 * Order: page_state says "monitored" before any leaf loses its write permission, and says so until the last shadow has
 * gone. So a writer that sees "not monitored" wrote before the pool reads the table.
 */
#include "poold/pool/core/pool_priv.h"

static void entry_guard(struct pool *p, uint32_t page, uint32_t slot)
{
	uint64_t e = entry_get(p, page, slot);

	if ((e & (PTE_P | PTE_W)) != (PTE_P | PTE_W))
		return;
	entry_set(p, page, slot, (e & ~(PTE_W | PTE_D)) | ENTRY_GUARDED);
	stat_inc(p, POOL_STAT_write_protect_entries);
}

void monitor_protect(struct pool *p, uint64_t gfn)
{
	uint64_t begin = time_begin(p, POOL_DURATION_write_protect);

	stat_inc(p, POOL_STAT_write_protect_gfn);
	large_flush(p, gfn);
	if (!rmap_each(p, gfn, entry_guard))
		rmap_flush(p, gfn);
	/*
	 * Entries that are gone already have left no trace in the reverse map, but a TLB may hold one of them, writable: a
	 * flush is owed unless nothing was cleared or reduced since every vCPU's last one.
	 */
	for (uint32_t v = 0; v < p->cfg.nvcpu; v++)
		if (!epoch_vcpu_is_clean(p, v))
			debt_flush(&p->op.debt, POOL_FLUSH_ALL, 0);
	time_end(p, POOL_DURATION_write_protect, begin);
}

static void chain_insert(struct pool *p, uint32_t gt, uint32_t page)
{
	struct pool_gtable *g = &p->gtable[gt];

	p->page[page].gt = gt;
	p->page[page].mon_prev = PAGE_NIL;
	p->page[page].mon_next = g->head;
	if (g->head)
		p->page[g->head].mon_prev = page;
	g->head = page;
	g->n_shadows++;
	g->n_upper += !(page_kind(p, page)->flags & KF_LEAF);
}

static void insert(struct pool *p, uint32_t page)
{
	uint64_t gfn = gfn_of(p->page[page].gpa);
	uint32_t gt = gtable_find(p, gfn);

	if (gt != GT_NIL) {
		chain_insert(p, gt, page);
		return;
	}
	gt = gtable_new(p, gfn);
	if (gt == GT_NIL)
		return;
	chain_insert(p, gt, page);
	code_copy_end(p, gfn);	/* the walker's stores of A and D do not go into it */
	gtable_publish(p, gt);
	if (!ram_is_open(p, gfn))
		monitor_protect(p, gfn);
	p->gtable[gt].shoot_epoch = p->reduce_stamp;
}

void monitor_insert(struct pool *p, uint32_t page)
{
	uint64_t begin = time_begin(p, POOL_DURATION_monitor);

	insert(p, page);
	time_end(p, POOL_DURATION_monitor, begin);
}

void monitor_remove(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];
	struct pool_gtable *g = &p->gtable[pg->gt];
	uint32_t gt = pg->gt;

	if (pg->mon_prev)
		p->page[pg->mon_prev].mon_next = pg->mon_next;
	else
		g->head = pg->mon_next;
	if (pg->mon_next)
		p->page[pg->mon_next].mon_prev = pg->mon_prev;
	pg->gt = GT_NIL;
	pg->mon_prev = pg->mon_next = PAGE_NIL;
	g->n_upper -= !(page_kind(p, page)->flags & KF_LEAF);
	if (--g->n_shadows)
		return;
	if (g->unsync)
		unsync_unlist(p, gt);
	gtable_free(p, gt);
	ram_set_state(p, g->gfn, ram_state(p, g->gfn) & PAGE_STATE_ASKED);
}
