/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaves of 2 MiB: which frames may have one, which leaves map them, and how they go. Part of the pool library: any caller
 * of it, under the VM's lock. An extension: without it there are no frames here, and no entry is a large leaf.
 *
 * A frame is 2 MiB of guest-physical space. It may be mapped whole only while each of its pages is RAM whose writes nobody
 * must see, so a count is kept of the pages that are not: it changes where page_state does, and a page that comes to be
 * watched takes the leaves of its frame away. There is no large leaf that is write-protected for that reason.
 */
#include <string.h>

#include "poold/pool/core/pool_priv.h"

#define FRAME_PAGES	(LARGE_SIZE / PAGE_SIZE)
#define FRAME_NIL	0xffffffffu

static uint32_t frames_of(uint32_t pages)
{
	return (uint32_t)((pages + FRAME_PAGES - 1) / FRAME_PAGES);
}

uint32_t large_frames(uint32_t low_gfn, uint32_t high_gfn)
{
	return frames_of(low_gfn) + frames_of(high_gfn);
}

/* RAM above 4 GiB starts a frame of its own. */
static uint32_t frame_index(const struct pool *p, uint64_t gfn)
{
	if (!p->n_frames)
		return FRAME_NIL;
	if (gfn < p->low_gfn)
		return (uint32_t)(gfn / FRAME_PAGES);
	gfn -= gfn_of(GUEST_RAM_HIGH_BASE);
	return gfn < p->high_gfn ? frames_of(p->low_gfn) + (uint32_t)(gfn / FRAME_PAGES) : FRAME_NIL;
}

uint64_t large_frame_gpa(const struct pool *p, uint32_t frame)
{
	uint32_t low = frames_of(p->low_gfn);

	return frame < low ? frame * LARGE_SIZE : GUEST_RAM_HIGH_BASE + (frame - low) * LARGE_SIZE;
}

uint32_t large_count(const struct pool *p, uint32_t frame)
{
	uint64_t gfn = gfn_of(large_frame_gpa(p, frame));
	uint32_t n = 0;

	for (uint64_t i = 0; i < FRAME_PAGES; i++)
		n += ram_index(p, gfn + i) == RAM_NIL || ram_state(p, gfn + i);
	return n;
}

void large_init(struct pool *p)
{
	memset(p->large_rmap, 0, (size_t)p->n_frames * sizeof(*p->large_rmap));
	for (uint32_t i = 0; i < p->n_frames; i++)
		p->no_large[i] = (uint16_t)large_count(p, i);
}

void large_state_changed(struct pool *p, uint64_t gfn, uint8_t was, uint8_t is)
{
	uint32_t frame = frame_index(p, gfn);

	if (frame == FRAME_NIL || !was == !is)
		return;
	if (is)
		p->no_large[frame]++;
	else
		p->no_large[frame]--;
}

bool large_allowed(const struct pool *p, uint64_t gpa)
{
	uint32_t frame = frame_index(p, gfn_of(gpa));

	return frame != FRAME_NIL && !p->no_large[frame];
}

uint64_t large_gpa(const struct pool *p, uint64_t entry)
{
	uint64_t gpa = (entry & PTE_ADDR) - p->cfg.ram_maddr;

	return gpa % LARGE_SIZE || frame_index(p, gfn_of(gpa)) == FRAME_NIL ||
	       ram_index(p, gfn_of(gpa) + FRAME_PAGES - 1) == RAM_NIL ? GPA_NIL : gpa;
}

uint64_t *large_word(const struct pool *p, uint64_t gpa)
{
	uint32_t frame = frame_index(p, gfn_of(gpa));

	return frame == FRAME_NIL ? NULL : &p->large_rmap[frame];
}

/* Every large leaf of a frame, found by looking at all directories: its word is overflowed. */
static void flush_scan(struct pool *p, uint64_t gpa)
{
	stat_inc(p, POOL_STAT_flush_gfn_slow);
	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		if (!page_in_use(p, page) || !(page_kind(p, page)->flags & KF_LARGE))
			continue;
		for (uint32_t s = 0; s < page_kind(p, page)->count; s++) {
			uint64_t e = entry_get(p, page, s);

			if (!entry_maps_large(page_kind(p, page), e) || large_gpa(p, e) != gpa)
				continue;
			entry_set(p, page, s, 0);
			stat_inc(p, POOL_STAT_flush_gfn_entries);
		}
	}
}

void large_flush(struct pool *p, uint64_t gfn)
{
	uint64_t gpa = gfn << PAGE_SHIFT & ~(LARGE_SIZE - 1), *word = large_word(p, gpa);

	if (!word || !*word)
		return;
	stat_inc(p, POOL_STAT_large_broken);
	if (RMAP_TAG(*word) == RMAP_OVERFLOW) {
		flush_scan(p, gpa);
		*word = 0;
		p->n_overflowed--;
	} else {
		rmap_word_flush(p, word);
	}
}
