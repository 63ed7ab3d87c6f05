/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaves that are there for a fetch alone (ENTRY_FETCH): SMAP forbids the supervisor to read the page, but not to execute it, and
 * no entry can say that. Such a leaf is noted here and goes with the next request that is no fetch. Part of the pool library:
 * any caller of it, under the VM's lock.
 */
#include "poold/pool/core/pool_priv.h"

void fetch_leaf_note(struct pool *p, uint32_t page, uint32_t slot)
{
	uint64_t *place = &p->fetch_leaf[p->fetch_next++ % POOL_MAX_FETCH];

	if (*place && *place != RMAP_REF(page, slot))
		fetch_leaf_drop_all(p);
	*place = RMAP_REF(page, slot);
}

/* The table may have become another one since: only the bit in the entry says that it is still meant. */
void fetch_leaf_drop_all(struct pool *p)
{
	for (uint32_t i = 0; i < POOL_MAX_FETCH; i++) {
		uint32_t page = RMAP_REF_PAGE(p->fetch_leaf[i]), slot = RMAP_REF_SLOT(p->fetch_leaf[i]);

		p->fetch_leaf[i] = 0;
		if (page_in_use(p, page) && (page_kind(p, page)->flags & KF_LEAF) && (entry_get(p, page, slot) & ENTRY_FETCH))
			entry_set(p, page, slot, 0);
	}
}
