/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit of the reverse map: A14, A15. Part of the pool library: called by pool_audit() only. That every leaf has its
 * reference is checked with the entries; here every reference has its leaf, and the numbers agree.
 */
#include "poold/pool_audit.h"

static void audit_ref(struct audit *a, uint64_t gfn, uint64_t ref)
{
	const struct pool *p = a->p;
	uint32_t page = RMAP_REF_PAGE(ref), slot = RMAP_REF_SLOT(ref);
	uint64_t e, gpa;

	if (!page_in_use(p, page) || !(page_kind(p, page)->flags & KF_LEAF) || slot >= page_kind(p, page)->count) {
		audit_report(a, 14, page, slot, gfn, ref);
		return;
	}
	e = entry_get(p, page, slot);
	gpa = entry_gpa(p, e);
	if (!(e & PTE_P) || gpa == GPA_NIL || gfn_of(gpa) != gfn)
		audit_report(a, 14, page, slot, gfn, e);
}

void audit_extents_free(struct audit *a)
{
	const struct pool *p = a->p;
	uint32_t n = 0;

	for (uint32_t x = p->ext_free; x < p->cfg.max_extents && n <= p->n_ext_free; x = p->extent[x].next, n++)
		audit_equal(a, 15, PAGE_NIL, x, 0, p->extent[x].count);
	audit_equal(a, 15, PAGE_NIL, 0, p->n_ext_free, n);
}

void audit_rmap(struct audit *a)
{
	const struct pool *p = a->p;
	uint32_t chained = 0, overflowed = 0;

	for (uint32_t i = 0; i < p->n_gfn; i++) {
		uint64_t word = p->rmap[i], gfn = ram_gfn(p, i);
		uint32_t n = 0, x = EXT_NIL;

		if (!word)
			continue;
		if (RMAP_TAG(word) == 0)
			audit_report(a, 15, PAGE_NIL, 0, gfn, word);
		else if (RMAP_TAG(word) == RMAP_SINGLE)
			audit_ref(a, gfn, word & ~RMAP_WORD(3ull, 0));
		else if (RMAP_TAG(word) == RMAP_OVERFLOW)
			overflowed++;
		else
			x = (uint32_t)word;
		for (; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; x = p->extent[x].next, n++) {
			if (p->extent[x].count < 1 || p->extent[x].count > EXT_REFS) {
				audit_report(a, 15, PAGE_NIL, x, EXT_REFS, p->extent[x].count);
				break;
			}
			for (uint32_t j = 0; j < p->extent[x].count; j++)
				audit_ref(a, gfn, p->extent[x].ref[j]);
		}
		if (n > p->cfg.rmap_nodes_per_gfn || (RMAP_TAG(word) == RMAP_CHAIN && !n))
			audit_report(a, 15, PAGE_NIL, 0, gfn, word);
		chained += n;
	}
	audit_equal(a, 15, PAGE_NIL, 0, p->cfg.max_extents, p->n_ext_free + chained);
	audit_equal(a, 14, PAGE_NIL, 0, p->n_overflowed, overflowed);
}
