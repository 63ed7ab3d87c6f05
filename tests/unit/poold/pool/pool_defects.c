/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool_defects.h. Test programs only. */
#include "tests/unit/poold/pool/pool_defects.h"

uint32_t defects_find(const struct pool *p, unsigned kind, uint64_t gpa, uint32_t after)
{
	for (uint32_t page = after + 1; page < p->cfg.max_pages; page++)
		if (page_in_use(p, page) && role_kind(p->page[page].role) == kind &&
		    (gpa == GPA_NIL || p->page[page].gpa == gpa))
			return page;
	return PAGE_NIL;
}

bool defects_mapped(struct fix *f, uint64_t gva)
{
	struct pool_walk w;

	return !fix_shadow(f, gva, false, &w);
}

/* One pass without a branch for a full table of 8-byte entries: most of what a recount of a million steps does. */
static uint32_t count_full(const uint64_t *slots)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < POOL_SLOTS; s++)
		n += (uint32_t)(slots[s] & ~(slots[s] >> 10) & PTE_P);
	return n;
}

void defects_recount_fast(const struct pool *p)
{
	uint64_t total = 0;

	for (uint32_t page = 1, seen = 0; seen < p->n_used && page < p->cfg.max_pages; page++) {
		uint32_t n;

		if (!page_in_use(p, page))
			continue;
		n = count_full(page_slots(p, page));
		if (p->page[page].n_present != n)
			cr_assert_fail("page %u says %u entries, has %u", page, p->page[page].n_present, n);
		total += n;
		seen++;
	}
	if (p->n_present != total || p->stats[POOL_STAT_present_entries] != total)
		cr_assert_fail("%llu entries, not %llu", (unsigned long long)total, (unsigned long long)p->n_present);
}

void defects_recount(const struct pool *p)
{
	uint64_t total = 0;

	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		uint32_t n = 0;

		if (!page_in_use(p, page))
			continue;
		for (uint32_t s = 0; s < page_kind(p, page)->count; s++) {
			uint64_t e = entry_get(p, page, s);

			if ((e & PTE_P) && !(e & ENTRY_OWNED) && !n++)
				cr_assert_leq(p->page[page].first_present, s);
		}
		cr_assert_eq(p->page[page].n_present, n, "page %u says %u entries, has %u", page, p->page[page].n_present, n);
		total += n;
	}
	cr_assert_eq(p->n_present, total);
	cr_assert_eq(p->stats[POOL_STAT_present_entries], total);
}

void defects_alias(struct fix *f, uint64_t pt, unsigned n, uint64_t gpa)
{
	for (unsigned i = 0; i < n; i++)
		fix_write(f, pt + 8 * i, gpa | FIX_USED, 8);
	for (unsigned i = 0; i < n; i++)
		if (!defects_mapped(f, i * PAGE_SIZE))
			cr_assert_eq(fix_map(f, i * PAGE_SIZE, 0), POOL_OK);
}

unsigned defects_leaves_of(const struct pool *p, uint64_t gfn)
{
	unsigned n = 0;

	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		if (!page_in_use(p, page) || !(page_kind(p, page)->flags & KF_LEAF))
			continue;
		for (uint32_t s = 0; s < page_kind(p, page)->count; s++) {
			uint64_t e = entry_get(p, page, s);

			n += (e & PTE_P) && (e & PTE_ADDR) == p->cfg.ram_maddr + (gfn << PAGE_SHIFT);
		}
	}
	return n;
}

enum pool_status defects_map_once(struct fix *f, uint64_t gva, uint32_t access)
{
	struct pool_map_args a = { .gva = gva, .write = access & WALK_WRITE, .user_view = access & WALK_USER };
	struct walk_result w;

	cr_assert_eq(walk_guest(&f->ram, &f->mode, gva, access | WALK_SET_AD, &w), 0);
	a.gpa = w.gpa;
	a.nwalk = w.nentries;
	memcpy(a.walk, w.entry, sizeof(a.walk));
	pool_map(f->p, 0, &a, &f->r);
	return f->r.status;
}

struct defects_starved defects_starve(struct pool *p, uint32_t n)
{
	struct defects_starved s = { .n = p->n_free - n };
	uint32_t *link = &p->free_head;

	cr_assert_geq(p->n_free, n);
	for (uint32_t i = 0; i < n; i++)
		link = &p->page[*link].hash_next;
	s.head = *link;
	*link = PAGE_NIL;
	p->n_free = n;
	return s;
}

void defects_feed(struct pool *p, struct defects_starved s)
{
	uint32_t *link = &p->free_head;

	while (*link)
		link = &p->page[*link].hash_next;
	*link = s.head;
	p->n_free += s.n;
}

static void mode_long(struct fix *f)
{
	struct fix_tables t = fix_long_tables(f);

	fix_poke(f, t.pt, TARGET | FIX_USED, 8);
	fix_poke(f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_poke(f, t.pdpt + 8, FIX_USED | PTE_PS, 8);
	fix_long_root(f, t.pml4);
	fix_expect(f, 0, WALK_WRITE, TARGET);
	fix_expect(f, 0x201000, 0, 0x401000);
	fix_expect(f, (1ull << 30) + 0x301000, 0, 0x301000);
}

static void mode_pae(struct fix *f)
{
	uint64_t pdpt = fix_table(f) + 0x40, pd = fix_table(f), pt = fix_table(f);

	fix_poke(f, pdpt, pd | PTE_P, 8);
	fix_poke(f, pd, pt | FIX_USED, 8);
	fix_poke(f, pt, TARGET | FIX_USED, 8);
	fix_poke(f, pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_set_root(f, FIX_PAGED, pdpt, CR4_PAE, EFER_NXE, false);
	fix_expect(f, 0, WALK_WRITE, TARGET);
	fix_expect(f, 0x201000, WALK_USER, 0x401000);
}

static void mode_32bit(struct fix *f)
{
	uint64_t pd = fix_table(f), pt = fix_table(f);

	fix_poke(f, pd, pt | FIX_USED, 4);
	fix_poke(f, pd + 4, 0x400000 | FIX_USED | PTE_PS, 4);
	fix_poke(f, pt, TARGET | FIX_USED, 4);
	fix_poke(f, pt + 4 * 600, TARGET | FIX_USED, 4);
	fix_set_root(f, FIX_PAGED, pd, CR4_PSE, 0, false);
	fix_expect(f, 0, WALK_WRITE, TARGET);
	fix_expect(f, 600 * PAGE_SIZE, 0, TARGET);
	fix_expect(f, 0x400000, 0, 0x400000);
	fix_expect(f, 0x600000, 0, 0x600000);
}

static void mode_unpaged(struct fix *f)
{
	fix_set_root(f, CR0_PE, 0, 0, 0, false);
	fix_expect(f, 0x600123, WALK_WRITE, 0x600123);
}

void defects_every_mode(struct fix *f, void (*after)(struct fix *f))
{
	static void (*const modes[])(struct fix *f) = { mode_long, mode_pae, mode_32bit, mode_unpaged };

	for (unsigned i = 0; i < 4; i++) {
		modes[i](f);
		after(f);
	}
}

void defects_init_high(struct fix *f)
{
	fix_init(f);
	guest_ram_layout(&f->cfg.ram, GUEST_RAM_LOW_MAX + (8ull << 20));
	f->audit = false;
}
