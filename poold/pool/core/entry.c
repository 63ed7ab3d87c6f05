/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one function that stores a shadow entry. Entry, reverse map or user record, counters and the debt of flushing change
 * together here and nowhere else. Part of the pool library: any caller of it, under the VM's lock; a CPU may walk the
 * table at the same time, hence single aligned stores.
 *
 * The arena is mapped writable in another process, so what is read back from it is checked like any other input.
 */
#include "poold/pool/core/pool_priv.h"

uint64_t entry_gpa(const struct pool *p, uint64_t entry)
{
	uint64_t gpa = (entry & PTE_ADDR) - p->cfg.ram_maddr;

	return ram_has(p, gpa) ? gpa : code_copy_gpa(p, entry);
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

/* Where a leaf leads: GPA_NIL if not into RAM as a whole. */
static uint64_t leaf_gpa(const struct pool *p, const struct pool_kind *k, uint64_t e)
{
	return entry_maps_large(k, e) ? large_gpa(p, e) : entry_gpa(p, e);
}

static bool target_exists(const struct pool *p, const struct pool_kind *k, uint64_t e)
{
	return entry_is_leaf(k, e) ? leaf_gpa(p, k, e) != GPA_NIL : entry_child(p, e) != PAGE_NIL;
}

/* Test hook: the n-th leaf installed points to the neighbour of its frame. */
static uint64_t entry_poison(struct pool *p, const struct pool_kind *k, uint64_t new)
{
	uint64_t other = new ^ (entry_maps_large(k, new) ? LARGE_SIZE : PAGE_SIZE);

	if (!p->poison || --p->poison)
		return new;
	return leaf_gpa(p, k, other) != GPA_NIL ? other : new;
}

static void target_drop(struct pool *p, const struct pool_kind *k, uint32_t page, uint32_t slot, uint64_t old)
{
	if (!target_exists(p, k, old)) {
		/* The address of a leaf leads to its guest page. One that leads to none could only be found by looking through all. */
		if (entry_is_leaf(k, old))
			stat_inc(p, POOL_STAT_linear_searches);
		pool_corrupt(p);
	} else if (entry_maps_large(k, old))
		rmap_word_remove(p, large_word(p, large_gpa(p, old)), RMAP_REF(page, slot));
	else if (k->flags & KF_LEAF)
		rmap_remove(p, gfn_of(entry_gpa(p, old)), page, slot);
	else
		user_remove(p, entry_child(p, old), page, slot);
}

static void target_take(struct pool *p, const struct pool_kind *k, uint32_t page, uint32_t slot, uint64_t new)
{
	if (entry_maps_large(k, new))
		rmap_word_insert(p, large_word(p, large_gpa(p, new)), RMAP_REF(page, slot));
	else if (k->flags & KF_LEAF)
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

/*
 * What one address costs is enough for a leaf of 4 KiB, and for rights that a large one gains. A large leaf that loses
 * some may be in the TLB in many parts, which only the flush of a root finds once the entry is gone (SDM vol. 3A 4.10.4.1).
 */
static void note_change(struct pool *p, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	const struct pool_kind *k = page_kind(p, page);
	bool reduces = entry_reduces(old, new), small = k->flags & KF_LEAF, large = entry_maps_large(k, old);

	debt_touch(&p->op.debt, page_maddr(p, page));
	debt_flush(&p->op.debt, small || (large && !reduces) ? p->op.scope : POOL_FLUSH_ALL, p->op.scope_gva);
	if (reduces) {
		p->reduce_stamp = epoch_stamp(p);
		if (!small)
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
	count_steps(p, 1);
	k = page_kind(p, page);
	old = entry_get(p, page, slot);
	was = old & PTE_P;
	if (old & ENTRY_OWNED || old == new) {
		if (old != new)
			pool_corrupt(p);
		return;
	}
	moved = was != is || ((old ^ new) & PTE_ADDR);
	if (is && moved && entry_is_leaf(k, new))
		new = entry_poison(p, k, new);
	if (is && (!target_exists(p, k, new) || !format_fits(p, page, new))) {
		pool_corrupt(p);
		return;
	}
	if (is && moved)
		target_take(p, k, page, slot, new);
	format_put(p, page, slot, new);
	if (was && moved)
		target_drop(p, k, page, slot, old);
	count_present(p, &p->page[page], slot, was, is);
	p->gen++;
	if (was)
		note_change(p, page, slot, old, new);
}

void entry_zero_leaf_table(struct pool *p, uint32_t page)
{
	const struct pool_kind *k = page_kind(p, page);
	struct pool_page *pg = &p->page[page];

	count_steps(p, k->count);
	for (uint32_t s = 0; s < k->count; s++) {
		uint64_t old = entry_get(p, page, s);

		if (!old)
			continue;
		format_put(p, page, s, 0);
		if (old & PTE_P)
			note_change(p, page, s, old, 0);
	}
	p->n_present -= pg->n_present;
	pg->n_present = 0;
	pg->first_present = k->count;
	p->gen++;
	counter_set(&p->stats[POOL_STAT_present_entries], p->n_present);
}

/* By the entries themselves: neither reverse map nor counters say which there are. */
void entry_zero_large_leaves(struct pool *p, uint32_t page)
{
	const struct pool_kind *k = page_kind(p, page);

	if (!(k->flags & KF_LARGE))
		return;
	for (uint32_t s = 0; s < k->count; s++) {
		uint64_t old = entry_get(p, page, s);

		if (!entry_maps_large(k, old))
			continue;
		format_put(p, page, s, 0);
		count_present(p, &p->page[page], s, true, false);
		note_change(p, page, s, old, 0);
		p->gen++;
	}
}
