/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slots.elf: maps one page in each of the 512 slots of the address space, the one that the hypervisor has reserved for itself
 * among them, and writes and reads through all of them, twice and in two orders. 64-bit code, the guest's kernel.
 * skip=N leaves one slot out: a host may be unable to hold one (doc/hosts.md).
 */
#include "tests/guests/lib.h"

#define UPPER	(PTE_P | PTE_W)

static uint64_t *word_of(unsigned slot)
{
	uint64_t va = (uint64_t)slot << 39;

	return (uint64_t *)((slot > 255 ? va | 0xffff000000000000ull : va) + 0x123000);
}

/* The boot code's identity map is in slot 0; every other slot gets a path of its own to one page. */
static void slot_build(uint64_t *root, unsigned slot)
{
	uint64_t *pdpt = frame_alloc(), *pd = frame_alloc(), *pt = frame_alloc();

	pt[0x123] = (uint64_t)frame_alloc() | UPPER;
	pd[0] = (uint64_t)pt | UPPER;
	pdpt[0] = (uint64_t)pd | UPPER;
	root[slot] = (uint64_t)pdpt | UPPER;
}

void guest_main64(void)
{
	unsigned skip = (unsigned)cmdline_number("skip", 0), slot;
	uint64_t *root = (uint64_t *)(cr3_read() & PTE_ADDR);

	for (slot = 1; slot < 512; slot++)
		if (slot != skip)
			slot_build(root, slot);
	for (slot = 1; slot < 512; slot++)
		if (slot != skip)
			*word_of(slot) = slot * 0x9e3779b97f4a7c15ull;
	for (slot = 511; slot > 0; slot--)
		if (slot != skip)
			EXPECT_EQ(*word_of(slot), slot * 0x9e3779b97f4a7c15ull, "word read back in a slot");
	print("slots: ok, 511 slots of the address space hold what was written\n");
	guest_exit(0);
}
