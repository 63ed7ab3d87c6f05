/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: what its parts share. Many address spaces over one pool of pages that serve as tables and as data in turn, and
 * a model of every mapping and every word, kept apart from the tables. 64-bit code, the guest's kernel.
 *
 * One space (all spaces alike):
 *   PML4 slot 0     RAM at its own address by 2 MiB pages (the direct map), shared by all spaces
 *   SLOT_OWN        PD entries 0..31 tables of this space alone, 32..39 tables of this space and its neighbour,
 *                   LARGE_INDEX.. 2 MiB pages over the page pool
 *   SLOT_COMMON     one PDPT that all spaces share: PD entries 0..15
 *   SLOT_SPARE - 1, SLOT_SPARE   come and go
 *   SLOT_SELF       the root itself
 */
#ifndef GUEST_CHURN_H
#define GUEST_CHURN_H

#include "tests/guests/traps.h"

#define SPACES		16u
#define OWN_TABLES	32u
#define PAIR_TABLES	8u
#define COMMON_TABLES	16u
#define LOCAL_TABLES	(OWN_TABLES + PAIR_TABLES + COMMON_TABLES)	/* that one space sees */
#define PAIR_FIRST	(SPACES * OWN_TABLES)
#define COMMON_FIRST	(PAIR_FIRST + SPACES / 2 * PAIR_TABLES)
#define TABLES		(COMMON_FIRST + COMMON_TABLES)
#define PAGES		2048u		/* the pool: tables, data and what is between lives; 8 MiB */
#define LARGE_PAGES	(PAGES / 512)
#define LARGE_INDEX	64u
#define SLOTS_USED	64u		/* entries of each table that come and go; about half are present */
#define SLOTS_LATE	440u		/* first of them in every other table */
#define INDEX_WINDOW	510u		/* entry of the first common table through which a table is seen as data */
#define INDEX_SELF	511u		/* entry through which a table maps itself */
#define SLOT_OWN	3ul
#define SLOT_COMMON	400ul
#define SLOT_SPARE	7ul
#define SLOT_SELF	509ul
#define WORDS		4u		/* words per page whose value the model knows */

#define SLOT_VA(n)	((n) << 39 | ((n) & 256 ? 0xffff000000000000ul : 0))
#define UPPER		(PTE_P | PTE_W)

struct space {
	uint64_t *root, *pdpt, *pd;
};

struct churn_stats {
	uint64_t edits, reads, writes, faults, spurious, switches, moved_tables, moved_roots, root_edits, self_maps, large,
		 full_checks;
};

struct churn {
	struct space space[SPACES];
	unsigned current;			/* the space in CR3 */
	uint64_t *common_pdpt, *common_pd;
	uint64_t *direct_pdpt;			/* behind slot 0 of every root */
	uint8_t *pages;				/* the pool, through the direct map */
	uint64_t *table[TABLES];		/* page of each table, through the direct map */
	uint64_t (*entry)[512];			/* model: what each table's entries must be, but for a speculative A */
	uint64_t (*word)[WORDS];		/* model: what each page's words must be, when it is data */
	uint16_t reserve[128];			/* ring of pages that nothing maps */
	unsigned reserve_head, reserve_count;
	unsigned data_first;			/* pages from here on are always data */
	uint64_t random;
	struct churn_stats stats;
};
extern struct churn churn;

static inline unsigned churn_random(unsigned below)
{
	return (unsigned)((random_next(&churn.random) >> 20) % below);
}

/* churn_store.c: change *entry to value by one of the ways in which programs write memory, chosen at random. */
void store_entry(volatile uint64_t *entry, uint64_t value);
/* The same by a single store of 8 or 16 bytes: for an entry that maps the very table that it lies in. */
void store_entry_atomic(volatile uint64_t *entry, uint64_t value);
/* n entries at once with a string instruction: a fill, or a copy. */
void store_fill(volatile uint64_t *entry, uint64_t value, unsigned n);
void store_copy(volatile uint64_t *entry, const uint64_t *values, unsigned n);
void store_print(void);

/* churn_model.c: names of things, and checks against the model. Each check stops the guest when something differs. */
unsigned table_id(unsigned space, unsigned local);
unsigned long table_va(unsigned local);			/* what the table maps first */
unsigned slot_index(unsigned table, unsigned k);	/* k-th entry that comes and goes */
uint64_t *page_at(unsigned page);
unsigned page_of(uint64_t entry);
unsigned page_random_data(void);
void page_fill(unsigned page);				/* new words through the direct map */
unsigned reserve_take(void);
void reserve_give(unsigned page);
/* A way, chosen at random, to reach one entry of a table of the current space. */
volatile uint64_t *entry_window(unsigned local, unsigned index);
/* The address at which the recursive slot shows the entry that maps va: level 1 is the last. */
volatile uint64_t *recursive_entry(unsigned long va, unsigned level);
void entry_change(unsigned local, unsigned index, uint64_t value);
void space_load(unsigned space);
void entry_check(unsigned local, unsigned index, unsigned long va);
void read_check(unsigned long va, unsigned page);
void write_check(unsigned long va, unsigned page);
void fault_check(bool write, unsigned long va, unsigned long error);
/* Every entry of every table; and in every space an access through one in so many of the present ones and a few absent ones. */
void everything_check(unsigned one_in);

/* churn_ops.c: one random step. */
void churn_step(void);
/* churn_tables.c: steps on upper levels, roots and the lives of tables. */
void step_unlink(void);
void step_move_table(void);
void step_move_root(void);
void step_root_slot(void);
void step_self_map(void);
void step_large(void);
void step_recursive_slot(void);

#endif
