/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a shadow entry contains: a pure function of the table's key and of one guest entry, read once. Everybody who
 * builds, compares or audits entries asks here. Part of the pool library: any caller of it, under the VM's lock. Reads
 * guest RAM through ram_read(), changes nothing.
 */
#include "poold/pool/core/pool_priv.h"

/* In every entry: the guest runs at CPL 3, and a CPU that finds A (and D) set never writes to the pool. */
#define ENTRY_BASE (PTE_P | PTE_U | PTE_A)

/* The supervisor may not touch what user mode may access: SDM vol. 3A 4.6.1. Knowable only where U is complete. */
static bool smap_refuses(uint32_t role, bool user)
{
	return (role & ROLE_SMAP) && user && (role & ROLE_ACC_U);
}

/* Nor execute it. */
static uint64_t view_nx(uint32_t role, bool user)
{
	return (role & ROLE_SMEP) && !(role & ROLE_USER) && user && (role & ROLE_ACC_U) ? PTE_NX : 0;
}

static void derive_table(struct derived *d, uint32_t role, uint64_t target, unsigned kind, unsigned quad, bool user)
{
	d->what = DERIVE_TABLE;
	d->target = target;
	d->role = role_child(role, kind, quad, user);
	d->split = pool_kinds[kind].flags & KF_SPLIT;
}

/* SMAP is no rule for fetches: without SMEP the supervisor may run what it may not read. */
static void derive_leaf(struct derived *d, uint32_t role, uint64_t target, uint64_t bits, bool user)
{
	d->target = target;
	if (!smap_refuses(role, user)) {
		d->what = DERIVE_LEAF;
		d->bits = bits | view_nx(role, user);
	} else if (!(role & ROLE_SMEP) && !(bits & PTE_NX)) {
		d->fetch_only = true;
		d->bits = (bits & ~(PTE_W | ENTRY_DEFERRED)) | ENTRY_FETCH;
	}
}

/* An entry that leads to the inside of a large page, or to memory as it is: 2 MiB of it might be mapped at once. */
static void derive_large(struct derived *d, const struct pool_kind *k, uint32_t role, uint64_t target, bool user)
{
	if (!(k->flags & KF_LARGE) || smap_refuses(role, user))
		return;
	d->large = true;
	d->large_target = target;
	d->large_bits = d->bits | PTE_PS | view_nx(role, user);
	if (role & ROLE_CODE)	/* no page of it has a state, so nobody has looked at it */
		d->large_bits |= PTE_NX;
}

static void derive_none(const struct pool *p, const struct pool_page *pg, const struct pool_kind *k, uint32_t slot,
			struct derived *d)
{
}

/* Paging off, and the inside of a large page. */
static void derive_linear(const struct pool *p, const struct pool_page *pg, const struct pool_kind *k, uint32_t slot,
			  struct derived *d)
{
	uint64_t index = (uint64_t)role_quad(pg->role) * k->count + slot;
	uint64_t target = pg->gpa + (index << k->span_shift);

	if (!ram_has(p, target))
		return;
	d->bits = ENTRY_BASE | PTE_W;
	if (k->flags & KF_LEAF) {
		derive_leaf(d, pg->role, target, d->bits, true);
	} else {
		derive_table(d, pg->role, target, k->child_table, 0, true);
		derive_large(d, k, pg->role, target, true);
	}
}

/* The PDPTE registers: no R/W, U/S, A or NX bit (SDM vol. 3A table 4-8), so all rights are given. */
static void derive_registers(const struct pool *p, const struct pool_page *pg, const struct pool_kind *k, uint32_t slot,
			     struct derived *d)
{
	uint64_t v = pg->pdpte[slot & 3];

	d->has_guest = true;
	d->guest = v;
	if (!(v & PTE_P))
		return;
	if (!ram_has(p, v & PTE_ADDR)) {
		d->bad = true;
		return;
	}
	d->bits = ENTRY_BASE | PTE_W;
	derive_table(d, pg->role, v & PTE_ADDR, k->child_table, 0, true);
}

/* Links that follow from the key: the four quarters of a 32-bit directory, and slot 0 above any legacy guest. */
static void derive_fixed(const struct pool *p, const struct pool_page *pg, const struct pool_kind *k, uint32_t slot,
			 struct derived *d)
{
	d->bits = ENTRY_BASE | PTE_W;
	if (pg->role & ROLE_PAE) {
		if (!slot)
			derive_table(d, pg->role, pg->gpa, KIND_PAE_PDPT_FOR_PAE_PDPT, 0, true);
	} else if (pool_kinds[k->child_table].quadrants > 1 || !slot) {
		derive_table(d, pg->role, pg->gpa & PAGE_MASK, k->child_table,
			     pool_kinds[k->child_table].quadrants > 1 ? slot : 0, true);
	}
}

static bool entry_is_large(const struct pool_kind *k, uint32_t role, uint64_t g)
{
	if (!k->child_large || !(g & PTE_PS))
		return false;
	return k->guest_size != 4 || (role & ROLE_PSE);
}

/* W of the shadow as far as the guest's entry goes. D counts where the entry maps a page, whole or split. */
static uint64_t guest_w(uint32_t role, uint64_t g, bool maps_page)
{
	if (!(g & PTE_W) && ((role & ROLE_USER) || (role & ROLE_WP)))
		return 0;
	return maps_page && !(g & PTE_D) ? ENTRY_TRACK_DIRTY : PTE_W;
}

static void derive_guest(const struct pool *p, const struct pool_page *pg, const struct pool_kind *k, uint32_t slot,
			 struct derived *d)
{
	uint32_t role = pg->role, index = role_quad(role) * k->guest_count + slot / k->spread;
	unsigned quad = slot % k->spread;
	enum walk_paging paging = role_paging(role);
	bool leaf = k->flags & KF_LEAF, large, user;
	uint64_t g = ram_read(p, pg->gpa + (uint64_t)index * k->guest_size, k->guest_size), target;

	d->has_guest = true;
	d->guest = g;
	if (!(g & PTE_P))
		return;
	large = entry_is_large(k, role, g);
	target = large ? walk_large_base(paging, k->level, g) : g & PTE_ADDR;
	if ((g & p->reserved[paging][!!(role & ROLE_NXE)][!!(role & ROLE_PSE)][k->level][large]) || !ram_has(p, target)) {
		d->bad = true;
		return;
	}
	user = g & PTE_U;
	if (target >= format_reach(k))	/* PSE-36, SDM vol. 3A 4.3 */
		return;
	if (!(g & PTE_A) || ((role & ROLE_USER) && !user))
		return;
	d->bits = ENTRY_BASE | guest_w(role, g, leaf || large) | (k->guest_size == 8 ? g & PTE_NX : 0);
	if (leaf) {
		derive_leaf(d, role, target, d->bits, user);
	} else {
		derive_table(d, role, target, large ? k->child_large : k->child_table, quad, user);
		if (large)
			derive_large(d, k, role, target + quad * LARGE_SIZE, user);
	}
}

void derive_slot(const struct pool *p, uint32_t page, uint32_t slot, struct derived *d)
{
	static void (*const by_source[])(const struct pool *, const struct pool_page *, const struct pool_kind *, uint32_t,
					 struct derived *) = {
		[SOURCE_NONE] = derive_none,
		[SOURCE_GUEST] = derive_guest,
		[SOURCE_LINEAR] = derive_linear,
		[SOURCE_REGISTERS] = derive_registers,
		[SOURCE_FIXED] = derive_fixed,
	};
	const struct pool_kind *k = page_kind(p, page);

	*d = (struct derived){ .what = DERIVE_ABSENT, .code = p->page[page].role & ROLE_CODE, .narrow = k->entry_size == 4 };
	if ((k->flags & KF_OWNED) && slot == p->cfg.stub_slot) {
		d->what = DERIVE_OWNED;
		return;
	}
	by_source[k->source](p, &p->page[page], k, slot, d);
	if (d->what == DERIVE_ABSENT && !d->fetch_only)
		d->bits = 0;
}

uint64_t derive_leaf_entry(const struct pool *p, const struct derived *d)
{
	uint64_t e;

	if (d->what != DERIVE_LEAF)
		return 0;
	e = (p->cfg.ram_maddr + d->target) | d->bits;
	if (d->code)
		e = code_leaf(p, d, e);
	if (!(e & PTE_W))
		return e;
	if (ram_is_guarded(p, gfn_of(d->target)))
		return (e & ~PTE_W) | ENTRY_GUARDED;
	return e | PTE_D;
}

uint64_t derive_large_entry(const struct pool *p, const struct derived *d)
{
	uint64_t e = (p->cfg.ram_maddr + d->large_target) | d->large_bits;

	if (d->what != DERIVE_TABLE || !d->large || !large_allowed(p, d->large_target))
		return 0;
	return e & PTE_W ? e | PTE_D : e;
}

struct pool_key derive_key(const struct pool *p, uint32_t page, const struct derived *d)
{
	return (struct pool_key){ .gpa = d->target, .role = d->role, .pdpte = p->page[page].pdpte };
}

uint64_t derive_entry(const struct pool *p, uint32_t page, uint32_t slot)
{
	uint64_t have = entry_get(p, page, slot);
	struct pool_key key;
	struct derived d;
	uint32_t child;

	derive_slot(p, page, slot, &d);
	if (d.what == DERIVE_LEAF)
		return derive_leaf_entry(p, &d);
	if (d.what != DERIVE_TABLE)
		return 0;
	if (entry_maps_large(page_kind(p, page), have))
		return derive_large_entry(p, &d);
	child = entry_child(p, have);
	key = derive_key(p, page, &d);
	return child && cache_key_matches(p, child, &key) ? page_maddr(p, child) | d.bits : 0;
}

bool derive_range(const struct pool *p, uint32_t page, uint64_t gpa, uint32_t len, uint32_t *first, uint32_t *end)
{
	const struct pool_kind *k = page_kind(p, page);
	uint32_t base = role_quad(p->page[page].role) * k->guest_count, off = gpa & (PAGE_SIZE - 1), lo, hi;

	if (!k->guest_size || !len)
		return false;
	lo = off / k->guest_size;
	hi = (off + len - 1) / k->guest_size + 1;
	if (lo < base)
		lo = base;
	if (hi > base + k->guest_count)
		hi = base + k->guest_count;
	if (lo >= hi)
		return false;
	*first = (lo - base) * k->spread;
	*end = (hi - base) * k->spread;
	return true;
}
