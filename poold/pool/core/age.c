/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The LRU list of pages that nobody has pinned, newest first, and the roots among them as a list of their own. Part of the
 * pool library: any caller of it, under the VM's lock.
 */
#include "poold/pool/core/pool_priv.h"

/* Roots are few among many pages, and are looked for by themselves: their own list, in the same order. */
static void idle_root_insert(struct pool *p, uint32_t page)
{
	p->page[page].root_prev = PAGE_NIL;
	p->page[page].root_next = p->root_head;
	if (p->root_head)
		p->page[p->root_head].root_prev = page;
	else
		p->root_tail = page;
	p->root_head = page;
	p->n_idle_roots++;
}

static void idle_root_remove(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];

	if (pg->root_prev)
		p->page[pg->root_prev].root_next = pg->root_next;
	else
		p->root_head = pg->root_next;
	if (pg->root_next)
		p->page[pg->root_next].root_prev = pg->root_prev;
	else
		p->root_tail = pg->root_prev;
	pg->root_prev = pg->root_next = PAGE_NIL;
	p->n_idle_roots--;
}

void age_insert(struct pool *p, uint32_t page)
{
	p->page[page].age_at = ++p->age_now;
	p->page[page].age_prev = PAGE_NIL;
	p->page[page].age_next = p->age_head;
	if (p->age_head)
		p->page[p->age_head].age_prev = page;
	else
		p->age_tail = page;
	p->age_head = page;
	p->n_aged++;
	if (page_kind(p, page)->flags & KF_ROOT)
		idle_root_insert(p, page);
}

static void idle_root_append(struct pool *p, uint32_t page)
{
	p->page[page].root_next = PAGE_NIL;
	p->page[page].root_prev = p->root_tail;
	if (p->root_tail)
		p->page[p->root_tail].root_next = page;
	else
		p->root_head = page;
	p->root_tail = page;
	p->n_idle_roots++;
}

void age_append(struct pool *p, uint32_t page)
{
	p->page[page].age_at = p->age_tail ? p->page[p->age_tail].age_at : p->age_now;
	p->page[page].age_next = PAGE_NIL;
	p->page[page].age_prev = p->age_tail;
	if (p->age_tail)
		p->page[p->age_tail].age_next = page;
	else
		p->age_head = page;
	p->age_tail = page;
	p->n_aged++;
	if (page_kind(p, page)->flags & KF_ROOT)
		idle_root_append(p, page);
}

void age_remove(struct pool *p, uint32_t page)
{
	struct pool_page *pg = &p->page[page];

	if (pg->age_prev)
		p->page[pg->age_prev].age_next = pg->age_next;
	else
		p->age_head = pg->age_next;
	if (pg->age_next)
		p->page[pg->age_next].age_prev = pg->age_prev;
	else
		p->age_tail = pg->age_prev;
	pg->age_prev = pg->age_next = PAGE_NIL;
	p->n_aged--;
	if (page_kind(p, page)->flags & KF_ROOT)
		idle_root_remove(p, page);
}
