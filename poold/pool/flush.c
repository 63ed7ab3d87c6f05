/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's flush points: INVLPG, a dirty bit that has been set, and the flushes of everything. Part of the pool
 * library: any caller of it, under the VM's lock, all events consumed.
 */
#include <string.h>

#include "poold/pool/op.h"

/*
 * Compare the entries on the path to gva with the guest's tables; what differs goes. coarse: the guest's page is larger than 4
 * KiB.
 */
static void path_check(struct pool *p, uint32_t root, uint64_t gva, bool *coarse)
{
	uint32_t page = root;

	for (unsigned n = 0; page && n < POOL_MAX_PATH; n++) {
		const struct pool_kind *k = page_kind(p, page);
		uint32_t slot = slot_of(k, gva);
		uint64_t have = entry_get(p, page, slot), want;

		if (!(have & PTE_P) || (have & ENTRY_OWNED))
			return;
		want = derive_entry(p, page, slot);
		if (p->n_unsync && p->page[page].gt != GT_NIL && p->gtable[p->page[page].gt].unsync)
			stat_inc(p, POOL_STAT_resync_invlpg_one);
		if (!want || !entry_matches(have, want)) {
			child_put(p, page, slot);
			return;
		}
		if (k->flags & (KF_SPLIT | KF_PHYS) || entry_maps_large(k, have))
			*coarse = true;
		if (entry_is_leaf(k, have))
			return;
		page = entry_child(p, have);
	}
}

static void vcpu_path_check(struct pool *p, const struct pool_vcpu *v, uint64_t gva, bool *coarse)
{
	for (unsigned view = 0; view < 2; view++)
		if (v->root[view])
			path_check(p, v->root[view], gva, coarse);
}

/* Compare the path to gva below every root: those of the vCPUs, and the idle ones, whose list does not change meanwhile. */
static void all_paths_check(struct pool *p, uint64_t gva, bool *coarse)
{
	uint32_t page = p->root_head;

	for (uint32_t v = 0; v < p->cfg.nvcpu; v++)
		vcpu_path_check(p, &p->vcpu[v], gva, coarse);
	for (uint32_t n = 0; page_in_use(p, page) && n < p->n_idle_roots; n++, page = p->page[page].root_next)
		path_check(p, page, gva, coarse);
}

void pool_invlpg(struct pool *p, uint32_t vcpu, uint64_t gva, bool all_roots, struct pool_result *r)
{
	const struct pool_vcpu *v;
	bool coarse = false;

	if (!op_begin(p, vcpu, r))
		return;
	fetch_leaf_drop_all(p);
	v = &p->vcpu[vcpu];
	stat_inc(p, POOL_STAT_invlpg);
	vcpu_path_check(p, v, gva, &coarse);
	if (all_roots)
		all_paths_check(p, gva, &coarse);

	if (epoch_vcpu_is_clean(p, vcpu))
		stat_inc(p, POOL_STAT_invlpg_noop);
	else if (all_roots || !v->root[0])
		debt_flush(&p->op.debt, POOL_FLUSH_ALL, 0);
	else if (coarse || !epoch_reached(v->acked, p->nonleaf_stamp))
		debt_flush(&p->op.debt, POOL_FLUSH_ROOT, page_maddr(p, v->root[0]));
	else
		debt_flush(&p->op.debt, POOL_FLUSH_GVA, gva);
	op_end(p, POOL_OK, r);
}

/* Walk down as long as every entry says what the guest's table says now; give W where only D was missing. */
static enum pool_status dirty_path(struct pool *p, uint32_t root, uint64_t gva)
{
	uint32_t page = root;

	for (unsigned n = 0; n < POOL_MAX_PATH; n++) {
		const struct pool_kind *k = page_kind(p, page);
		uint32_t slot = slot_of(k, gva);
		uint64_t have = entry_get(p, page, slot), want;

		if (!(have & PTE_P) || (have & ENTRY_OWNED))
			return POOL_E_NOTFOUND;
		want = derive_entry(p, page, slot);
		if (!want || !entry_matches(have, want) || !(want & PTE_W))
			return POOL_E_NOTFOUND;
		if (have != want) {
			entry_set(p, page, slot, want);
			stat_inc(p, POOL_STAT_dirty_upgrade);
		}
		if (entry_is_leaf(k, have))
			return POOL_OK;
		page = entry_child(p, have);
		if (!page)
			break;
	}
	return POOL_E_NOTFOUND;
}

void pool_dirty(struct pool *p, uint32_t vcpu, uint64_t gva, bool user_view, struct pool_result *r)
{
	if (!op_begin(p, vcpu, r))
		return;
	if (!p->vcpu[vcpu].root[user_view]) {
		op_end(p, POOL_E_INVAL, r);
		return;
	}
	fetch_leaf_drop_all(p);
	p->op.scope = POOL_FLUSH_GVA;
	p->op.scope_gva = gva;
	op_end(p, dirty_path(p, p->vcpu[vcpu].root[user_view], gva), r);
}

static void debt_everything(struct pool *p)
{
	debt_flush(&p->op.debt, POOL_FLUSH_ALL, 0);
	p->op.debt.ntouch = POOL_TOUCH_TOO_MANY;
	p->reduce_stamp = p->nonleaf_stamp = epoch_stamp(p);
}

/* Uses neither counters nor the reverse map, because it must help when these are wrong. */
void pool_clear_all(struct pool *p, struct pool_result *r)
{
	uint64_t begin;

	if (!op_begin(p, 0, r))
		return;
	begin = time_begin(p, POOL_DURATION_clear_all);
	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		if (!page_in_use(p, page))
			continue;
		if (page_kind(p, page)->flags & KF_LEAF)
			entry_zero_leaf_table(p, page);
		else
			entry_zero_large_leaves(p, page);
	}
	memset(p->rmap, 0, (size_t)p->n_gfn * sizeof(*p->rmap));
	memset(p->large_rmap, 0, (size_t)p->n_frames * sizeof(*p->large_rmap));
	p->n_overflowed = 0;
	rmap_init(p);
	while (p->mod_head != GT_NIL)
		gtable_mods_set(p, p->mod_head, 0);
	stat_inc(p, POOL_STAT_clear_all);
	debt_everything(p);
	unsync_forget_all(p);
	op_post(p);
	op_end(p, POOL_OK, r);
	time_end(p, POOL_DURATION_clear_all, begin);
}

void pool_flush_all(struct pool *p, struct pool_result *r)
{
	if (!op_begin(p, 0, r))
		return;
	for (uint32_t page = 1; page < p->cfg.max_pages; page++)
		if (page_in_use(p, page) && !p->page[page].lock)
			page_flush(p, page);
	stat_inc(p, POOL_STAT_flush_all);
	debt_everything(p);
	op_post(p);
	op_end(p, POOL_OK, r);
}

static bool is_shadow_of(const struct pool *p, uint32_t page, uint64_t gfn, uint16_t flags)
{
	return gfn_of(p->page[page].gpa) == gfn && (page_kind(p, page)->flags & flags) == flags;
}

/*
 * The shadows of one guest page whose kinds have these flags, all of one bucket. One that is pinned stays and is emptied. The
 * bucket changes under a flush, so each one restarts the scan; each takes a page away, so that ends. Returns how many there were.
 */
static uint32_t shadows_flush(struct pool *p, uint64_t gfn, uint16_t flags)
{
	uint32_t *head = &p->bucket[cache_bucket(p, gfn << PAGE_SHIFT)], page = *head, found = 0;

	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++) {
		uint32_t next = p->page[page].hash_next;

		count_steps(p, 1);
		if (is_shadow_of(p, page, gfn, flags) && !p->page[page].lock) {
			if (page_flush(p, page)) {
				pool_corrupt(p);
				return found;
			}
			found++;
			n = 0;
			next = *head;
		}
		page = next;
	}
	page = *head;
	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].hash_next) {
		if (!is_shadow_of(p, page, gfn, flags))
			continue;
		page_empty(p, page);
		found++;
	}
	return found;
}

void pool_flush_gpa(struct pool *p, uint64_t gpa, struct pool_result *r)
{
	if (!op_begin(p, 0, r))
		return;
	if (!ram_has(p, gpa)) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	fetch_leaf_drop_all(p);
	rmap_flush(p, gfn_of(gpa));
	shadows_flush(p, gfn_of(gpa), 0);
	op_post(p);
	op_end(p, POOL_OK, r);
}

void pool_flush_root(struct pool *p, uint64_t cr3, struct pool_result *r)
{
	uint32_t found;

	if (!op_begin(p, 0, r))
		return;
	if (!ram_has(p, cr3)) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	fetch_leaf_drop_all(p);
	found = shadows_flush(p, gfn_of(cr3), KF_ROOT);
	op_post(p);
	op_end(p, found ? POOL_OK : POOL_E_NOTFOUND, r);
}

/* A pool without a cache has no table that nobody links to; those below one go with their last link. */
void pool_cache_switch(struct pool *p, bool on, struct pool_result *r)
{
	if (!op_begin(p, 0, r))
		return;
	fetch_leaf_drop_all(p);
	p->cfg.cache_off = !on;
	for (uint32_t page = 1; !on && page < p->cfg.max_pages; page++)
		if (page_in_use(p, page) && p->page[page].users == USER_NIL && !p->page[page].lock &&
		    !(page_kind(p, page)->flags & KF_ROOT) && page_flush(p, page))
			pool_corrupt(p);
	op_post(p);
	op_end(p, POOL_OK, r);
}
