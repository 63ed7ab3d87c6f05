/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: the steps on upper levels, on roots in use, on tables that map themselves, and on pages that are tables in one
 * life and data in the next. 64-bit code, the guest's kernel.
 */
#include "tests/guests/churn.h"

#define SELF_ENTRY(page)	((uint64_t)(page) | UPPER | PTE_A | PTE_D)	/* A and D: a store to it must not race with its own walk */

/* The PD entry of a table or large page of the current space, directly or through the recursive slot. */
static volatile uint64_t *directory_entry(unsigned long va)
{
	struct space *s = &churn.space[churn.current];
	uint64_t *pd = va >> 39 == SLOT_VA(SLOT_OWN) >> 39 ? s->pd : churn.common_pd;

	return churn_random(3) ? &pd[va >> 21 & 511] : recursive_entry(va, 2);
}

static volatile uint64_t *root_entry(unsigned long slot)
{
	return churn_random(2) ? &churn.space[churn.current].root[slot] : recursive_entry(SLOT_VA(slot), 4);
}

static void flush(void)
{
	space_load(churn.current);
}

static unsigned index_present(unsigned table)
{
	unsigned index;

	do
		index = slot_index(table, churn_random(SLOTS_USED));
	while (!(churn.entry[table][index] & PTE_P));
	return index;
}

/* A table is taken out of its directory, or made read-only there, used, and put back. */
void step_unlink(void)
{
	unsigned local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local), index = index_present(table);
	unsigned long va = table_va(local) + index * PAGE_BYTES;
	volatile uint64_t *e = directory_entry(va);
	uint64_t was = *e;
	bool protect = churn_random(2);

	EXPECT_EQ(was & PTE_ADDR, (uint64_t)churn.table[table], "table that the directory names");
	store_entry(e, protect ? was & ~PTE_W : churn_random(2) ? was & ~PTE_P : 0);
	if (churn_random(2))
		flush();
	else
		page_invalidate((void *)va);	/* only this page is used before the flush below */
	if (protect) {
		read_check(va, page_of(churn.entry[table][index]));
		churn.entry[table][index] |= PTE_A;
		fault_check(true, va, PF_P);
	} else {
		fault_check(churn_random(2), va, 0);
	}
	store_entry(&(va >> 39 == SLOT_VA(SLOT_OWN) >> 39 ? churn.space[churn.current].pd : churn.common_pd)[va >> 21 & 511],
		    (uint64_t)churn.table[table] | UPPER);
	flush();
	entry_check(local, index, va);
}

/* A page that was a table becomes data: filled, mapped, used, unmapped. The mapping is an entry of local's table. */
static void page_retire(unsigned page, unsigned local)
{
	unsigned table = table_id(churn.current, local), index = slot_index(table, churn_random(SLOTS_USED));
	unsigned long va = table_va(local) + index * PAGE_BYTES;

	page_fill(page);
	entry_change(local, index, (uint64_t)page_at(page) | UPPER);
	page_invalidate((void *)va);
	read_check(va, page);
	write_check(va, page);
	churn.entry[table][index] |= PTE_A | PTE_D;
	entry_change(local, index, 0);
	page_invalidate((void *)va);
	reserve_give(page);
}

/* A table moves to a page that was data; all directories that name it follow. */
void step_move_table(void)
{
	unsigned local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local), page = reserve_take(), n;
	uint64_t *from = churn.table[table], *to = page_at(page), value = (uint64_t)to | UPPER;

	if (churn_random(2))
		store_copy(to, from, 512);
	else
		memcpy(to, from, PAGE_BYTES);
	churn.table[table] = to;
	if (table >= COMMON_FIRST) {
		store_entry(&churn.common_pd[table - COMMON_FIRST], value);
	} else if (table >= PAIR_FIRST) {
		store_entry(&churn.space[churn.current].pd[local], value);
		store_entry(&churn.space[churn.current ^ 1].pd[local], value);
	} else {
		store_entry(directory_entry(table_va(local)), value);
	}
	flush();
	churn.stats.moved_tables++;
	for (n = 0; n < 4; n++) {
		unsigned index = slot_index(table, churn_random(SLOTS_USED));

		entry_check(local, index, table_va(local) + index * PAGE_BYTES);
	}
	page_retire(page_of((uint64_t)from), local);
}

/* The root in use is copied to a page that was data; the old one becomes data. */
void step_move_root(void)
{
	struct space *s = &churn.space[churn.current];
	unsigned page = reserve_take(), local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local);
	unsigned index = index_present(table);
	uint64_t *from = s->root;

	s->root = page_at(page);
	store_copy(s->root, from, 512);
	store_entry(&s->root[SLOT_SELF], SELF_ENTRY(s->root));
	flush();
	churn.stats.moved_roots++;
	entry_check(local, index, table_va(local) + index * PAGE_BYTES);
	page_retire(page_of((uint64_t)from), local);
}

/* An entry of the root in use loses W and gets it back. */
static void root_protect(void)
{
	unsigned local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local), index = index_present(table);
	unsigned long va = table_va(local) + index * PAGE_BYTES, slot = va >> 39 & 511;
	volatile uint64_t *e = root_entry(slot);

	store_entry(e, *e & ~PTE_W);
	flush();
	read_check(va, page_of(churn.entry[table][index]));
	churn.entry[table][index] |= PTE_A;
	fault_check(true, va, PF_P);
	e = root_entry(slot);
	store_entry(e, *e | PTE_W);
	flush();
	entry_check(local, index, va);
}

/* An entry of the root in use comes and goes: the common tables at a second address. */
void step_root_slot(void)
{
	unsigned local = OWN_TABLES + PAIR_TABLES + churn_random(COMMON_TABLES), table = table_id(churn.current, local);
	unsigned long slot = SLOT_SPARE - churn_random(2);
	unsigned index = index_present(table);
	unsigned long va = table_va(local) + index * PAGE_BYTES - SLOT_VA(SLOT_COMMON) + SLOT_VA(slot);

	churn.stats.root_edits++;
	if (churn_random(2)) {
		root_protect();
		return;
	}
	store_entry(root_entry(slot), (uint64_t)churn.common_pdpt | UPPER);
	entry_check(local, index, va);
	store_entry(root_entry(slot), churn_random(2) ? 0 : (uint64_t)churn.common_pdpt | PTE_W);
	page_invalidate((void *)va);	/* nothing else was used through this slot */
	fault_check(churn_random(2), va, 0);
}

/* A table maps itself, is written through that, and unmaps or protects itself by a store through its own mapping. */
void step_self_map(void)
{
	unsigned local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local), n, index;
	unsigned long va = table_va(local) + INDEX_SELF * PAGE_BYTES;
	volatile uint64_t *self = (volatile uint64_t *)va;
	uint64_t *model = churn.entry[table], me = SELF_ENTRY(churn.table[table]);

	churn.stats.self_maps++;
	store_entry(&churn.table[table][INDEX_SELF], me);
	for (n = 0; n < 3; n++) {
		index = slot_index(table, churn_random(SLOTS_USED));
		EXPECT_EQ(self[index] & ~PTE_A, model[index] & ~PTE_A, "entry seen through the table's own mapping");
		model[index] = churn_random(2) ? (uint64_t)page_at(page_random_data()) | UPPER : 0;
		store_entry(&self[index], model[index]);
		page_invalidate((void *)(table_va(local) + index * PAGE_BYTES));
		entry_check(local, index, table_va(local) + index * PAGE_BYTES);
	}
	if (churn_random(2)) {
		store_entry_atomic(&self[INDEX_SELF], me & ~PTE_W);
		page_invalidate(self);
		EXPECT_EQ(self[INDEX_SELF], me & ~PTE_W, "entry that made itself read-only");
		fault_check(true, va + index * 8, PF_P);
		store_entry(&churn.table[table][INDEX_SELF], 0);
	} else {
		store_entry_atomic(&self[INDEX_SELF], 0);
	}
	page_invalidate(self);
	fault_check(churn_random(2), va + index * 8, 0);
}

/* The page pool by 2 MiB pages: data and tables are written through them, then the mapping is protected and goes. */
void step_large(void)
{
	unsigned local = churn_random(LOCAL_TABLES), table = table_id(churn.current, local);
	unsigned index = slot_index(table, churn_random(SLOTS_USED)), page = page_of((uint64_t)churn.table[table]);
	unsigned long base = SLOT_VA(SLOT_OWN) + ((unsigned long)LARGE_INDEX << 21), va;
	uint64_t *model = &churn.entry[table][index], large;

	churn.stats.large++;
	va = base + page * PAGE_BYTES + index * 8;
	large = ((uint64_t)page_at(page) & ~0x1ffffful) | UPPER | PTE_PS;
	store_entry(directory_entry(va), large);
	EXPECT_EQ(*(volatile uint64_t *)va & ~PTE_A, *model & ~PTE_A, "entry seen through a 2 MiB page");
	*model = (uint64_t)page_at(page_random_data()) | UPPER;
	store_entry((volatile uint64_t *)va, *model);
	page_invalidate((void *)(table_va(local) + index * PAGE_BYTES));
	entry_check(local, index, table_va(local) + index * PAGE_BYTES);
	EXPECT_EQ(*directory_entry(va), large | PTE_A | PTE_D, "2 MiB page's entry after a write");

	page = page_random_data();
	store_entry(directory_entry(va), 0);
	va = base + page * PAGE_BYTES;
	large = ((uint64_t)page_at(page) & ~0x1ffffful) | UPPER | PTE_PS;
	store_entry(directory_entry(va), large);
	flush();
	read_check(va, page);
	write_check(va, page);
	store_entry(directory_entry(va), large & ~PTE_W);
	page_invalidate((void *)va);
	read_check(va, page);
	fault_check(true, va, PF_P);
	store_entry(directory_entry(va), 0);
	flush();
	fault_check(churn_random(2), va, 0);
}

/* The recursive slot of the root in use is cleared through itself, and set again. */
void step_recursive_slot(void)
{
	uint64_t *root = churn.space[churn.current].root;
	volatile uint64_t *e = recursive_entry(SLOT_VA(SLOT_SELF), 4);

	churn.stats.root_edits++;
	EXPECT_EQ(*e & ~(PTE_A | PTE_D), (uint64_t)root | UPPER, "root's entry for itself, seen through itself");
	store_entry_atomic(e, 0);
	flush();
	fault_check(churn_random(2), (unsigned long)e, 0);
	store_entry(&root[SLOT_SELF], SELF_ENTRY(root));
	EXPECT_EQ(*e, SELF_ENTRY(root), "root's entry for itself, set again");
}
