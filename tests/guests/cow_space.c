/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cow.elf: frames and address spaces, see cow.h. Frames that are given back are used again at once, as tables or as data, so
 * that the hypervisor must find out what has become of them. 64-bit code, the guest's kernel.
 */
#include "tests/guests/cow.h"

#define FULL	(PTE_P | PTE_W | PTE_U)
#define COW	(1ull << 9)		/* ignored by the CPU */
#define LEVELS	4u
#define MAX_FRAMES 8192u

static unsigned long frame_base;
static unsigned frames, nfree;
static uint16_t users[MAX_FRAMES];
static unsigned free_list[MAX_FRAMES];

void spaces_init(unsigned n)
{
	unsigned i;

	if (n > MAX_FRAMES)
		panic("cow: at most %u frames", MAX_FRAMES);
	frame_base = (unsigned long)frame_alloc_run(n * PAGE_BYTES, PAGE_BYTES);
	frames = nfree = n;
	for (i = 0; i < n; i++)
		free_list[i] = n - 1 - i;
}

unsigned spaces_frames_free(void)
{
	return nfree;
}

static unsigned frame_number(uint64_t entry)
{
	return (unsigned)(((entry & PTE_ADDR) - frame_base) / PAGE_BYTES);
}

static void *frame_get(void)
{
	unsigned n = free_list[--nfree];

	EXPECT_EQ(users[n], 0, "users of a free frame");
	users[n] = 1;
	return (void *)(frame_base + n * PAGE_BYTES);
}

static void frame_put(uint64_t entry)
{
	unsigned n = frame_number(entry);

	if (!users[n])
		panic("cow: frame %u is let go twice", n);
	if (!--users[n])
		free_list[nfree++] = n;
}

static unsigned index_of(unsigned long va, unsigned level)
{
	return va >> (39 - 9 * level) & 511;
}

/* The last-level entry of a page; its tables are made if create is set. */
static uint64_t *entry_of(uint64_t *root, unsigned page, bool create)
{
	unsigned long va = PROCESS_VA + page * PAGE_BYTES;
	uint64_t *table = root;
	unsigned level;

	for (level = 0; level < LEVELS - 1; level++) {
		uint64_t *e = &table[index_of(va, level)];

		if (!(*e & PTE_P)) {
			if (!create)
				panic("cow: page %u has no table at level %u", page, level);
			*e = (uint64_t)memset(frame_get(), 0, PAGE_BYTES) | FULL;
		}
		table = (uint64_t *)(*e & PTE_ADDR);
	}
	return &table[index_of(va, LEVELS - 1)];
}

/* Root, PDPT, PD and two last-level tables. */
#define TABLES	5u

static uint64_t *root_create(void)
{
	uint64_t *root = memset(frame_get(), 0, PAGE_BYTES);

	root[0] = ((uint64_t *)(cr3_read() & PTE_ADDR))[0];	/* the kernel's */
	return root;
}

bool space_create(struct process *p)
{
	unsigned i;

	if (nfree < TABLES + PROCESS_PAGES)
		return false;
	p->used = true;
	p->root = root_create();
	for (i = 0; i < PROCESS_PAGES; i++) {
		*entry_of(p->root, i, true) = (uint64_t)memset(frame_get(), 0, PAGE_BYTES) | FULL;
		p->word[i] = 0;
	}
	return true;
}

bool space_fork(struct process *parent, struct process *child)
{
	unsigned i;

	if (nfree < TABLES)
		return false;
	child->used = true;
	child->root = root_create();
	for (i = 0; i < PROCESS_PAGES; i++) {
		uint64_t *from = entry_of(parent->root, i, false);

		if (*from & PTE_W)
			*from = (*from & ~PTE_W) | COW;
		users[frame_number(*from)]++;
		*entry_of(child->root, i, true) = *from;
		child->word[i] = parent->word[i];
	}
	return true;
}

static void tables_destroy(uint64_t *table, unsigned level)
{
	unsigned i;

	for (i = level == 0; i < 512; i++) {
		uint64_t e = table[i];

		if (!(e & PTE_P))
			continue;
		if (level + 1 < LEVELS)
			tables_destroy((uint64_t *)(e & PTE_ADDR), level + 1);
		frame_put(e);
	}
}

void space_destroy(struct process *p)
{
	tables_destroy(p->root, 0);
	frame_put((uint64_t)p->root);
	p->used = false;
}

bool space_write_fault(struct process *p, unsigned page)
{
	uint64_t *e = entry_of(p->root, page, false), old = *e;

	if (!(old & COW))
		return false;
	if (users[frame_number(old)] == 1) {
		*e = (old | PTE_W) & ~COW;
		return true;
	}
	if (!nfree)
		panic("cow: no frame for a copy");
	*e = (uint64_t)memcpy(frame_get(), (void *)(old & PTE_ADDR), PAGE_BYTES) | FULL;
	frame_put(old);
	return true;
}

bool space_page_is_own(const struct process *p, unsigned page)
{
	return users[frame_number(*entry_of(p->root, page, false))] == 1;
}
