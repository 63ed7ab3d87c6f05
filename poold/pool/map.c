/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making the shadow of one guest translation: the tables of the path from the root down, the leaf, and its neighbours. Part of
 * the pool library: any caller of it, under the VM's lock, all events consumed.
 *
 * A shadow table's guest table is monitored from the moment the shadow exists. Each guest entry is read again after that, because
 * the caller's walk may be older.
 */
#include "poold/pool/op.h"

struct descent {
	struct pool *p;
	const struct pool_map_args *a;
	uint32_t page, slot;	/* where the walk stands */
	unsigned used;		/* guest entries of the request that were compared */
	bool writable;		/* every entry above is writable */
	bool large;		/* the walk ended at an entry that maps 2 MiB itself */
	uint64_t gen;		/* generation of the pool at the start */
};

static bool guest_entry_agrees(struct descent *w, const struct derived *d)
{
	if (!d->has_guest)
		return true;
	if (w->used >= w->a->nwalk)
		return false;
	return w->a->walk[w->used++] == d->guest;
}

/* May the guest's table be read? With several vCPUs only when all have flushed the translations that let them write to it. */
static bool table_is_safe(const struct pool *p, uint32_t page)
{
	if (p->cfg.nvcpu == 1 || p->page[page].gt == GT_NIL)
		return true;
	return epoch_reached(epoch_all_acked(p), p->gtable[p->page[page].gt].shoot_epoch);
}

/* Make the entry lead to the table that the guest's entry demands, which may be the one that it leads to already. */
static enum pool_status descend_link(struct descent *w, const struct derived *d, uint32_t *child)
{
	struct pool *p = w->p;
	struct pool_key key = derive_key(p, w->page, d);
	uint64_t old = entry_get(p, w->page, w->slot);
	enum pool_status status;

	if (old & PTE_P) {
		*child = entry_child(p, old);
		if (*child && cache_key_matches(p, *child, &key)) {
			entry_set(p, w->page, w->slot, page_maddr(p, *child) | d->bits);
			return POOL_OK;
		}
		child_put(p, w->page, w->slot);
	}
	status = child_get(p, &key, w->page, w->slot, d->bits, child);
	if (status == POOL_OK) {
		stat_inc(p, POOL_STAT_map_new_tables);
		if (d->split)
			stat_inc(p, POOL_STAT_large_split);
	}
	return status == POOL_CACHED ? POOL_OK : status;
}

/*
 * Shall the entry map 2 MiB itself? Not if it leads to a table already: that table may have been made for a page that is not
 * watched any more, but to replace it costs a flush of everything, and the guest may well make that page a table again.
 */
static bool large_is_due(struct descent *w, const struct derived *d)
{
	struct pool *p = w->p;
	uint64_t have = entry_get(p, w->page, w->slot);

	if (!p->n_frames || !d->large || ((have & PTE_P) && !entry_maps_large(page_kind(p, w->page), have)))
		return false;
	if (derive_large_entry(p, d))
		return true;
	stat_inc(p, POOL_STAT_large_refused);
	return false;
}

static enum pool_status descend(struct descent *w, struct derived *d)
{
	struct pool *p = w->p;

	for (unsigned n = 0; n < POOL_MAX_PATH; n++) {
		const struct pool_kind *k = page_kind(p, w->page);
		enum pool_status status;
		uint32_t child;

		if (!table_is_safe(p, w->page))
			return POOL_NEED_SHOOTDOWN;
		if (p->page[w->page].gt != GT_NIL)
			policy_used(p, p->page[w->page].gt);
		w->slot = slot_of(k, w->a->gva);
		derive_slot(p, w->page, w->slot, d);
		if (d->bad)
			stat_inc(p, POOL_STAT_bad_guest_entry);
		if (!guest_entry_agrees(w, d))
			return POOL_RETRY;
		if (d->fetch_only && w->a->fetch)
			return POOL_OK;
		if (d->what == DERIVE_ABSENT)
			return POOL_RETRY;
		if (d->what != DERIVE_TABLE)
			return d->what == DERIVE_LEAF ? POOL_OK : POOL_E_INVAL;
		w->large = large_is_due(w, d);
		if (w->large)
			return POOL_OK;
		w->writable &= !!(d->bits & PTE_W);
		status = descend_link(w, d, &child);
		if (status != POOL_OK)
			return status;
		if (!child) {
			pool_corrupt(p);
			return POOL_E_CORRUPT;
		}
		op_pin(p, child);
		w->page = child;
	}
	pool_corrupt(p);
	return POOL_E_CORRUPT;
}

/*
 * The entry was right already, so the CPU, or KVM's own shadow of it, holds an older one: owe a flush and a touch of the whole
 * path.
 */
static void spurious(struct descent *w)
{
	struct pool *p = w->p;

	stat_inc(p, POOL_STAT_map_spurious);
	debt_flush(&p->op.debt, POOL_FLUSH_GVA, w->a->gva);
	for (uint32_t i = 0; i < p->op.npath; i++)
		debt_touch(&p->op.debt, page_maddr(p, p->op.path[i]));
}

static enum pool_status fetch_leaf_install(struct descent *w, const struct derived *d, struct pool_result *r)
{
	struct pool *p = w->p;
	uint64_t entry;

	if (d->target != (w->a->gpa & PAGE_MASK) || w->used != w->a->nwalk)
		return POOL_RETRY;
	entry = (p->cfg.ram_maddr + d->target) | d->bits;
	if (d->code)
		entry = code_leaf(p, d, entry);
	if (entry & PTE_NX)
		return POOL_RETRY;
	fetch_leaf_note(p, w->page, w->slot);
	r->entry = entry;
	if (entry_get(p, w->page, w->slot) == r->entry)
		spurious(w);
	else
		entry_set(p, w->page, w->slot, r->entry);
	return POOL_OK;
}

/* Is the table out of step, and has the guest changed this entry since? */
static bool is_stale_unsync(const struct descent *w, uint64_t old, uint64_t want)
{
	const struct pool *p = w->p;
	uint32_t gt = p->page[w->page].gt;

	return p->n_unsync && gt != GT_NIL && p->gtable[gt].unsync && (old & PTE_P) && !entry_matches(old, want);
}

static enum pool_status leaf_install(struct descent *w, const struct derived *d, struct pool_result *r)
{
	struct pool *p = w->p;
	uint64_t want = w->large ? derive_large_entry(p, d) : derive_leaf_entry(p, d), old = entry_get(p, w->page, w->slot);
	uint64_t target = w->large ? d->large_target | (w->a->gva & (LARGE_SIZE - 1) & PAGE_MASK) : d->target;

	if (target != (w->a->gpa & PAGE_MASK) || w->used != w->a->nwalk)
		return POOL_RETRY;
	if (is_stale_unsync(w, old, want)) {
		enum pool_status status = resync_gtable(p, p->page[w->page].gt);

		/* What was derived is older than the protection of the table, so it must be derived anew. */
		return status == POOL_OK ? POOL_RETRY : status;
	}
	p->op.scope = POOL_FLUSH_GVA;
	p->op.scope_gva = w->a->gva;
	if (old == want && p->gen == w->gen) {
		spurious(w);
	} else if (old != want) {
		entry_set(p, w->page, w->slot, want);
		stat_inc(p, old & PTE_P ? POOL_STAT_map_leaf_upgrade : POOL_STAT_map_leaf_new);
		if (w->large)
			stat_inc(p, POOL_STAT_map_large);
	}
	p->op.scope = POOL_FLUSH_ALL;
	r->entry = want;
	if (w->a->write && !(w->writable && (want & PTE_W)))
		return POOL_RETRY;
	return w->a->fetch && (want & PTE_NX) ? POOL_RETRY : POOL_OK;
}

/* Install leaves for neighbours that the guest has mapped and used. Each saves a fault if it is used, and costs little if not. */
static uint32_t prefetch(struct descent *w)
{
	struct pool *p = w->p;
	uint32_t first = w->slot & ~(p->cfg.prefetch - 1), end = first + p->cfg.prefetch, done = 0;

	if (end > page_kind(p, w->page)->count)
		end = page_kind(p, w->page)->count;
	for (uint32_t s = first; s < end; s++) {
		struct derived d;

		if (s == w->slot || (entry_get(p, w->page, s) & PTE_P))
			continue;
		count_steps(p, 1);
		stat_inc(p, POOL_STAT_prefetch_tried);
		derive_slot(p, w->page, s, &d);
		if (d.what == DERIVE_LEAF) {
			entry_set(p, w->page, s, derive_leaf_entry(p, &d));
			done++;
		} else if (d.has_guest && (d.guest & (PTE_P | PTE_A)) == PTE_P) {
			stat_inc(p, POOL_STAT_prefetch_skip_not_accessed);
		}
	}
	stat_add(p, POOL_STAT_prefetch_installed, done);
	return done;
}

static bool map_args_valid(const struct pool *p, uint32_t vcpu, const struct pool_map_args *a)
{
	bool narrow = role_modes_paging(&p->vcpu[vcpu].modes) != WALK_4LEVEL;

	if (!p->vcpu[vcpu].root[a->user_view] || a->nwalk > 4 || (a->write && a->fetch))
		return false;
	if (narrow ? a->gva >> 32 : !x86_is_canonical(a->gva))
		return false;
	return ((a->gva >> 39) & (POOL_SLOTS - 1)) != p->cfg.stub_slot;
}

static void map(struct pool *p, uint32_t vcpu, const struct pool_map_args *a, struct pool_result *r)
{
	struct descent w = { .p = p, .a = a, .writable = true };
	enum pool_status status;
	struct derived d;

	if (!op_begin(p, vcpu, r))
		return;
	stat_inc(p, POOL_STAT_map_requests);
	if (!map_args_valid(p, vcpu, a)) {
		op_end(p, POOL_E_INVAL, r);
		return;
	}
	w.page = p->vcpu[vcpu].root[a->user_view];
	if (!ram_has(p, a->gpa) || a->gpa >= format_reach(page_kind(p, w.page))) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	op_pin(p, w.page);
	if (!a->fetch)
		fetch_leaf_drop_all(p);
	w.gen = p->gen;
	status = descend(&w, &d);
	if (status == POOL_OK && d.fetch_only) {
		status = fetch_leaf_install(&w, &d, r);
	} else if (status == POOL_OK) {
		status = leaf_install(&w, &d, r);
		r->prefetched = w.large ? 0 : prefetch(&w);
	}
	if (status == POOL_RETRY)
		stat_inc(p, POOL_STAT_map_retry);
	op_end(p, status, r);
}

void pool_map(struct pool *p, uint32_t vcpu, const struct pool_map_args *a, struct pool_result *r)
{
	uint64_t begin = time_begin(p, POOL_DURATION_map);

	map(p, vcpu, a, r);
	time_end(p, POOL_DURATION_map, begin);
}
