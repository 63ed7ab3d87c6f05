/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * halves.elf: 32-bit code under PAE paging writes every entry of page tables by two stores of 4 bytes, as kernels do: the upper
 * half first and the lower one in the table of an even number, the other way round in that of an odd one. tables=N (1) of them, each
 * used before and after. Neighbours are not written one after the other, which would look like a table made anew. every=N: INVLPG of each N-th page that was written (0: none). whole=1: by one store of 8 bytes.
 */
#include "tests/guests/lib.h"

#define RIGHTS		((uint64_t)(PTE_P | PTE_W))
#define WINDOW		0x40000000ul	/* entry 0 of the second directory */
#define ENTRIES		512u
#define STRIDE		37u		/* odd, so that every entry is met */

static uint64_t *pdpt, *pd;

static void identity_build(void)
{
	uint64_t *low = frame_alloc();
	unsigned long at;

	pdpt = frame_alloc();
	pd = frame_alloc();
	for (at = 0; at < boot_info.ram_end; at += 0x200000)
		low[at >> 21] = at | RIGHTS | PTE_PS;
	pdpt[0] = (unsigned long)low | PTE_P;
	pdpt[1] = (unsigned long)pd | PTE_P;
}

static volatile uint32_t *window_page(unsigned i)
{
	return (volatile uint32_t *)(WINDOW + i * PAGE_BYTES);
}

static void entry_write(uint64_t *entry, uint64_t value, bool upper_first, bool whole)
{
	volatile uint32_t *half = (volatile uint32_t *)entry;

	if (whole) {
		__asm__ volatile("1: cmpxchg8b %0; jnz 1b" : "+m"(*entry), "+A"((uint64_t){ 0 }) : "b"((uint32_t)value),
				 "c"((uint32_t)(value >> 32)) : "cc", "memory");
		return;
	}
	half[upper_first] = (uint32_t)(value >> (upper_first ? 32 : 0));
	half[!upper_first] = (uint32_t)(value >> (upper_first ? 0 : 32));
}

int guest_main(void)
{
	unsigned tables = (unsigned)cmdline_number("tables", 1), every = (unsigned)cmdline_number("every", 0), n, i;
	bool whole = cmdline_number("whole", 0);
	uint32_t *frame[2];

	identity_build();
	for (i = 0; i < 2; i++) {
		frame[i] = frame_alloc();
		*frame[i] = 0xf00d0000 + i;
	}
	paging_on((unsigned long)pdpt, cr4_read() | CR4_PAE);
	for (n = 0; n < tables; n++) {
		uint64_t *table = frame_alloc();

		for (i = 0; i < ENTRIES; i++)
			table[i] = (unsigned long)frame[0] | RIGHTS;
		pd[0] = (unsigned long)table | RIGHTS;
		for (i = 0; i < ENTRIES; i++) {
			page_invalidate(window_page(i));
			EXPECT_EQ(*window_page(i), 0xf00d0000, "the window before");
		}
		for (i = 0; i < ENTRIES; i++) {
			unsigned at = (i * STRIDE + 1) % ENTRIES;

			entry_write(&table[at], (unsigned long)frame[1] | RIGHTS, !(n & 1), whole);
			if (every && i % every == every - 1)
				page_invalidate(window_page(at));
		}
		for (i = 0; i < ENTRIES; i++) {
			page_invalidate(window_page(i));
			EXPECT_EQ(*window_page(i), 0xf00d0001, "the window after");
		}
	}
	print("halves: ok, %u entries\n", tables * ENTRIES);
	return 0;
}
