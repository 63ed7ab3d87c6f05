/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: the model of what every mapping and every word must be, and the checks against it. 64-bit code, the guest's
 * kernel. D must be exactly as the model says; A may be set where the model has none, as CPUs may set it early
 * (SDM vol. 3A 4.8).
 */
#include "tests/guests/churn.h"

unsigned table_id(unsigned space, unsigned local)
{
	if (local < OWN_TABLES)
		return space * OWN_TABLES + local;
	if (local < OWN_TABLES + PAIR_TABLES)
		return PAIR_FIRST + space / 2 * PAIR_TABLES + local - OWN_TABLES;
	return COMMON_FIRST + local - OWN_TABLES - PAIR_TABLES;
}

unsigned long table_va(unsigned local)
{
	if (local < OWN_TABLES + PAIR_TABLES)
		return SLOT_VA(SLOT_OWN) + ((unsigned long)local << 21);
	return SLOT_VA(SLOT_COMMON) + ((unsigned long)(local - OWN_TABLES - PAIR_TABLES) << 21);
}

/* Half the tables use their first entries, half some near the end. */
unsigned slot_index(unsigned table, unsigned k)
{
	return table & 1 ? k : SLOTS_LATE + k;
}

uint64_t *page_at(unsigned page)
{
	return (uint64_t *)(churn.pages + page * PAGE_BYTES);
}

unsigned page_of(uint64_t entry)
{
	uint64_t page = ((entry & PTE_ADDR) - (uint64_t)churn.pages) / PAGE_BYTES;

	EXPECT_EQ(page < PAGES, 1, "an entry's page is in the pool");
	return (unsigned)page;
}

unsigned page_random_data(void)
{
	return churn.data_first + churn_random(PAGES - churn.data_first);
}

/* Where in a page its n-th word lies: first, last and two that differ from page to page. */
static unsigned word_offset(unsigned page, unsigned n)
{
	static const unsigned offset[WORDS] = { 0, 0x2a8, 0x9f0, 0xff8 };

	return n == 1 || n == 2 ? (offset[n] + page * 8) & 0xff8 : offset[n];
}

static volatile uint64_t *word_at(unsigned long va, unsigned page, unsigned n)
{
	return (volatile uint64_t *)((va & PAGE_MASK) + word_offset(page, n));
}

void page_fill(unsigned page)
{
	unsigned n;

	for (n = 0; n < WORDS; n++)
		churn.word[page][n] = random_next(&churn.random);
	for (n = 0; n < WORDS; n++)
		*word_at((unsigned long)page_at(page), page, n) = churn.word[page][n];
	for (n = 0; n < WORDS; n++)	/* two words may lie at one place: the last one counts */
		churn.word[page][n] = *word_at((unsigned long)page_at(page), page, n);
}

unsigned reserve_take(void)
{
	unsigned page = churn.reserve[churn.reserve_head];

	EXPECT_EQ(churn.reserve_count != 0, 1, "the reserve has a page");
	churn.reserve_head = (churn.reserve_head + 1) % 128;
	churn.reserve_count--;
	return page;
}

void reserve_give(unsigned page)
{
	churn.reserve[(churn.reserve_head + churn.reserve_count++) % 128] = (uint16_t)page;
}

volatile uint64_t *recursive_entry(unsigned long va, unsigned level)
{
	for (; level; level--)
		va = SLOT_VA(SLOT_SELF) | (va >> 9 & 0x7ffffffff8ul);
	return (volatile uint64_t *)va;
}

/* The table seen as data at an address of its own. */
static volatile uint64_t *window_open(unsigned table)
{
	unsigned long va = table_va(OWN_TABLES + PAIR_TABLES) + INDEX_WINDOW * PAGE_BYTES;

	store_entry(&churn.table[COMMON_FIRST][INDEX_WINDOW], (uint64_t)churn.table[table] | UPPER);
	page_invalidate((void *)va);
	return (volatile uint64_t *)va;
}

volatile uint64_t *entry_window(unsigned local, unsigned index)
{
	unsigned table = table_id(churn.current, local);

	switch (churn_random(8)) {
	case 0:
		return window_open(table) + index;
	case 1:
	case 2:
		return recursive_entry(table_va(local) + index * PAGE_BYTES, 1);
	default:
		return churn.table[table] + index;
	}
}

static void same_entry(uint64_t got, uint64_t model, const char *what)
{
	EXPECT_EQ(got & ~PTE_A, model & ~PTE_A, what);
	EXPECT_EQ(got & model & PTE_A, model & PTE_A, "A of an entry that was used");
}

void entry_change(unsigned local, unsigned index, uint64_t value)
{
	uint64_t *model = &churn.entry[table_id(churn.current, local)][index];
	volatile uint64_t *e = entry_window(local, index);

	same_entry(*e, *model, "entry before its change");
	store_entry(e, value);
	EXPECT_EQ(*e, value, "entry after its change");
	*model = value;
}

void space_load(unsigned space)
{
	churn.current = space;
	churn.stats.switches++;
	cr3_write((unsigned long)churn.space[space].root);
}

void read_check(unsigned long va, unsigned page)
{
	unsigned n = churn_random(WORDS);

	churn.stats.reads++;
	EXPECT_EQ(*word_at(va, page, n), churn.word[page][n], "word read");
}

void write_check(unsigned long va, unsigned page)
{
	unsigned n = churn_random(WORDS), i;
	uint64_t value = random_next(&churn.random);

	churn.stats.writes++;
	*word_at(va, page, n) = value;
	for (i = 0; i < WORDS; i++)
		if (word_offset(page, i) == word_offset(page, n))
			churn.word[page][i] = value;
	EXPECT_EQ(*word_at((unsigned long)page_at(page), page, n), value, "word written, read through the direct map");
}

void fault_check(bool write, unsigned long va, unsigned long error)
{
	unsigned long value;
	int result = write ? probe_write((void *)va, 0, 0) : probe_read((void *)va, &value, 0);

	churn.stats.faults++;
	EXPECT_EQ(result, -1, write ? "write that must fault" : "read that must fault");
	EXPECT_EQ(fault.vector, VEC_PF, "vector");
	EXPECT_EQ(fault.error, error | (write ? PF_W : 0), "#PF error code");
	EXPECT_EQ(fault.cr2, va, "CR2");
}

/* Access what an entry maps, at va in the space that is loaded, and compare everything with the model. */
void entry_check(unsigned local, unsigned index, unsigned long va)
{
	unsigned table = table_id(churn.current, local);
	uint64_t *model = &churn.entry[table][index];
	bool write = churn_random(2);
	unsigned page;

	if (!(*model & PTE_P)) {
		fault_check(write, va + (churn_random(512) << 3), 0);
		return;
	}
	page = page_of(*model);
	if (!write || !(*model & PTE_W)) {
		read_check(va, page);
		*model |= PTE_A;
		if (write)
			fault_check(true, va + (churn_random(512) << 3), PF_P);
	} else {
		write_check(va, page);
		*model |= PTE_A | PTE_D;
	}
	same_entry(*(volatile uint64_t *)&churn.table[table][index], *model, "entry after an access");
}

void everything_check(unsigned one_in)
{
	unsigned s, local, k, i, t, was = churn.current;

	churn.stats.full_checks++;
	for (t = 0; t < TABLES; t++)
		for (i = 0; i < INDEX_WINDOW; i++)
			same_entry(churn.table[t][i], churn.entry[t][i], "entry at a full check");
	for (s = 0; s < SPACES; s++) {
		space_load(s);
		for (local = 0; local < LOCAL_TABLES; local++) {
			if (local >= OWN_TABLES + PAIR_TABLES && s)
				continue;	/* the common tables once */
			t = table_id(s, local);
			for (k = 0; k < SLOTS_USED; k++) {
				i = slot_index(t, k);
				if (!churn_random(churn.entry[t][i] & PTE_P ? one_in : 8 * one_in))
					entry_check(local, i, table_va(local) + i * PAGE_BYTES);
			}
		}
		EXPECT_EQ(churn.space[s].root[SLOT_OWN] & PTE_A, PTE_A, "A of a PML4 entry that was used");
		EXPECT_EQ(churn.space[s].pdpt[0] & PTE_A, PTE_A, "A of a PDPT entry that was used");
	}
	space_load(was);
}
