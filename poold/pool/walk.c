/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk over the arena by software, as the CPU does it over the same tables. Part of the pool library: any caller of it,
 * under the VM's lock. Changes nothing, neither LRU nor counters.
 */
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "poold/pool/pool.h"

int pool_walk(const struct pool *p, uint64_t root, uint64_t gva, struct pool_walk *out)
{
	uint32_t page = entry_child(p, root);

	memset(out, 0, sizeof(*out));
	if (!page || root & (PAGE_SIZE - 1) || !(page_kind(p, page)->flags & KF_ROOT))
		return -EINVAL;
	out->writable = true;
	while (page && out->nsteps < 5) {
		const struct pool_kind *k = page_kind(p, page);
		uint32_t slot = slot_of(k, gva);
		uint64_t e = entry_get(p, page, slot);

		out->step[out->nsteps++] = (struct pool_walk_step){
			.page = page, .slot = slot, .entry = e, .maddr = page_maddr(p, page) + (uint64_t)slot * k->entry_size,
			.kind = (uint8_t)role_kind(p->page[page].role), .level = k->level,
		};
		if (!(e & PTE_P) || (e & ENTRY_OWNED))
			break;
		out->writable &= !!(e & PTE_W);
		out->nx |= !!(e & PTE_NX);
		if (entry_is_leaf(k, e)) {
			bool large = entry_maps_large(k, e);

			out->gpa = large ? large_gpa(p, e) : entry_gpa(p, e);
			if (out->gpa == GPA_NIL)
				break;
			out->gpa |= gva & ((large ? LARGE_SIZE : PAGE_SIZE) - 1);
			out->present = true;
			return 0;
		}
		page = entry_child(p, e);
	}
	out->writable = out->nx = false;
	out->gpa = 0;
	return -ENOENT;
}
