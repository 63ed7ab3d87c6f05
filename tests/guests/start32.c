/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 32-bit beginning common to all guests: what the Multiboot loader left, and the step into long mode for guests whose
 * work is 64-bit code. Runs once, as the guest's kernel, unpaged.
 */
#include "tests/guests/lib.h"

#define MULTIBOOT_MAGIC		0x2badb002u
#define MULTIBOOT_INFO_MEMORY	(1u << 0)
#define MULTIBOOT_INFO_CMDLINE	(1u << 2)

#define RAM_USED		0x30000000u	/* at most: the identity tables, and the tour's map of it all from 3 GiB up */

/* Multiboot specification 3.3, as far as we read it. */
struct multiboot_info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;	/* KiB below 640 KiB; KiB from 1 MiB up */
	uint32_t boot_device;
	uint32_t cmdline;
};

extern char image_end[];

_Static_assert(sizeof(struct boot_info) <= 1024, "boot.S reserves 1024 bytes");

void boot_read(uint32_t magic, uint32_t info)
{
	const struct multiboot_info *m = (const struct multiboot_info *)(unsigned long)info;
	const char *s;
	size_t n;

	boot_info.frame_next = ((unsigned long)image_end + PAGE_BYTES - 1) & PAGE_MASK;
	EXPECT_EQ(magic, MULTIBOOT_MAGIC, "EAX at entry");
	boot_info.multiboot = info;
	if (!(m->flags & MULTIBOOT_INFO_MEMORY))
		panic("the loader gives no memory size");
	boot_info.ram_end = 0x100000 + ((uint64_t)m->mem_upper << 10);
	if (boot_info.ram_end > RAM_USED)
		boot_info.ram_end = RAM_USED;
	if (m->flags & MULTIBOOT_INFO_CMDLINE) {
		s = (const char *)(unsigned long)m->cmdline;
		for (n = 0; s[n] && n < sizeof(boot_info.cmdline) - 1; n++)
			boot_info.cmdline[n] = s[n];
	}
}

void long_enter_identity(uint32_t efer, void (*main64)(void))
{
	uint64_t *pml4 = frame_alloc(), *pdpt = frame_alloc(), *pd = frame_alloc();
	uint32_t i;

	pml4[0] = (unsigned long)pdpt | PTE_P | PTE_W;
	pdpt[0] = (unsigned long)pd | PTE_P | PTE_W;
	for (i = 0; (uint64_t)i << 21 < boot_info.ram_end; i++)
		pd[i] = (uint64_t)i << 21 | PTE_P | PTE_W | PTE_PS;
	long_enter((uint32_t)(unsigned long)pml4, efer, main64);
}
