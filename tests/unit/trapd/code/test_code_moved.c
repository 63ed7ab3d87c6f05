/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HLT in code that the guest has copied: found by what stands around it, and only so. trapd/code/code_moved.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "trapd/code/code_moved.h"

#define MIDDLE	CODE_MOVED_REACH
#define LAST	(2 * CODE_MOVED_REACH)

static uint8_t page[PAGE_SIZE];
static struct code_moved *m;

static void setup(void)
{
	unsigned seed = 1;

	for (unsigned i = 0; i < PAGE_SIZE; i++)
		page[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
	m = code_moved_create();
	cr_assert_not_null(m);
}

static void teardown(void) { code_moved_destroy(m); }

TestSuite(code_moved, .init = setup, .fini = teardown);

static void note(unsigned site, uint8_t opcode)
{
	page[site] = 0xf4;
	code_moved_note(m, page, site, opcode);
}

/* What is found for the byte at site if the bytes from first to last around it can be read. */
static uint8_t find(unsigned site, unsigned first, unsigned last)
{
	uint8_t around[LAST + 1];

	for (unsigned i = 0; i <= LAST; i++)
		around[i] = i >= first && i <= last && site + i >= MIDDLE && site + i - MIDDLE < PAGE_SIZE ? page[site + i - MIDDLE] : 0xee;
	return code_moved_find(m, around, first, last);
}

Test(code_moved, opcode_is_told_by_its_surroundings)
{
	note(0x100, 0x9c);
	note(0x180, 0x9d);
	cr_assert_eq(find(0x100, 0, LAST), 0x9c);
	cr_assert_eq(find(0x180, 0, LAST), 0x9d);
	page[0x200] = 0xf4;
	cr_assert_eq(find(0x200, 0, LAST), 0, "a HLT elsewhere is one");
}

Test(code_moved, every_byte_around_counts)
{
	note(0x100, 0x9c);
	for (unsigned i = 0x100 - 7; i <= 0x100 + 7; i++) {
		if (i == 0x100)
			continue;
		page[i] ^= 1;
		/* only what one window has and the other two have not is missed by one alone */
		cr_assert_eq(find(0x100, MIDDLE - 4, MIDDLE + 3), i >= 0x100 - 4 && i <= 0x100 + 3 ? 0 : 0x9c, "byte %d", (int)i - 0x100);
		page[i] ^= 1;
	}
}

Test(code_moved, end_of_a_page_on_either_side)
{
	note(0x100, 0x9c);
	cr_assert_eq(find(0x100, MIDDLE, LAST), 0x9c, "moved to the first byte of a page");
	cr_assert_eq(find(0x100, 0, MIDDLE), 0x9c, "moved to the last one");
	cr_assert_eq(find(0x100, MIDDLE, LAST - 1), 0, "too little to tell");
	cr_assert_eq(find(0x100, MIDDLE - 3, MIDDLE + 3), 0, "too little to tell");
	note(0, 0x9d);
	note(PAGE_SIZE - 1, 0x9c);
	cr_assert_eq(find(0, MIDDLE, LAST), 0x9d, "moved from the first byte of a page");
	cr_assert_eq(find(PAGE_SIZE - 1, 0, MIDDLE), 0x9c, "moved from the last one");
	note(PAGE_SIZE - 3, 0x9d);
	cr_assert_eq(find(PAGE_SIZE - 3, 0, MIDDLE + 2), 0x9d);
}

Test(code_moved, full_set_takes_no_more_and_keeps_what_it_has)
{
	unsigned found = 0, tries = 0;

	note(0x100, 0x9c);
	for (unsigned round = 0; round < 100000; round++) {
		unsigned site = 0x200 + round % 0x800;

		memcpy(&page[site - 4], &round, sizeof(round));
		note(site, 0x9d);
		tries++;
		found += find(site, MIDDLE - 4, MIDDLE + 3) == 0x9d;
	}
	cr_assert_eq(find(0x100, 0, LAST), 0x9c);
	cr_assert_gt(found, 10000);
	cr_assert_lt(found, tries);
}
