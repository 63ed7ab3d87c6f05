/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies where in the RAM of a VM that is being loaded, and the memory map that it is told. Pure bookkeeping on the control thread; touches no RAM. */
#include "common/x86.h"
#include "trapd/loader/loader_priv.h"

#define MIB		(1ull << 20)
#define SEARCH_LOW	0x10000ull	/* below: real-mode tables, and trampolines that kernels put there */

static bool is_free(const struct loader_place *p, uint64_t start, uint64_t end)
{
	unsigned i;

	for (i = 0; i < p->count; i++)
		if (start < p->used[i].end && p->used[i].start < end)
			return false;
	return true;
}

bool place_take(struct loader_place *p, uint64_t start, uint64_t size)
{
	if (!size)
		return true;
	if (!guest_ram_contains(p->ram, start, size) || !is_free(p, start, start + size) ||
	    p->count == sizeof(p->used) / sizeof(p->used[0]))
		return false;
	p->used[p->count].start = start;
	p->used[p->count++].end = start + size;
	return true;
}

/* Memory between 640 KiB and 1 MiB is the platform's: VGA text, tables. */
static bool is_usable(const struct loader_place *p, uint64_t start, uint64_t size)
{
	return size <= p->ram->low_end && start <= p->ram->low_end - size && (start + size <= 0x9f000 || start >= MIB) &&
	       is_free(p, start, start + size);
}

/* Whatever is free begins where something ends, if it does not begin at from. */
static bool find_from(struct loader_place *p, uint64_t from, uint64_t size, uint64_t align, uint64_t *gpa)
{
	uint64_t best = ~0ull, start;
	unsigned i;

	for (i = 0; i <= p->count; i++) {
		start = i < p->count ? p->used[i].end : from;
		start = (start + align - 1) & ~(align - 1);
		if (start >= from && start < best && is_usable(p, start, size))
			best = start;
	}
	*gpa = best;
	return best != ~0ull && place_take(p, best, size);
}

bool place_find(struct loader_place *p, uint64_t from, uint64_t size, uint64_t align, uint64_t *gpa)
{
	return find_from(p, from, size, align, gpa) || find_from(p, MIB, size, align, gpa) ||
	       find_from(p, SEARCH_LOW, size, align, gpa);
}

uint64_t place_end(const struct loader_place *p)
{
	uint64_t end = MIB;
	unsigned i;

	for (i = 0; i < p->count; i++)
		if (p->used[i].end > end && p->used[i].end <= p->ram->low_end)
			end = p->used[i].end;
	return end;
}

static unsigned range_add(struct loader_range *range, unsigned n, uint64_t gpa, uint64_t end, uint32_t type)
{
	if (gpa >= end)
		return n;
	range[n] = (struct loader_range){ gpa, end - gpa, type };
	return n + 1;
}

static uint64_t lower_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

unsigned loader_ranges(const struct guest_ram *ram, struct loader_range *range)
{
	unsigned n = 0;

	n = range_add(range, n, 0, lower_of(ram->low_end, LOADER_LOW_END), 1);
	n = range_add(range, n, LOADER_LOW_END, lower_of(ram->low_end, MIB), 2);
	n = range_add(range, n, MIB, ram->low_end, 1);
	return range_add(range, n, GUEST_RAM_HIGH_BASE, ram->high_end, 1);
}
