/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit of the reverse maps: A14, A15, and of what forbids large leaves, A24. Part of the pool library: called by pool_audit() only. That every leaf has its
 * reference is checked with the entries; here every reference has its leaf, and the numbers agree.
 */
#include "poold/pool/audit/audit_priv.h"

/* Does the entry exist, and is it a leaf, of the size that the map is about, of the frame at gpa? */
static void audit_ref(struct audit *a, uint64_t gpa, uint64_t ref, bool large)
{
	const struct pool *p = a->p;
	uint32_t page = RMAP_REF_PAGE(ref), slot = RMAP_REF_SLOT(ref);
	const struct pool_kind *k;
	uint64_t e, target;

	if (!page_in_use(p, page) || slot >= page_kind(p, page)->count) {
		audit_report(a, 14, page, slot, gpa, ref);
		return;
	}
	k = page_kind(p, page);
	e = entry_get(p, page, slot);
	target = large ? large_gpa(p, e) : entry_gpa(p, e);
	if (!(e & PTE_P) || !entry_is_leaf(k, e) || entry_maps_large(k, e) != large || target != gpa)
		audit_report(a, 14, page, slot, gpa, e);
}

void audit_extents_free(struct audit *a)
{
	const struct pool *p = a->p;
	uint32_t n = 0;

	for (uint32_t x = p->ext_free; x < p->cfg.max_extents && n <= p->n_ext_free; x = p->extent[x].next, n++)
		audit_equal(a, 15, PAGE_NIL, x, 0, p->extent[x].count);
	audit_equal(a, 15, PAGE_NIL, 0, p->n_ext_free, n);
}

struct words { uint32_t chained, overflowed; };

static void audit_word(struct audit *a, struct words *t, uint64_t word, uint64_t gpa, bool large)
{
	const struct pool *p = a->p;
	uint32_t n = 0, x = EXT_NIL;

	if (!word)
		return;
	if (RMAP_TAG(word) == 0)
		audit_report(a, 15, PAGE_NIL, 0, gpa, word);
	else if (RMAP_TAG(word) == RMAP_SINGLE)
		audit_ref(a, gpa, word & ~RMAP_WORD(3ull, 0), large);
	else if (RMAP_TAG(word) == RMAP_OVERFLOW)
		t->overflowed++;
	else
		x = (uint32_t)word;
	for (; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; x = p->extent[x].next, n++) {
		if (p->extent[x].count < 1 || p->extent[x].count > EXT_REFS) {
			audit_report(a, 15, PAGE_NIL, x, EXT_REFS, p->extent[x].count);
			break;
		}
		for (uint32_t j = 0; j < p->extent[x].count; j++)
			audit_ref(a, gpa, p->extent[x].ref[j], large);
	}
	if (n > p->cfg.rmap_nodes_per_gfn || (RMAP_TAG(word) == RMAP_CHAIN && !n))
		audit_report(a, 15, PAGE_NIL, 0, gpa, word);
	t->chained += n;
}

void audit_rmap(struct audit *a)
{
	const struct pool *p = a->p;
	struct words t = { 0 };

	for (uint32_t i = 0; i < p->n_gfn; i++)
		audit_word(a, &t, p->rmap[i], ram_gfn(p, i) << PAGE_SHIFT, false);
	for (uint32_t i = 0; i < p->n_frames; i++) {
		audit_word(a, &t, p->large_rmap[i], large_frame_gpa(p, i), true);
		audit_equal(a, 24, PAGE_NIL, i, large_count(p, i), p->no_large[i]);
	}
	audit_equal(a, 15, PAGE_NIL, 0, p->cfg.max_extents, p->n_ext_free + t.chained);
	audit_equal(a, 14, PAGE_NIL, 0, p->n_overflowed, t.overflowed);
}
