/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes to the identity tables that start32.c built, for 64-bit guests with a user mode. The guest's kernel. */
#include "tests/guests/lib.h"

#define LARGE_BYTES	0x200000ul

/* The table that maps the large page at, made from the large page if need be. */
static uint64_t *table_at(uint64_t *pd, unsigned long at)
{
	uint64_t *e = &pd[at / LARGE_BYTES], *table;
	unsigned i;

	if (*e & PTE_PS) {
		table = frame_alloc();
		for (i = 0; i < 512; i++)
			table[i] = (at & ~(LARGE_BYTES - 1)) + i * PAGE_BYTES + (PTE_P | PTE_W);
		*e = (uint64_t)table | PTE_P | PTE_W | PTE_U;
	}
	return (uint64_t *)(*e & PTE_ADDR);
}

void identity_open_user(const void *start, const void *end)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR);
	uint64_t *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *pd = (uint64_t *)(pdpt[0] & PTE_ADDR);
	unsigned long at;

	pml4[0] |= PTE_U;
	pdpt[0] |= PTE_U;
	for (at = (unsigned long)start; at < (unsigned long)end; at += PAGE_BYTES)
		table_at(pd, at)[at / PAGE_BYTES % 512] |= PTE_U;
	cr3_write(cr3_read());
}
