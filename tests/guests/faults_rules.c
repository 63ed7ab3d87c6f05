/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * faults.elf: the architecture's rules, written down once more and apart from the hypervisor's walker, which they judge.
 * 32- and 64-bit code, the guest's kernel.
 * Source: see faults.h.
 */
#include "tests/guests/faults.h"

#define BITS(high, low)	(((2ull << (high)) - 1) & ~((1ull << (low)) - 1))

static bool entry_is_large(const struct fault_mode *mode, unsigned level, uint64_t entry)
{
	return level >= mode->first_large && level < mode->levels - 1 && entry & PTE_PS;
}

static uint64_t reserved_bits(const struct fault_mode *mode, unsigned level, bool large, bool nxe)
{
	unsigned physical = cpu_maxphyaddr(), top = mode->long_mode ? 51 : 62;
	uint64_t bits = nxe ? 0 : PTE_NX;

	if (mode->entry_size == 4)
		return large ? 1u << 21 : 0;	/* with and without PSE-36; MAXPHYADDR <= 40 there */
	if (physical <= top)
		bits |= BITS(top, physical);
	if (large)
		bits |= BITS(mode->shift[level] - 1, 13);
	if (mode->long_mode && level < mode->first_large)
		bits |= PTE_PS;
	return bits;
}

uint64_t reserved_bit(const struct fault_mode *mode, unsigned level, bool leaf, uint64_t *random)
{
	uint64_t bits = reserved_bits(mode, level, leaf && level < mode->levels - 1, true);
	unsigned n, skip, count = 0;

	for (n = 0; n < 64; n++)
		count += bits >> n & 1;
	if (!count)
		return 0;
	skip = (unsigned)(random_next(random) >> 40) % count;
	for (n = 0; ; n++)
		if (bits >> n & 1 && !skip--)
			return 1ull << n;
}

static bool rights_missing(const struct fault_case *c, uint64_t all, uint64_t any)
{
	const struct fault_config *f = &c->config;

	if (c->type == ACCESS_FETCH && any & PTE_NX && f->nxe)
		return true;
	if (c->user)
		return !(all & PTE_U) || (c->type == ACCESS_WRITE && !(all & PTE_W));
	if (c->type == ACCESS_FETCH)
		return all & PTE_U && f->smep;
	if (all & PTE_U && f->smap && !f->ac)
		return true;
	return c->type == ACCESS_WRITE && f->wp && !(all & PTE_W);
}

bool fault_expected(const struct fault_case *c, unsigned long *error)
{
	uint64_t all = ~0ull, any = 0;
	bool has_nx = c->mode->entry_size == 8 && c->config.nxe;
	unsigned level;

	*error = (c->type == ACCESS_WRITE ? PF_W : 0) | (c->user ? PF_U : 0) |
		 (c->type == ACCESS_FETCH && (has_nx || c->config.smep) ? PF_I : 0);
	for (level = 0; level <= c->leaf; level++) {
		uint64_t e = c->entry[level];

		if (!(e & PTE_P))
			return true;
		if (e & reserved_bits(c->mode, level, entry_is_large(c->mode, level, e), c->config.nxe)) {
			*error |= PF_P | PF_RSVD;
			return true;
		}
		all &= e;
		any |= e;
	}
	*error |= PF_P;
	return rights_missing(c, all, any);
}
