/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: the rules of paging, straight from the manual and apart from the hypervisor's walker. 32- and 64-bit code, the
 * guest's kernel.
 * Source: SDM vol. 3A 4.3 to 4.5 with tables 4-4 to 4-20 (formats, reserved bits), 4.6.1 (access rights), 4.7 (error code),
 * 4.8 (accessed and dirty flags).
 */
#include "tests/guests/matrix.h"

static uint64_t bits_between(unsigned high, unsigned low)	/* inclusive */
{
	return high < low ? 0 : ((2ull << (high - low)) - 1) << low;
}

static bool large_allowed(const struct matrix_mode *m, const struct matrix_config *c, unsigned level)
{
	if (level + 1 == m->levels || level < m->first_large)
		return false;
	return m->entry_size == 8 || c->pse;
}

bool matrix_is_leaf(const struct matrix_mode *m, const struct matrix_config *c, unsigned level, uint64_t entry)
{
	return level + 1 == m->levels || (entry & PTE_PS && large_allowed(m, c, level));
}

/* Table 4-4: a 4 MiB page has 8 more address bits where PSE-36 exists, and needs no more than 40. */
static uint64_t reserved_32bit(bool large)
{
	unsigned physical = cpu_maxphyaddr() < 40 ? cpu_maxphyaddr() : 40;

	if (!large)
		return 0;
	return cpu_has_pse36() ? bits_between(21, physical - 19) : bits_between(21, 13);
}

uint64_t matrix_reserved(const struct matrix_mode *m, const struct matrix_config *c, unsigned level, uint64_t entry)
{
	bool large = level + 1 < m->levels && entry & PTE_PS && large_allowed(m, c, level);
	uint64_t bits;

	if (m->entry_size == 4)
		return reserved_32bit(large);
	bits = bits_between(m->long_mode ? 51 : 62, cpu_maxphyaddr());
	if (large)
		bits |= bits_between(m->shift[level] - 1, 13);	/* bit 12 is PAT */
	else if (level < m->first_large)
		bits |= PTE_PS;
	return bits;
}

/* 4.6.1. all, any: AND and OR of the entries used. */
static bool access_denied(const struct matrix_access *a, uint64_t all, uint64_t any)
{
	const struct matrix_config *c = &a->config;
	bool user_page = all & PTE_U, writable = all & PTE_W;
	bool no_execute = c->nxe && a->mode->entry_size == 8 && any & PTE_NX;

	if (a->user) {
		if (!user_page)
			return true;
		return (a->type == ACCESS_WRITE && !writable) || (a->type == ACCESS_FETCH && no_execute);
	}
	switch (a->type) {
	case ACCESS_READ:
		return user_page && c->smap && !c->ac;
	case ACCESS_WRITE:
		return (user_page && c->smap && !c->ac) || (c->wp && !writable);
	default:
		return (user_page && c->smep) || no_execute;
	}
}

/* 4.7: bit 4 is only ever set for fetches, and only where something can forbid them. */
static uint32_t error_base(const struct matrix_access *a)
{
	bool i = a->config.smep || (a->mode->entry_size == 8 && a->config.nxe);

	return (a->user ? PF_U : 0) | (a->type == ACCESS_WRITE ? PF_W : 0) | (a->type == ACCESS_FETCH && i ? PF_I : 0);
}

void matrix_judge(const struct matrix_access *a, struct matrix_outcome *out)
{
	const struct matrix_mode *m = a->mode;
	uint64_t all = PTE_W | PTE_U, any = 0, e = 0, offset;
	unsigned level;

	*out = (struct matrix_outcome){ .faults = true, .error = error_base(a) };
	for (level = 0; ; level++) {
		e = a->entry[level];
		if (!(e & PTE_P))
			return;
		if (e & (matrix_reserved(m, &a->config, level, e) | (m->entry_size == 8 && !a->config.nxe ? PTE_NX : 0))) {
			out->error |= PF_RSVD | (cpu_is_tcg() ? 0 : PF_P);	/* TCG forgets P */
			return;
		}
		out->used = level + 1;
		all &= e;
		any |= e;
		if (matrix_is_leaf(m, &a->config, level, e))
			break;
	}
	out->leaf = level;
	if (access_denied(a, all, any)) {
		out->error |= PF_P;
		return;
	}
	offset = (1ull << m->shift[level]) - 1;
	out->faults = false;
	out->physical = (e & PTE_ADDR & ~offset) | (a->va & offset);
}
