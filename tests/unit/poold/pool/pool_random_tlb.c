/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stores to a table that is out of step are told to nobody: until INVLPG or a load of CR3 a translation by the older
 * entry is right too, if the CPU could have made it, that is if the way to the table was there before the store.
 * So each store is noted, and when. See pool_random.h. Test programs only.
 */
#include <string.h>

#include "tests/unit/poold/pool/pool_random.h"

#define LEADS_TO (PTE_P | PTE_PS | PTE_ADDR)

static struct change { uint64_t gpa, old, new; uint32_t at; bool silent; } changes[4096];
static struct { uint64_t gva; uint32_t at; } flushed[64];
static uint32_t tick, n_changes, n_flushed;

void store_note(uint64_t gpa, const void *bytes, uint32_t len, bool silent)
{
	unsigned size = entry_size();
	uint8_t copy[128];
	uint64_t from = gpa & ~(uint64_t)(size - 1), end = (gpa + len + size - 1) & ~(uint64_t)(size - 1);

	memcpy(copy, f.ram.base + from, end - from);
	memcpy(copy + (gpa - from), bytes, len);
	tick++;
	for (uint64_t at = from; at < end && n_changes < 4096; at += size) {
		struct change *c = &changes[n_changes];

		*c = (struct change){ .gpa = at, .old = fix_read(&f, at, size), .at = tick, .silent = silent };
		memcpy(&c->new, copy + (at - from), size);
		n_changes += c->old != c->new;
	}
}

void invlpg_note(uint64_t gva)
{
	flushed[n_flushed % 64].gva = gva & PAGE_MASK;
	flushed[n_flushed++ % 64].at = ++tick;
}

void forget_notes(void)
{
	n_changes = n_flushed = tick = 0;
}

static uint32_t flush_time(uint64_t gva)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < 64 && i < n_flushed; i++)
		if (flushed[i].gva == (gva & PAGE_MASK) && flushed[i].at > at)
			at = flushed[i].at;
	return at;
}

/* Since when, at the latest, has the entry led to where it leads? 0: since the last load of CR3. */
static uint32_t leads_since(uint64_t gpa, uint64_t entry)
{
	bool first = true;

	for (unsigned i = 0; i < n_changes; i++) {
		if (changes[i].gpa != gpa)
			continue;
		if (first && !((changes[i].old ^ entry) & LEADS_TO))
			return 0;
		if (!((changes[i].new ^ entry) & LEADS_TO))
			return changes[i].at;
		first = false;
	}
	return 0;
}

bool is_right(uint64_t gva, uint32_t access, uint64_t gpa)
{
	struct walk_result g;

	if (walk_guest(&f.ram, &f.mode, gva, access, &g) || g.gpa != gpa)
		return false;
	for (unsigned i = 0; i < g.nentries; i++)
		if (!(g.entry[i] & PTE_A) && g.entry_gpa[i] != ~0ull)
			return false;
	return !(access & WALK_WRITE) || !g.nentries || g.entry[g.nentries - 1] & PTE_D;
}

bool was_right(uint64_t gva, uint32_t access, uint64_t gpa)
{
	struct walk_result g;
	unsigned levels, size = entry_size();
	uint32_t since = flush_time(gva);
	bool right = false;
	uint64_t slot, value;

	walk_levels(f.mode.paging, &levels);
	walk_guest(&f.ram, &f.mode, gva, WALK_PROBE, &g);
	if (!levels || g.nentries != levels)
		return false;
	slot = g.entry_gpa[levels - 1];
	if (!guest_ram_contains(&f.ram, slot, size) || !(f.state[slot >> PAGE_SHIFT] & PAGE_STATE_UNSYNC))
		return false;
	for (unsigned i = 0; i + 1 < levels; i++) {
		uint32_t at = g.entry_gpa[i] == ~0ull ? 0 : leads_since(g.entry_gpa[i], g.entry[i]);

		since = at > since ? at : since;
	}
	value = fix_read(&f, slot, size);
	for (unsigned i = 0; i < n_changes && !right; i++)
		if (changes[i].gpa == slot && changes[i].silent && changes[i].at > since) {
			fix_poke(&f, slot, changes[i].old, size);
			right = is_right(gva, access, gpa);
		}
	fix_poke(&f, slot, value, size);
	return right || n_changes == 4096;
}
