/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Roots: a guest address space has one per view. They are ordinary cached tables, pinned while a vCPU has them loaded and
 * kept afterwards, so that a guest that switches between address spaces finds them again. Part of the pool library: any
 * caller of it, under the VM's lock.
 */
#include <errno.h>
#include <string.h>

#include "poold/pool/op.h"

/* The gpa of the root's key. E_RANGE: CR3 leads outside RAM, which is the guest's own fault. */
static enum pool_status root_gpa(const struct pool *p, const struct pool_modes *m, uint64_t *gpa)
{
	static const uint64_t cr3_mask[] = {	/* SDM vol. 3A tables 4-3, 4-7, 4-12 */
		[WALK_UNPAGED] = 0, [WALK_32BIT] = 0xfffff000ull, [WALK_PAE] = 0xffffffe0ull, [WALK_4LEVEL] = PTE_ADDR,
	};

	*gpa = m->cr3 & cr3_mask[role_modes_paging(m)];
	return ram_has(p, *gpa) ? POOL_OK : POOL_E_RANGE;
}

/* Flush the oldest of the roots that no vCPU has loaded, until no more than cached_roots are left. */
static void roots_trim(struct pool *p)
{
	while (p->root_tail && p->n_idle_roots > p->cfg.cached_roots) {
		if (page_flush(p, p->root_tail)) {
			pool_corrupt(p);
			return;
		}
		stat_inc(p, POOL_STAT_root_evict);
	}
}

static void root_refresh_state(struct pool *p, uint64_t gpa)
{
	uint32_t gt = gtable_find(p, gfn_of(gpa));

	if (gt != GT_NIL)
		gtable_publish(p, gt);
}

static void vcpu_load_roots(struct pool *p, uint32_t vcpu, const uint32_t root[2])
{
	struct pool_vcpu *v = &p->vcpu[vcpu];
	uint32_t old[2] = { v->root[0], v->root[1] };

	for (unsigned i = 0; i < 2; i++)
		if (root[i])
			page_pin(p, root[i]);
	memcpy(v->root, root, sizeof(v->root));
	for (unsigned i = 0; i < 2; i++)
		if (old[i])
			page_unpin(p, old[i]);
	if (old[0])
		root_refresh_state(p, p->page[old[0]].gpa);
	if (root[0])
		root_refresh_state(p, p->page[root[0]].gpa);
}

static enum pool_status roots_get(struct pool *p, const struct pool_modes *m, uint64_t gpa, uint32_t root[2])
{
	static const uint64_t no_pdpte[4];

	for (unsigned view = 0; view < 2; view++) {
		struct pool_key key = { .gpa = gpa, .role = role_root(m, view, p->cfg.legacy_format),
					.pdpte = role_modes_paging(m) == WALK_PAE ? m->pdpte : no_pdpte };
		enum pool_status status = cache_page(p, &key, &root[view]);

		if (status != POOL_OK && status != POOL_CACHED)
			return status;
		stat_inc(p, status == POOL_CACHED ? POOL_STAT_root_hit : POOL_STAT_root_miss);
		if (status == POOL_OK)
			stat_inc(p, view ? POOL_STAT_root_view_user : POOL_STAT_root_view_super);
		op_pin(p, root[view]);
	}
	return POOL_OK;
}

void pool_set_root(struct pool *p, uint32_t vcpu, const struct pool_modes *modes, struct pool_result *r)
{
	enum pool_status status;
	uint32_t root[2];
	uint64_t gpa;

	if (!op_begin(p, vcpu, r))
		return;
	fetch_leaf_drop_all(p);
	stat_inc(p, POOL_STAT_root_set);
	status = modes->watch_code && !p->cfg.copies_maddr ? POOL_E_INVAL : root_gpa(p, modes, &gpa);
	if (status == POOL_OK)
		status = resync_all(p);
	if (status == POOL_OK)
		status = roots_get(p, modes, gpa, root);
	if (status != POOL_OK) {
		op_end(p, status, r);
		return;
	}
	if (role_modes_paging(modes) != role_modes_paging(&p->vcpu[vcpu].modes))
		stat_inc(p, POOL_STAT_mode_change);
	if (role_modes_paging(modes) == WALK_PAE)
		stat_inc(p, POOL_STAT_root_pdpte_reload);
	vcpu_load_roots(p, vcpu, root);
	p->vcpu[vcpu].modes = *modes;
	p->vcpu[vcpu].n_unshadow = 0;	/* the instruction that let a table go is done: this is another one */
	roots_trim(p);
	gtable_mods_decay(p);
	r->root[0] = page_maddr(p, root[0]);
	r->root[1] = page_maddr(p, root[1]);
	/* The guest asked for a flush by loading a control register; the CPU carries it out by loading the new root. */
	debt_flush(&p->op.debt, POOL_FLUSH_ALL, 0);
	op_end(p, POOL_OK, r);
}

void pool_clear_root(struct pool *p, uint32_t vcpu, struct pool_result *r)
{
	static const uint32_t none[2];

	if (!op_begin(p, vcpu, r))
		return;
	vcpu_load_roots(p, vcpu, none);
	roots_trim(p);
	op_end(p, POOL_OK, r);
}

void pool_root_dying(struct pool *p, uint64_t cr3, struct pool_result *r)
{
	if (!op_begin(p, 0, r))
		return;
	if (!ram_has(p, cr3)) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	cache_roots_dying(p, gfn_of(cr3));
	op_end(p, POOL_OK, r);
}
