/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a shadow entry lies in the arena. Everybody above works with one form, that of 8 bytes with machine addresses; this
 * file turns it into the bytes that the table's kind has, and back. Part of the pool library: any caller of it, under the
 * VM's lock; a CPU or another thread may walk the table at the same time, hence single aligned loads and stores. No state.
 *
 * 8 bytes are what the CPU walks (SDM vol. 3A 4.5). 4 bytes are walked by software only: the address is relative to the
 * window that the entry points into, RAM or pool, and the bits above 31 that a guest without NX of its own still needs
 * move into two that a 32-bit table never uses.
 */
#include "poold/pool/core/pool_priv.h"

#define F32_NX		(1u << 10)	/* OWNED elsewhere: a 4-byte root holds nothing of the monitor's */
#define F32_FETCH	(1u << 8)	/* G, which no entry has */
#define F32_MOVED	(F32_NX | F32_FETCH)
#define F32_ADDR	0xfffff000u
#define F32_BITS	(0xfffu & ~F32_MOVED)

static uint64_t window_base(const struct pool *p, const struct pool_kind *k)
{
	return k->flags & KF_LEAF ? p->cfg.ram_maddr : p->cfg.pool_maddr;
}

static uint64_t f32_decode(const struct pool *p, const struct pool_kind *k, uint32_t v)
{
	uint64_t e = v & F32_BITS;

	if (!(v & PTE_P))
		return v;
	if (v & F32_NX)
		e |= PTE_NX;
	if (v & F32_FETCH)
		e |= ENTRY_FETCH;
	return e | ((window_base(p, k) + (v & F32_ADDR)) & PTE_ADDR);
}

static uint32_t f32_encode(const struct pool *p, const struct pool_kind *k, uint64_t e)
{
	uint32_t v = (uint32_t)e & F32_BITS;

	if (!(e & PTE_P))
		return (uint32_t)e;
	if (e & PTE_NX)
		v |= F32_NX;
	if (e & ENTRY_FETCH)
		v |= F32_FETCH;
	return v | (uint32_t)((e & PTE_ADDR) - window_base(p, k));
}

static uint32_t *f32_slots(const struct pool *p, uint32_t page)
{
	return (uint32_t *)(void *)(p->arena + (uint64_t)page * PAGE_SIZE);
}

uint64_t format_get_f32(const struct pool *p, uint32_t page, uint32_t slot)
{
	return f32_decode(p, page_kind(p, page), load_relaxed(f32_slots(p, page) + slot));
}

void format_put(struct pool *p, uint32_t page, uint32_t slot, uint64_t entry)
{
	const struct pool_kind *k = page_kind(p, page);

	if (k->entry_size == 4)
		store_release(f32_slots(p, page) + slot, f32_encode(p, k, entry));
	else
		store_release(page_slots(p, page) + slot, entry);
}

bool format_fits(const struct pool *p, uint32_t page, uint64_t entry)
{
	const struct pool_kind *k = page_kind(p, page);

	return k->entry_size != 4 || f32_decode(p, k, f32_encode(p, k, entry)) == entry;
}

uint64_t format_reach(const struct pool_kind *k)
{
	return k->entry_size == 4 ? 1ull << 32 : ~0ull;
}
