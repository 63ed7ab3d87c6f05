/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tour.elf, second half: long mode with 4 KiB, 2 MiB and, where the CPU has them, 1 GiB pages, in both halves of the address
 * space. 64-bit code, the guest's kernel.
 * Source: SDM vol. 3A 4.5.
 */
#include "tests/guests/tour.h"

#define SLOT(n)		((unsigned long)(n) << 39)
#define HIGH_SLOT	510			/* 0xffffff00'00000000 */
#define HIGH_PAGES	(SLOT(HIGH_SLOT) | 0xffff000000000000ul)

static uint64_t *table_below(uint64_t *table, unsigned i)
{
	uint64_t *below = frame_alloc();

	table[i] = (uint64_t)below | PTE_P | PTE_W;
	return below;
}

static void large_pages(uint64_t *pml4)
{
	uint64_t *pdpt = table_below(pml4, 1), *pd = table_below(pdpt, 0);
	unsigned long at, half = boot_info.ram_end / 2, end = boot_info.ram_end;

	for (at = 0; at < end; at += 0x200000)
		pd[at >> 21] = at | PTE_P | PTE_W | PTE_PS;
	tour_alias("2 MiB pages", half, SLOT(1) + half);
	if (!cpu_has_1g()) {
		print("   1 GiB pages: skipped, this CPU has none\n");
		return;
	}
	pdpt = table_below(pml4, 2);
	pdpt[0] = PTE_P | PTE_W | PTE_PS;
	tour_alias("1 GiB page", half + 0x458, SLOT(2) + half + 0x458);
	EXPECT_EQ(pdpt[0], PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D, "entry of the 1 GiB page");
}

/* The root's own slot: the four levels are walked through one table, which then shows itself as a page. */
static void recursive(uint64_t *pml4)
{
	unsigned long n = 509, self = 0xffff000000000000ul | n << 39 | n << 30 | n << 21 | n << 12;

	pml4[n] = (uint64_t)pml4 | PTE_P | PTE_W;
	tour_alias("root seen through itself", self + 8 * 300, (unsigned long)&pml4[300]);
	pml4[300] = 0;
	EXPECT_EQ(*(volatile uint64_t *)(self + 8 * n) & PTE_ADDR, (uint64_t)pml4, "the root's entry for itself");
}

void guest_main64(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *table;
	struct tour_table small = { NULL, 8, HIGH_PAGES, cpu_has_nx() };

	print("\n4. Long mode: 64-bit code, four levels, %s, root at 0x%lx\n",
	      small.nx ? "no-execute on" : "no NX on this CPU", (unsigned long)pml4);
	traps_init();
	large_pages(pml4);
	table = table_below(table_below(table_below(pml4, HIGH_SLOT), 0), 0);
	small.entries = table;
	tour_small_pages(&small);
	recursive(pml4);
	print("\ntour: ok, every value and every fault was as expected\n");
	guest_exit(0);
}
