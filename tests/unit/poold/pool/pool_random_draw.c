/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What random guests draw: few tables and few indexes, so that they meet again, and entries that mostly lead somewhere.
 * See pool_random.h. Test programs only.
 */
#include "tests/unit/poold/pool/pool_random.h"

#define DATA_BASE	0x400000ull

static uint64_t rng;

void rnd_start(uint64_t state)
{
	rng = state;
}

uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

uint64_t pick(uint64_t n)
{
	return (rnd() >> 16) % n;
}

bool chance(unsigned percent)
{
	return pick(100) < percent;
}

uint64_t any_table(void)
{
	return TABLE_BASE + pick(plan.ntables) * PAGE_SIZE;
}

uint64_t any_data(void)
{
	return DATA_BASE + pick((f.ram.low_end - DATA_BASE) >> PAGE_SHIFT) * PAGE_SIZE;
}

unsigned any_index(unsigned bits)
{
	static const unsigned hot[] = { 0, 1, 2, 3, 4, 5, 255, 256, 300, 511 };
	unsigned i = hot[pick(10)];

	return bits == 10 && chance(30) ? (i + 512) & 1023 : i;
}

uint64_t any_entry(unsigned size)
{
	uint64_t e;
	unsigned kind = (unsigned)pick(100);

	if (kind < 8)
		return 0;
	if (kind < 10)
		return size == 4 ? (uint32_t)rnd() : rnd();
	if (kind < (plan.large ? 54 : 68))
		e = any_table();
	else if (kind < (plan.large ? 70 : 88))
		e = any_data();
	else
		e = PTE_PS | (pick(4) << (size == 4 ? 22 : 21));
	if (!(e & PTE_PS) && chance(4))
		e |= PTE_PS;
	if (chance(2))
		e |= size == 4 ? 0xc0000000u : 1ull << 38;	/* beyond RAM */
	if (size == 8 && chance(6))
		e |= PTE_NX;
	e |= chance(96) ? PTE_P : 0;
	e |= chance(85) ? PTE_W : 0;
	e |= chance(80) ? PTE_U : 0;
	e |= chance(60) ? PTE_A : 0;
	e |= chance(50) ? PTE_D : 0;
	e |= chance(10) ? PTE_G | PTE_PWT : 0;
	return e;
}

/* Where tables are to be left out of step they need a level of their own: every fourth page is a PML4, a PDPT, a PD, a PT. */
static uint64_t table_of_level(unsigned level)
{
	return TABLE_BASE + (pick(plan.ntables / 4) * 4 + (4 - level)) * PAGE_SIZE;
}

uint64_t any_entry_at(uint64_t gpa, unsigned size)
{
	uint64_t e = any_entry(size), target;
	unsigned level = 4 - (((gpa - TABLE_BASE) >> PAGE_SHIFT) & 3);

	if (!plan.unsync || gpa < TABLE_BASE || gpa >= TABLE_BASE + plan.ntables * PAGE_SIZE || !(e & PTE_P) ||
	    (e & PTE_PS) || chance(8))
		return e;
	if (level > 1)
		target = table_of_level(level - 1);
	else
		target = chance(70) ? table_of_level(1) : chance(50) ? any_table() : any_data();
	return (e & ~(size == 4 ? 0xfffff000ull : PTE_ADDR)) | target;
}

unsigned entry_size(void)
{
	return f.mode.paging == WALK_32BIT ? 4 : 8;
}

uint64_t any_slot(uint64_t table)
{
	unsigned size = entry_size();

	return table + any_index(size == 4 ? 10 : 9) * (uint64_t)size;
}

/* Mostly addresses that lead somewhere: at each level a few tries for an entry that is present. */
uint64_t any_gva(void)
{
	uint64_t gva = any_index(entry_size() == 4 ? 10 : 9) * (uint64_t)entry_size(), table = f.mode.cr3 & PTE_ADDR, e = 0;
	unsigned count;
	const struct walk_level *level = walk_levels(f.mode.paging, &count);

	if (f.mode.paging == WALK_UNPAGED)
		return gva | (chance(50) ? any_table() : any_data());
	for (unsigned l = 0; l < count; l++, level++) {
		uint64_t i = 0;

		for (unsigned tries = 0; tries < 6; tries++) {
			i = level->index_bits == 2 ? pick(4) : any_index(level->index_bits);
			if (level->index_bits == 2)
				e = f.mode.pdpte[i];
			else if (guest_ram_contains(&f.ram, table, PAGE_SIZE))
				e = fix_read(&f, table + i * level->entry_size, level->entry_size);
			else
				e = 0;
			if ((e & PTE_P) && guest_ram_contains(&f.ram, e & PTE_ADDR, PAGE_SIZE))
				break;
		}
		gva |= i << level->index_shift;
		table = e & PTE_ADDR;
	}
	return gva & 1ull << 47 ? gva | 0xffff000000000000ull : gva;
}

uint64_t any_pdpte(void)
{
	if (chance(15))
		return 0;
	return (plan.unsync ? table_of_level(2) : any_table()) | PTE_P;
}

uint64_t recent[16];
unsigned n_recent;

uint64_t recent_gva(void)
{
	return n_recent ? recent[pick(n_recent < 16 ? n_recent : 16)] : any_gva();
}

uint64_t recent_slot(void)
{
	struct walk_result g;
	uint64_t at;

	if (walk_guest(&f.ram, &f.mode, recent_gva(), WALK_PROBE, &g) || !g.nentries)
		return any_slot(any_table());
	at = g.entry_gpa[pick(g.nentries)];
	return at == ~0ull || !guest_ram_contains(&f.ram, at, 8) ? any_slot(any_table()) : at;
}

uint32_t any_access(void)
{
	uint32_t a = chance(60) ? WALK_WRITE : chance(30) ? WALK_FETCH : 0;

	return a | (chance(40) ? WALK_USER : 0);
}
