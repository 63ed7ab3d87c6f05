/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paging of 32-bit guests: on, off, and 32-bit identity tables with user pages. 32-bit code, the guest's kernel. */
#include "tests/guests/lib.h"

extern char user_text_start[], user_text_end[], user_data_start[], user_data_end[];

void paging_on(unsigned long cr3, unsigned long cr4)
{
	cr4_write(cr4);
	cr3_write(cr3);
	cr0_write(cr0_read() | CR0_PG | CR0_WP);
}

void paging_off(void)
{
	cr4_write(cr4_read() & ~(CR4_SMEP | CR4_SMAP));
	cr0_write(cr0_read() & ~CR0_PG);
}

uint32_t page_rights(uint32_t at)
{
	bool user = (at >= (uint32_t)user_text_start && at < (uint32_t)user_text_end) ||
		    (at >= (uint32_t)user_data_start && at < (uint32_t)user_data_end);

	return PTE_P | PTE_W | (user ? PTE_U : 0);
}

uint32_t *identity_legacy_build(void)
{
	uint32_t *directory = frame_alloc(), *low = frame_alloc(), at;

	for (at = 0; at < 0x400000; at += PAGE_BYTES)
		low[at >> 12] = at | page_rights(at);
	directory[0] = (uint32_t)low | PTE_P | PTE_W | PTE_U;
	for (at = 0x400000; at < boot_info.ram_end; at += 0x400000)
		directory[at >> 22] = at | PTE_P | PTE_W | PTE_PS;
	return directory;
}
