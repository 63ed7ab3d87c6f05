/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hanging a table under an entry and taking it off. Part of the pool library: any caller of it, under the VM's lock.
 */
#include "poold/pool/core/pool_priv.h"

/*
 * The caller has pinned the parent, so nothing that is let go here to make room can be on the way to it. A user record is
 * made sure of first: after a page is found or made, nothing can fail any more.
 */
enum pool_status child_get(struct pool *p, const struct pool_key *key, uint32_t parent, uint32_t slot, uint64_t bits,
			  uint32_t *child)
{
	enum pool_status status;

	*child = PAGE_NIL;
	if (entry_get(p, parent, slot) & PTE_P) {
		pool_corrupt(p);
		return POOL_E_CORRUPT;
	}
	status = unsync_before_child(p, key);
	if (status == POOL_OK)
		status = user_reserve(p);
	if (status != POOL_OK)
		return status;
	status = cache_page(p, key, child);
	if (status != POOL_OK && status != POOL_CACHED)
		return status;
	if (status == POOL_CACHED && unsync_below_child(p, *child) != POOL_OK) {
		*child = PAGE_NIL;
		return POOL_NEED_SHOOTDOWN;
	}
	entry_set(p, parent, slot, page_maddr(p, *child) | bits);
	return status;
}

void child_put(struct pool *p, uint32_t parent, uint32_t slot)
{
	uint64_t e = entry_get(p, parent, slot);
	uint32_t child = entry_is_leaf(page_kind(p, parent), e) ? PAGE_NIL : entry_child(p, e);

	entry_set(p, parent, slot, 0);
	if (!child || p->page[child].users != USER_NIL || p->page[child].lock)
		return;
	/*
	 * Depth is bounded by the levels: a child's child is one level lower. A table with PDPTE values in its key serves the
	 * roots of these values alone, and all values of a guest's choice would share one bucket: not kept without a root.
	 */
	if ((p->cfg.cache_off || page_kind(p, child)->flags & KF_PDPTE) &&
	    !(page_kind(p, child)->flags & KF_ROOT))
		page_flush(p, child);
}
