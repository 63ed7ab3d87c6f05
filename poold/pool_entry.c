/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one function that stores a shadow entry. Entry, reverse map or user record, counters and the debt of flushing change
 * together here and nowhere else. Part of the pool library: any caller of it, under the VM's lock; a CPU may walk the
 * table at the same time, hence single aligned stores.
 *
 * The arena is mapped writable in another process, so what is read back from it is checked like any other input.
 */
#include "poold/pool_priv.h"

uint64_t entry_gpa(const struct pool *p, uint64_t entry)
{
	uint64_t gpa = (entry & PTE_ADDR) - p->cfg.ram_maddr;

	return ram_has(p, gpa) ? gpa : GPA_NIL;
}

uint32_t entry_child(const struct pool *p, uint64_t entry)
{
	uint64_t offset = (entry & PTE_ADDR) - p->cfg.pool_maddr;

	if (offset >= (uint64_t)p->cfg.max_pages * PAGE_SIZE || !page_in_use(p, (uint32_t)(offset >> PAGE_SHIFT)))
		return PAGE_NIL;
	return (uint32_t)(offset >> PAGE_SHIFT);
}

static uint64_t entry_normal(uint64_t e)
{
	if (e & (PTE_W | ENTRY_DEFERRED))
		e = (e & ~(PTE_W | PTE_D)) | ENTRY_DEFERRED;
	return e;
}

bool entry_matches(uint64_t have, uint64_t want)
{
	if ((have & PTE_W) && !(want & PTE_W))
		return false;
	return entry_normal(have) == entry_normal(want);
}

/* Does a CPU that still holds the old entry have a right, or a target, that the new one does not give? */
static bool entry_reduces(uint64_t old, uint64_t new)
{
	if (!(new & PTE_P) || (old ^ new) & PTE_ADDR)
		return true;
	return (old & ~new & PTE_W) || (~old & new & PTE_NX);
}

/* Test hook: the n-th leaf installed points to the neighbour of its frame. */
static uint64_t entry_poison(struct pool *p, uint64_t new)
{
	if (!p->poison || --p->poison)
		return new;
	return entry_gpa(p, new ^ PAGE_SIZE) != GPA_NIL ? new ^ PAGE_SIZE : new;
}

static void target_drop(struct pool *p, const struct pool_kind *k, uint32_t page, uint32_t slot, uint64_t old)
{
	if (k->flags & KF_LEAF) {
		uint64_t gpa = entry_gpa(p, old);

		if (gpa == GPA_NIL)
			pool_corrupt(p);
		else
			rmap_remove(p, gfn_of(gpa), page, slot);
	} else {
		uint32_t child = entry_child(p, old);

		if (child)
			user_remove(p, child, page, slot);
		else
			pool_corrupt(p);
	}
}

static void target_take(struct pool *p, const struct pool_kind *k, uint32_t page, uint32_t slot, uint64_t new)
{
	if (k->flags & KF_LEAF)
		rmap_insert(p, gfn_of(entry_gpa(p, new)), page, slot);
	else
		user_add(p, entry_child(p, new), page, slot);
}

static void count_present(struct pool *p, struct pool_page *pg, uint32_t slot, bool was, bool is)
{
	if (is && !was) {
		pg->n_present++;
		p->n_present++;
		if (slot < pg->first_present)
			pg->first_present = (uint16_t)slot;
	} else if (was && !is) {
		if (pg->n_present)
			pg->n_present--;
		p->n_present--;
		if (!pg->n_present)
			pg->first_present = pool_kinds[role_kind(pg->role)].count;
	}
	counter_set(&p->stats[POOL_STAT_present_entries], p->n_present);
}

static void note_change(struct pool *p, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	bool leaf = page_kind(p, page)->flags & KF_LEAF;

	debt_touch(&p->op.debt, page_maddr(p, page));
	debt_flush(&p->op.debt, leaf ? p->op.scope : POOL_FLUSH_ALL, p->op.scope_gva);
	if (entry_reduces(old, new)) {
		p->reduce_stamp = epoch_stamp(p);
		if (!leaf)
			p->nonleaf_stamp = p->reduce_stamp;
	}
	stat_inc(p, POOL_STAT_entries_changed_present);
	if (p->cb.entry_changed)
		p->cb.entry_changed(p->cb.ctx, page, slot, old, new);
}

void entry_set(struct pool *p, uint32_t page, uint32_t slot, uint64_t new)
{
	const struct pool_kind *k;
	bool was, is = new & PTE_P, moved;
	uint64_t old;

	if (!page_in_use(p, page) || slot >= page_kind(p, page)->count) {
		pool_corrupt(p);
		return;
	}
	k = page_kind(p, page);
	old = entry_get(p, page, slot);
	was = old & PTE_P;
	if (old & ENTRY_OWNED || old == new) {
		if (old != new)
			pool_corrupt(p);
		return;
	}
	moved = was != is || ((old ^ new) & PTE_ADDR);
	if (is && moved && (k->flags & KF_LEAF))
		new = entry_poison(p, new);
	if (is && (k->flags & KF_LEAF ? entry_gpa(p, new) == GPA_NIL : !entry_child(p, new))) {
		pool_corrupt(p);
		return;
	}
	if (!entry_fits(p, page, new)) {
		pool_corrupt(p);
		return;
	}
	if (is && moved)
		target_take(p, k, page, slot, new);
	entry_put(p, page, slot, new);
	if (was && moved)
		target_drop(p, k, page, slot, old);
	count_present(p, &p->page[page], slot, was, is);
	p->gen++;
	if (was)
		note_change(p, page, slot, old, new);
}

void fetch_leaf_note(struct pool *p, uint32_t page, uint32_t slot)
{
	uint64_t *place = &p->fetch_leaf[p->fetch_next++ % POOL_MAX_FETCH];

	if (*place && *place != RMAP_REF(page, slot))
		fetch_leaves_drop(p);
	*place = RMAP_REF(page, slot);
}

/* The table may have become another one since: only the bit in the entry says that it is still meant. */
void fetch_leaves_drop(struct pool *p)
{
	for (uint32_t i = 0; i < POOL_MAX_FETCH; i++) {
		uint32_t page = RMAP_REF_PAGE(p->fetch_leaf[i]), slot = RMAP_REF_SLOT(p->fetch_leaf[i]);

		p->fetch_leaf[i] = 0;
		if (page_in_use(p, page) && (page_kind(p, page)->flags & KF_LEAF) && (entry_get(p, page, slot) & ENTRY_FETCH))
			entry_set(p, page, slot, 0);
	}
}

void entry_zero_leaf_table(struct pool *p, uint32_t page)
{
	const struct pool_kind *k = page_kind(p, page);
	struct pool_page *pg = &p->page[page];

	for (uint32_t s = 0; s < k->count; s++) {
		uint64_t old = entry_get(p, page, s);

		if (!old)
			continue;
		entry_put(p, page, s, 0);
		if (old & PTE_P)
			note_change(p, page, s, old, 0);
	}
	p->n_present -= pg->n_present;
	pg->n_present = 0;
	pg->first_present = k->count;
	p->gen++;
	counter_set(&p->stats[POOL_STAT_present_entries], p->n_present);
}
