/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: edits=N (default 200000) random changes to page tables of many address spaces, seed=N; every access is compared
 * with a model. More tables are live than the smallest pool holds shadows for. 64-bit code, the guest's kernel.
 */
#include "tests/guests/churn.h"

struct churn churn;

static void sse_on(void)
{
	cr0_write((cr0_read() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	cr4_write(cr4_read() | CR4_OSFXSR);
}

static void space_build(unsigned s, unsigned root_page)
{
	struct space *space = &churn.space[s];
	unsigned local;

	space->root = memset(page_at(root_page), 0, PAGE_BYTES);
	space->pdpt = frame_alloc();
	space->pd = frame_alloc();
	space->root[0] = (uint64_t)churn.direct_pdpt | UPPER;
	space->root[SLOT_OWN] = (uint64_t)space->pdpt | UPPER;
	space->root[SLOT_COMMON] = (uint64_t)churn.common_pdpt | UPPER;
	space->root[SLOT_SELF] = (uint64_t)space->root | UPPER | PTE_A | PTE_D;
	space->pdpt[0] = (uint64_t)space->pd | UPPER;
	for (local = 0; local < OWN_TABLES + PAIR_TABLES; local++)
		space->pd[local] = (uint64_t)churn.table[table_id(s, local)] | UPPER;
}

static void table_populate(unsigned table)
{
	unsigned k;

	memset(churn.table[table], 0, PAGE_BYTES);
	memset(churn.entry[table], 0, PAGE_BYTES);
	for (k = 0; k < SLOTS_USED; k++)
		if (churn_random(2))
			churn.table[table][slot_index(table, k)] = churn.entry[table][slot_index(table, k)] =
				(uint64_t)page_at(page_random_data()) | PTE_P | (churn_random(4) ? PTE_W : 0);
}

static void build(void)
{
	unsigned i, page = 0;

	churn.direct_pdpt = (uint64_t *)(((uint64_t *)cr3_read())[0] & PTE_ADDR);
	churn.pages = frame_alloc_run(PAGES * PAGE_BYTES, 2 << 20);
	churn.entry = frame_alloc_run(TABLES * PAGE_BYTES, PAGE_BYTES);
	churn.word = frame_alloc_run(PAGES * sizeof(churn.word[0]), PAGE_BYTES);
	churn.common_pdpt = frame_alloc();
	churn.common_pd = frame_alloc();
	churn.common_pdpt[0] = (uint64_t)churn.common_pd | UPPER;
	for (i = 0; i < TABLES; i++)
		churn.table[i] = page_at(page++);
	for (i = 0; i < COMMON_TABLES; i++)
		churn.common_pd[i] = (uint64_t)churn.table[COMMON_FIRST + i] | UPPER;
	for (i = 0; i < SPACES; i++)
		space_build(i, page++);
	for (i = 0; i < 64; i++) {
		page_fill(page);
		reserve_give(page++);
	}
	churn.data_first = page;
	for (; page < PAGES; page++)
		page_fill(page);
	for (i = 0; i < TABLES; i++)
		table_populate(i);
	space_load(0);
}

static unsigned live_mappings(void)
{
	unsigned t, i, n = 0;

	for (t = 0; t < TABLES; t++)
		for (i = 0; i < 512; i++)
			n += churn.entry[t][i] & PTE_P;
	return n;
}

static void results_print(void)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "edits", churn.stats.edits }, { "reads", churn.stats.reads }, { "writes", churn.stats.writes },
		{ "faults", churn.stats.faults }, { "spurious", churn.stats.spurious }, { "switches", churn.stats.switches },
		{ "moved tables", churn.stats.moved_tables }, { "moved roots", churn.stats.moved_roots },
		{ "root edits", churn.stats.root_edits }, { "self maps", churn.stats.self_maps },
		{ "large", churn.stats.large }, { "full checks", churn.stats.full_checks },
	};
	unsigned i;

	store_print();
	print("churn: ok");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print("%s %llu %s", i ? "," : "", (unsigned long long)rows[i].value, rows[i].name);
	print(", %u live mappings in %u tables\n", live_mappings(), TABLES);
}

void guest_main64(void)
{
	uint64_t edits = cmdline_number("edits", 200000), seed = cmdline_number("seed", 1), quarter;
	unsigned sparse = edits < 100000 ? 8 : 1;	/* short runs are for slow hosts */

	traps_init();
	sse_on();
	churn.random = seed * 0x9e3779b97f4a7c15ull | 1;
	print("churn: %llu edits, seed %llu\n", (unsigned long long)edits, (unsigned long long)seed);
	build();
	EXPECT_EQ(live_mappings() >= 10000, 1, "at least 10000 live mappings");
	print("churn: %u live mappings in %u tables of %u spaces; checking all\n", live_mappings(), TABLES, SPACES);
	everything_check(sparse);
	for (quarter = 1; quarter <= 4; quarter++) {
		while (churn.stats.edits < edits * quarter / 4)
			churn_step();
		everything_check(quarter == 4 ? sparse : 16);
		print("churn: %llu edits done\n", (unsigned long long)churn.stats.edits);
	}
	results_print();
	guest_exit(0);
}
