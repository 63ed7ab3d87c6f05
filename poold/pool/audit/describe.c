/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in a pool, told page by page: for dumps, statistics and whoever compares two pools. Part of the pool library: any
 * caller of it, under the VM's lock. Changes nothing, neither LRU nor counters.
 */
#include <errno.h>

#include "poold/pool/audit/audit.h"
#include "poold/pool/core/pool_priv.h"

const char *pool_kind_name(unsigned kind)
{
	return kind < KIND_COUNT ? pool_kinds[kind].name : "?";
}

uint32_t pool_pages_of_kind(const struct pool *p, unsigned kind)
{
	return kind < KIND_COUNT ? p->kind_pages[kind] : 0;
}

int pool_vcpu_roots(const struct pool *p, uint32_t vcpu, uint64_t root[2], struct pool_modes *modes)
{
	if (vcpu >= p->cfg.nvcpu)
		return -EINVAL;
	for (unsigned i = 0; i < 2; i++)
		root[i] = p->vcpu[vcpu].root[i] ? page_maddr(p, p->vcpu[vcpu].root[i]) : 0;
	*modes = p->vcpu[vcpu].modes;
	return 0;
}

bool pool_table_is_unsync(const struct pool *p, uint32_t page)
{
	uint32_t gt = page_in_use(p, page) ? p->page[page].gt : GT_NIL;

	return gt < p->cfg.max_pages && p->gtable[gt].unsync;
}

uint8_t pool_page_state(const struct pool *p, uint64_t gfn)
{
	return ram_state(p, gfn);
}

bool pool_page_describe(const struct pool *p, uint32_t page, struct pool_page_info *out)
{
	const struct pool_page *pg;

	if (!page || page >= p->cfg.max_pages || !page_in_use(p, page))
		return false;
	pg = &p->page[page];
	*out = (struct pool_page_info){
		.gpa = pg->gpa, .role = pg->role, .kind = (uint8_t)role_kind(pg->role), .lock = pg->lock,
		.n_present = pg->n_present, .flags = pg->flags, .count = page_kind(p, page)->count,
	};
	return true;
}

uint64_t pool_page_entry(const struct pool *p, uint32_t page, uint32_t slot)
{
	if (!page || page >= p->cfg.max_pages || !page_in_use(p, page) || slot >= page_kind(p, page)->count)
		return 0;
	return entry_get(p, page, slot);
}
