/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks that the tour repeats in every paging mode: see tour.h. 32- and 64-bit code; the guest's kernel. */
#include "tests/guests/tour.h"

#define PATTERN	0x5ad0u

static void entry_set(const struct tour_table *t, unsigned i, uint64_t value)
{
	if (t->entry_size == 4)
		((volatile uint32_t *)t->entries)[i] = (uint32_t)value;
	else
		((volatile uint64_t *)t->entries)[i] = value;
	page_invalidate((void *)(t->va + i * PAGE_BYTES));
}

static uint64_t entry_get(const struct tour_table *t, unsigned i)
{
	if (t->entry_size == 4)
		return ((volatile uint32_t *)t->entries)[i];
	return ((volatile uint64_t *)t->entries)[i];
}

void tour_alias(const char *what, unsigned long a, unsigned long b)
{
	volatile unsigned long *x = (volatile unsigned long *)a, *y = (volatile unsigned long *)b;

	*x = PATTERN ^ a;
	EXPECT_EQ(*y, PATTERN ^ a, "value read through the alias");
	*y = PATTERN ^ ~b;
	EXPECT_EQ(*x, PATTERN ^ ~b, "value written through the alias");
	print("   %s: 0x%lx and 0x%lx are the same memory\n", what, a, b);
}

static void fault_expect(unsigned long error, unsigned long at, const char *what)
{
	EXPECT_EQ(fault.vector, VEC_PF, "vector");
	EXPECT_EQ(fault.error, error, "#PF error code");
	EXPECT_EQ(fault.cr2, at, "CR2");
	print("   %s: #PF at 0x%lx, error code 0x%lx\n", what, at, error);
}

static void accessed_dirty_check(const struct tour_table *t, uint64_t frame)
{
	volatile unsigned long *page0 = (volatile unsigned long *)t->va;
	volatile unsigned long *page1 = (volatile unsigned long *)(t->va + PAGE_BYTES);

	entry_set(t, 0, frame | PTE_P | PTE_W);
	entry_set(t, 1, frame | PTE_P | PTE_W);
	*page0 = PATTERN;
	EXPECT_EQ(*page1, PATTERN, "value read through the second page");
	EXPECT_EQ(entry_get(t, 0), frame | PTE_P | PTE_W | PTE_A | PTE_D, "entry of a page that was written");
	EXPECT_EQ(entry_get(t, 1), frame | PTE_P | PTE_W | PTE_A, "entry of a page that was read");
	print("   accessed and dirty: set for the written page 0x%lx, accessed only for the read one 0x%lx\n",
	      (unsigned long)page0, (unsigned long)page1);
}

static void remap_check(const struct tour_table *t, uint64_t frame)
{
	volatile unsigned long *page0 = (volatile unsigned long *)t->va;
	unsigned long *other = frame_alloc();

	other[0] = PATTERN + 1;
	*page0 = PATTERN;
	entry_set(t, 0, (unsigned long)other | PTE_P | PTE_W);
	EXPECT_EQ(*page0, PATTERN + 1, "value after the page was pointed at another frame");
	entry_set(t, 0, frame | PTE_P | PTE_W);
	EXPECT_EQ(*page0, PATTERN, "value after the page was pointed back");
	print("   remapping: 0x%lx showed two frames in turn\n", (unsigned long)page0);
}

static void faults_check(const struct tour_table *t, uint64_t frame)
{
	unsigned long page2 = t->va + 2 * PAGE_BYTES, at = page2 + 0xab8, value;

	EXPECT_EQ(probe_write((void *)at, 1, 0), -1, "write to an absent page");
	fault_expect(PF_W, at, "write to an absent page");
	entry_set(t, 2, frame | PTE_P);
	EXPECT_EQ(probe_read((void *)at, &value, 0), 0, "read of a read-only page");
	EXPECT_EQ(probe_write((void *)at, 1, 0), -1, "write to a read-only page");
	fault_expect(PF_P | PF_W, at, "write to a read-only page");
	entry_set(t, 2, frame | PTE_P | PTE_W);
	EXPECT_EQ(probe_write((void *)at, PATTERN, 0), 0, "write after the page was made writable");
	EXPECT_EQ(*(volatile unsigned long *)(t->va + 0xab8), PATTERN, "value written then");
	if (!t->nx)
		return;
	*(volatile uint8_t *)page2 = 0xc3;	/* RET */
	EXPECT_EQ(probe_fetch((void *)page2, 0), 0, "call into the page");
	entry_set(t, 2, frame | PTE_P | PTE_W | PTE_NX);
	EXPECT_EQ(probe_fetch((void *)page2, 0), -1, "call into a no-execute page");
	fault_expect(PF_P | PF_I, page2, "call into a no-execute page");
}

void tour_small_pages(const struct tour_table *t)
{
	uint64_t frame = (unsigned long)frame_alloc();

	accessed_dirty_check(t, frame);
	tour_alias("4 KiB pages", t->va + 0x120, t->va + PAGE_BYTES + 0x120);
	tour_alias("4 KiB page and identity map", t->va + 0x230, (unsigned long)frame + 0x230);
	remap_check(t, frame);
	faults_check(t, frame);
}
