/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tour.elf, first half: unpaged, 32-bit paging and PAE paging, then on to long mode (tour64.c). The demo that users see
 * first. 32-bit code, the guest's kernel.
 * Source: SDM vol. 3A 4.3 (32-bit paging), 4.4 (PAE), 9.8.5 (changing modes).
 */
#include "tests/guests/tour.h"

#define LARGE_ALIAS	0xc0000000u	/* the RAM once more, by large pages */
#define SMALL_PAGES	0x80000000u	/* a few 4 KiB pages */

static void unpaged(void)
{
	unsigned long at, top = (unsigned long)boot_info.ram_end - PAGE_BYTES, low = (unsigned long)boot_info.frame_next;
	unsigned long step = (top - low) / 16 & ~3ul, n = 0;

	print("\n1. No paging: every address is a physical one\n");
	for (at = low; at < top; at += step, n++)
		*(volatile unsigned long *)at = ~at;
	for (at = low; at < top; at += step)
		EXPECT_EQ(*(volatile unsigned long *)at, ~at, "word in RAM");
	print("   wrote %lu words between 0x%lx and 0x%lx, read them all back\n", n, low, top);
}

/* 32-bit code that computes with the x87 FPU: hosts that emulate such code leave it to trapd (doc/hosts.md). */
static void x87_check(void)
{
	int64_t in = 1000000000000, out = 0;
	float factor = 2.5f;
	uint8_t below;

	__asm__ volatile("fninit; fildll %1; fmuls %2; fistpll %0" : "=m"(out) : "m"(in), "m"(factor));
	EXPECT_EQ((unsigned long)(out == 2500000000000), 1ul, "an integer times 2.5");
	__asm__ volatile("fld1; fldz; fcomip %%st(1), %%st; setb %0; fstp %%st(0)" : "=q"(below) : : "cc");
	EXPECT_EQ(below, 1ul, "0 compared with 1");
}

static void legacy(void)
{
	uint32_t *directory = frame_alloc(), *table = frame_alloc();
	uint32_t at, end = (uint32_t)boot_info.ram_end;
	const struct tour_table small = { table, 4, SMALL_PAGES, false };

	for (at = 0; at < end; at += 0x400000) {
		directory[at >> 22] = at | PTE_P | PTE_W | PTE_PS;
		directory[(LARGE_ALIAS + at) >> 22] = at | PTE_P | PTE_W | PTE_PS;
	}
	directory[SMALL_PAGES >> 22] = (uint32_t)table | PTE_P | PTE_W;
	print("\n2. 32-bit paging: 4 MiB and 4 KiB pages, page directory at 0x%lx\n", (unsigned long)directory);
	paging_on((unsigned long)directory, CR4_PSE);
	tour_alias("4 MiB pages", end / 2, LARGE_ALIAS + end / 2);
	x87_check();
	tour_small_pages(&small);
	paging_off();
}

static void pae(void)
{
	uint64_t *pointers = frame_alloc(), *directory[4] = { frame_alloc(), NULL, frame_alloc(), frame_alloc() };
	uint64_t *table = frame_alloc();
	uint32_t at, end = (uint32_t)boot_info.ram_end;
	const struct tour_table small = { table, 8, SMALL_PAGES, cpu_has_nx() };
	unsigned i;

	for (i = 0; i < 4; i++)
		if (directory[i])
			pointers[i] = (uint32_t)directory[i] | PTE_P;
	for (at = 0; at < end; at += 0x200000) {
		directory[0][at >> 21] = at | PTE_P | PTE_W | PTE_PS;
		directory[3][at >> 21] = at | PTE_P | PTE_W | PTE_PS;
	}
	directory[2][0] = (uint32_t)table | PTE_P | PTE_W;
	print("\n3. PAE paging: 2 MiB and 4 KiB pages, %s, directory pointers at 0x%lx\n",
	      small.nx ? "no-execute on" : "no NX on this CPU", (unsigned long)pointers);
	if (small.nx)
		msr_write(MSR_EFER, EFER_NXE);
	paging_on((unsigned long)pointers, CR4_PSE | CR4_PAE);
	tour_alias("2 MiB pages", end / 2, LARGE_ALIAS + end / 2);
	tour_small_pages(&small);
	paging_off();
}

int guest_main(void)
{
	print("tour: using %u MiB of RAM, command line \"%s\"\n", (unsigned)((boot_info.ram_end + 0xfffff) >> 20),
	      boot_info.cmdline);
	traps_init();
	unpaged();
	legacy();
	pae();
	long_enter_identity(cpu_has_nx() ? EFER_NXE : 0, guest_main64);
}
