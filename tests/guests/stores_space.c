/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stores.elf: its two address spaces. The window's pages are plain memory in one of them. In the other most of them are page
 * tables in use at the same time: one is the root that is loaded, the others hang below it, each with one entry that leads on
 * to memory. The rest of their entries is random, and no address that leads through those is ever used. The links have A and D
 * set from the start, so that no walk changes the pages. 64-bit code, the guest's kernel.
 */
#include "tests/guests/stores.h"

#define LINK		(PTE_P | PTE_W | PTE_A)
#define LEAF		(LINK | PTE_D)
#define ROOT_DEEP	255u		/* entry of the root above the one page that is a table of its second level */
#define LEAF_SLOT	5u
#define WORD		0x5eed5eed5eed5eedull

/* Kind: level of the page as a table, 0: data. use: entry of the page that leads on, a path through it reads WORD. */
static const struct {
	const char *name;
	unsigned level, use;
} pages[PAGES] = {
	{ "data", 0, 0 }, { "page table", 1, 100 }, { "root", 4, 0 }, { "page directory", 2, 411 }, { "page table", 1, 77 },
	{ "data", 0, 0 }, { "directory pointers", 3, 300 }, { "page table", 1, 510 }, { "page directory", 2, 3 }, { "data", 0, 0 },
};
/* Frames lie in another order than pages, so that an access that is not cut at a page's end is seen. */
static const uint8_t frame_order[PAGES] = { 3, 8, 1, 6, 0, 9, 4, 2, 7, 5 };

static uint8_t *frames[2];
static uint64_t root[2];
static uint64_t use_va[PAGES];

uint8_t *space_page(enum space space, unsigned page)
{
	return frames[space] + frame_order[page] * PAGE_BYTES;
}

const char *page_name(unsigned page)
{
	return pages[page].name;
}

static uint64_t *table_of(unsigned page)
{
	return (uint64_t *)space_page(SPACE_TABLES, page);
}

void space_load(enum space space)
{
	cr3_write(root[space]);
}

/* Half of the entries look like a guest's: present, to somewhere in RAM. */
static void fill(uint64_t *random)
{
	uint64_t *e = (uint64_t *)frames[SPACE_TABLES];
	unsigned i;

	for (i = 0; i < WINDOW_BYTES / 8; i++) {
		e[i] = random_next(random);
		if (e[i] >> 32 & 1)
			e[i] = (e[i] % boot_info.ram_end & PTE_ADDR) | PTE_P | (e[i] & (PTE_W | PTE_U | PTE_A | PTE_D));
	}
}

static uint64_t *window_pd(enum space space)
{
	uint64_t *pd = frame_alloc(), *pt = frame_alloc();
	unsigned i;

	pd[0] = (uint64_t)pt | LINK;
	for (i = 0; i < PAGES; i++)
		pt[i] = (uint64_t)space_page(space, i) | LEAF;
	return pd;
}

/* Bits of the address above which one entry of a table of this level reaches. */
static unsigned shift_of(unsigned level)
{
	return 12 + 9 * (level - 1);
}

/* Link every table of the window below pdpt, or below the root, and what lies behind its one entry. */
static void tables_link(uint64_t *pdpt)
{
	uint64_t *leaf = frame_alloc(), *pd = frame_alloc(), *deep_pd = frame_alloc(), *word = frame_alloc();
	unsigned i;

	*word = WORD;
	leaf[LEAF_SLOT] = (uint64_t)word | LEAF;
	deep_pd[LEAF_SLOT] = (uint64_t)leaf | LINK;
	pdpt[2] = (uint64_t)pd | LINK;
	for (i = 0; i < PAGES; i++) {
		uint64_t link = (uint64_t)table_of(i) | LINK, at = LEAF_SLOT * PAGE_BYTES;
		void *next = pages[i].level == 1 ? word : pages[i].level == 2 ? leaf : deep_pd;

		if (!pages[i].level || pages[i].level == 4)
			continue;
		table_of(i)[pages[i].use] = (uint64_t)next | LEAF;
		if (pages[i].level == 1) {
			pd[i] = link;
			at = 2ull << 30 | (uint64_t)i << 21;
		} else if (pages[i].level == 2) {
			pdpt[i] = link;
			at |= (uint64_t)i << 30;
		} else {
			table_of(ROOT_PAGE)[ROOT_DEEP] = link;
			at |= (uint64_t)ROOT_DEEP << 39 | LEAF_SLOT << 21;
		}
		use_va[i] = at | (uint64_t)pages[i].use << shift_of(pages[i].level);
	}
}

void space_build(uint64_t *random)
{
	uint64_t kernel = ((uint64_t *)(((uint64_t *)cr3_read())[0] & PTE_ADDR))[0], *pdpt[2];
	unsigned s;

	for (s = 0; s < 2; s++) {
		frames[s] = frame_alloc_run(WINDOW_BYTES, PAGE_BYTES);
		pdpt[s] = frame_alloc();
	}
	fill(random);
	for (s = 0; s < 2; s++) {
		pdpt[s][0] = kernel;
		pdpt[s][WINDOW_VA >> 30] = (uint64_t)window_pd(s) | LINK;
	}
	tables_link(pdpt[SPACE_TABLES]);
	root[SPACE_DATA] = (uint64_t)frame_alloc();
	*(uint64_t *)root[SPACE_DATA] = (uint64_t)pdpt[SPACE_DATA] | LINK;
	root[SPACE_TABLES] = (uint64_t)table_of(ROOT_PAGE);
	*(uint64_t *)root[SPACE_TABLES] = (uint64_t)pdpt[SPACE_TABLES] | LINK;
	memcpy(frames[SPACE_DATA], frames[SPACE_TABLES], WINDOW_BYTES);
	space_load(SPACE_DATA);
}

void tables_use(uint64_t from, uint64_t to)
{
	uint64_t page;

	for (page = (from - WINDOW_VA) / PAGE_BYTES; page <= (to - 1 - WINDOW_VA) / PAGE_BYTES; page++)
		if (use_va[page])
			EXPECT_EQ(*(volatile uint64_t *)use_va[page], WORD, "word behind a table's link");
}

static bool range_has_entry(uint64_t from, uint64_t to, unsigned page, unsigned index)
{
	uint64_t entry = WINDOW_VA + page * PAGE_BYTES + index * 8;

	return from < entry + 8 && entry < to;
}

bool range_links(uint64_t from, uint64_t to)
{
	unsigned i;

	for (i = 0; i < PAGES; i++)
		if (pages[i].level && range_has_entry(from, to, i, pages[i].use))
			return true;
	return range_has_entry(from, to, ROOT_PAGE, ROOT_DEEP);
}
