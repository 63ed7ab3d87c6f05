/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest RAM as the pool sees it: which gfns exist, one way to read them, and the page_state of each. Part of the pool
 * library: any caller of it, under the VM's lock. Guest RAM is hostile: every word is loaded once and then checked.
 */
#include "poold/pool/core/pool_priv.h"

uint32_t ram_index(const struct pool *p, uint64_t gfn)
{
	if (gfn < p->low_gfn)
		return (uint32_t)gfn;
	gfn -= gfn_of(GUEST_RAM_HIGH_BASE);	/* below 4 GiB: wraps to a huge number */
	return gfn < p->high_gfn ? p->low_gfn + (uint32_t)gfn : RAM_NIL;
}

uint64_t ram_gfn(const struct pool *p, uint32_t index)
{
	return index < p->low_gfn ? index : gfn_of(GUEST_RAM_HIGH_BASE) + (index - p->low_gfn);
}

uint64_t ram_read(const struct pool *p, uint64_t gpa, unsigned size)
{
	const uint8_t *at;

	if (!ram_has(p, gpa))
		return ~0ull;
	if (p->cb.read)
		return p->cb.read(p->cb.ctx, gpa, size);
	at = p->cfg.ram.base + gpa;
	if (size == 4)
		return load_relaxed((const uint32_t *)(const void *)at);
	return load_relaxed((const uint64_t *)(const void *)at);
}

uint8_t ram_state(const struct pool *p, uint64_t gfn)
{
	uint32_t i = ram_index(p, gfn);

	return i == RAM_NIL ? 0 : p->state[i];
}

void ram_set_state(struct pool *p, uint64_t gfn, uint8_t bits)
{
	uint32_t i = ram_index(p, gfn);

	if (i == RAM_NIL || p->state[i] == bits)
		return;
	large_state_changed(p, gfn, p->state[i], bits);
	p->state[i] = bits;
	if (p->cb.state_changed)
		p->cb.state_changed(p->cb.ctx, gfn, bits);
}

bool ram_is_open(const struct pool *p, uint64_t gfn)
{
	for (uint32_t i = 0; i < p->n_open; i++)
		if (p->open[i] == gfn)
			return true;
	return false;
}

bool ram_is_guarded(const struct pool *p, uint64_t gfn)
{
	return page_state_guards(ram_state(p, gfn)) && !ram_is_open(p, gfn);
}
