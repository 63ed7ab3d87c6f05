/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watched code: where it is demanded of a root, its supervisor view executes only pages that trapd has looked at, and some
 * of them from a copy in a window of trapd's own, in which each page of RAM has its place. Part of the pool library: any
 * caller of it, under the VM's lock.
 *
 * A leaf to a copy is in the reverse map as one of the page that the copy stands for, so whatever takes a page's leaves away
 * takes that one too. Whoever changes what a page is to code has them all taken away.
 */
#include "poold/pool/core/pool_priv.h"

uint64_t code_copy_gpa(const struct pool *p, uint64_t entry)
{
	uint64_t gpa = (entry & PTE_ADDR) - p->cfg.copies_maddr;

	return p->cfg.copies_maddr && ram_has(p, gpa) ? gpa : GPA_NIL;
}

bool code_is_copy(const struct pool *p, uint64_t entry)
{
	return code_copy_gpa(p, entry) != GPA_NIL;
}

uint64_t code_leaf(const struct pool *p, const struct derived *d, uint64_t entry)
{
	uint8_t state = ram_state(p, gfn_of(d->target));

	if (!(state & PAGE_STATE_EXEC))
		return entry | PTE_NX;
	if (!(state & PAGE_STATE_COPY) || d->narrow)
		return entry;
	/* never writable in the end, because the page is tracked: derive_leaf_entry() */
	return (entry & ~PTE_ADDR) | (p->cfg.copies_maddr + d->target);
}

void code_copy_end(struct pool *p, uint64_t gfn)
{
	uint8_t state = ram_state(p, gfn);

	if (!(state & PAGE_STATE_COPY))
		return;
	ram_set_state(p, gfn, state & ~PAGE_STATE_COPY);
	rmap_flush(p, gfn);
}
