/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit of what is in the tables, against the guest's tables as they are now: A1 (page 0), A3 (content), A9, A10, A13, A14, A16 to A20,
 * A24. Part of the pool library: called by pool_audit() only.
 *
 * Each entry is derived anew. As every level agrees with the guest's entry of that level, so does the AND along a path.
 */
#include "poold/pool/audit/audit_priv.h"

#define LEAF_BITS	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_NX | PTE_ADDR | ENTRY_DEFERRED)
#define FETCH_BITS	(PTE_P | PTE_U | PTE_A | PTE_ADDR | ENTRY_FETCH)
#define TABLE_BITS	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_NX | PTE_ADDR | ENTRY_TRACK_DIRTY)
#define ALWAYS_BITS	(PTE_P | PTE_U | PTE_A)

/* The table is open for a step or left out of step: as stale as a TLB may be. */
static bool table_is_loose(const struct pool *p, uint32_t page)
{
	uint32_t gt = p->page[page].gt;

	if (p->n_unsync && gt < p->cfg.max_pages && p->gtable[gt].unsync)
		return true;
	return p->n_open && page_kind(p, page)->guest_size && ram_is_open(p, gfn_of(p->page[page].gpa));
}

static void audit_leaf(struct audit *a, uint32_t page, uint32_t slot, uint64_t e)
{
	const struct pool *p = a->p;
	uint64_t gpa = entry_gpa(p, e);
	struct derived d;

	if (e & ~(e & ENTRY_FETCH ? FETCH_BITS : LEAF_BITS) || (e & ALWAYS_BITS) != ALWAYS_BITS || gpa == GPA_NIL || !(e & PTE_W) != !(e & PTE_D)) {
		audit_report(a, 20, page, slot, ALWAYS_BITS, e);
		return;
	}
	if (!rmap_has(p, gfn_of(gpa), page, slot))
		audit_report(a, 14, page, slot, gfn_of(gpa), e);
	if ((e & PTE_W) && (e & ENTRY_DEFERRED))
		audit_report(a, 16, page, slot, e & ~PTE_W, e);
	if ((e & PTE_W) && (ram_is_guarded(p, gfn_of(gpa)) || code_is_copy(p, e)))
		audit_report(a, 18, page, slot, ram_state(p, gfn_of(gpa)), e);
	if (table_is_loose(p, page))
		return;
	derive_slot(p, page, slot, &d);
	if ((e & ENTRY_FETCH) && d.fetch_only && d.target == gpa)
		return;
	if (d.what != DERIVE_LEAF || d.target != gpa)
		audit_report(a, page_kind(p, page)->source == SOURCE_LINEAR ? 24 : 17, page, slot, d.guest, e);
	else if (!entry_matches(e, derive_leaf_entry(p, &d)))
		audit_report(a, 16, page, slot, derive_leaf_entry(p, &d), e);
}

/* A leaf of 2 MiB: of RAM as a whole, and nobody watches a page of it. */
static void audit_large(struct audit *a, uint32_t page, uint32_t slot, uint64_t e)
{
	const struct pool *p = a->p;
	uint64_t gpa = large_gpa(p, e), want;
	struct derived d;

	if (e & ~(LEAF_BITS | PTE_PS) || (e & ALWAYS_BITS) != ALWAYS_BITS || !(e & PTE_W) != !(e & PTE_D)) {
		audit_report(a, 20, page, slot, ALWAYS_BITS, e);
		return;
	}
	if (gpa == GPA_NIL) {
		audit_report(a, 10, page, slot, PAGE_NIL, e);
		return;
	}
	if (!rmap_word_has(p, *large_word(p, gpa), RMAP_REF(page, slot)))
		audit_report(a, 14, page, slot, gpa, e);
	for (uint64_t gfn = gfn_of(gpa); gfn < gfn_of(gpa + LARGE_SIZE); gfn++)
		if ((e & PTE_W) && ram_is_guarded(p, gfn))
			audit_report(a, 18, page, slot, gfn, e);
	if (e & ENTRY_GUARDED || ((e & PTE_W) && (e & ENTRY_DEFERRED)))
		audit_report(a, 16, page, slot, e & ~PTE_W, e);
	if (table_is_loose(p, page))
		return;
	derive_slot(p, page, slot, &d);
	want = derive_large_entry(p, &d);
	if (!want || d.large_target != gpa)
		audit_report(a, page_kind(p, page)->source == SOURCE_LINEAR ? 24 : 17, page, slot, want, e);
	else if (!entry_matches(e, want))
		audit_report(a, 16, page, slot, want, e);
}

static void audit_table(struct audit *a, uint32_t page, uint32_t slot, uint64_t e)
{
	const struct pool *p = a->p;
	const struct pool_kind *k = page_kind(p, page);
	uint32_t child = entry_child(p, e);
	unsigned kind;

	if (e & ~TABLE_BITS || (e & ALWAYS_BITS) != ALWAYS_BITS) {
		audit_report(a, 20, page, slot, ALWAYS_BITS, e);
		return;
	}
	if (!child) {
		audit_report(a, 10, page, slot, PAGE_NIL, e);
		return;
	}
	kind = role_kind(p->page[child].role);
	if (pool_kinds[kind].level + 1 != k->level)
		audit_report(a, 10, page, slot, k->level - 1u, kind);
	if (!user_has(p, child, page, slot))
		audit_report(a, 9, page, slot, child, e);
	if (table_is_loose(p, page))
		return;
	if (!entry_matches(e, derive_entry(p, page, slot)))
		audit_report(a, 19, page, slot, derive_entry(p, page, slot), e);
}

/* A3, A23: nothing is left in a page that is out of use but the monitor's entries of a root in limbo. */
static void audit_idle_content(struct audit *a, uint32_t page)
{
	const struct pool *p = a->p;

	uint64_t any = 0;

	if (!(p->page[page].flags & PAGE_ZEROED))
		return;
	for (uint32_t s = 0; s < POOL_SLOTS; s++)
		any |= entry_get(p, page, s);
	for (uint32_t s = 0; any && s < POOL_SLOTS; s++)
		audit_equal(a, 3, page, s, 0, entry_get(p, page, s));
}

void audit_entries(struct audit *a)
{
	const struct pool *p = a->p;
	uint64_t links = 0;

	for (uint32_t s = 0; s < POOL_SLOTS; s++)
		audit_equal(a, 1, PAGE_NIL, s, 0, page_slots(p, PAGE_NIL)[s]);
	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		const struct pool_kind *k = page_kind(p, page);

		if (!page_in_use(p, page)) {
			audit_idle_content(a, page);
			continue;
		}
		for (uint32_t s = 0; s < k->count; s++) {
			uint64_t e = entry_get(p, page, s);

			if (e & ENTRY_OWNED) {
				if (!(k->flags & KF_OWNED) || s != p->cfg.stub_slot)
					audit_report(a, 20, page, s, 0, e);
			} else if (!(e & PTE_P)) {
				audit_equal(a, 20, page, s, 0, e);
			} else if (k->flags & KF_LEAF) {
				audit_leaf(a, page, s, e);
			} else if (entry_maps_large(k, e)) {
				audit_large(a, page, s, e);
			} else {
				links++;
				audit_table(a, page, s, e);
			}
		}
		for (uint32_t s = k->count; s < POOL_SLOTS; s++)
			audit_equal(a, 20, page, s, 0, entry_get(p, page, s));
	}
	/* Each link has its one record, so an equal number means that no record is without its link. */
	audit_equal(a, 9, PAGE_NIL, 0, links, p->cfg.max_users - p->n_user_free);
}

void audit_counts(struct audit *a)
{
	const struct pool *p = a->p;
	uint64_t total = 0;

	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		const struct pool_kind *k = page_kind(p, page);
		uint32_t n = 0, first = k->count;

		if (!page_in_use(p, page))
			continue;
		for (uint32_t s = k->count; s-- > 0;) {
			uint64_t e = entry_get(p, page, s);

			if ((e & PTE_P) && !(e & ENTRY_OWNED)) {
				n++;
				first = s;
			}
		}
		total += n;
		audit_equal(a, 13, page, 0, n, p->page[page].n_present);
		if (p->page[page].first_present > first)
			audit_report(a, 13, page, first, first, p->page[page].first_present);
	}
	audit_equal(a, 13, PAGE_NIL, 0, total, p->n_present);
}
