/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See code_moved.h. Key is eight bytes of which the opcode is one: four stand before it, or as many as the page has, or as few as
 * leave room for the rest; three windows, so that code that is moved across the end of a page is found as well. No state but the set.
 */
#include "trapd/code_moved.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS	65536u		/* 1 MiB; a distribution's kernel fills some thousands */
#define FULL	(SLOTS / 4 * 3)
#define WINDOW	8u

static const uint8_t bytes_before[] = { 4, 7, 0 };	/* of the opcode, in a window */
#define WINDOWS (sizeof(bytes_before) / sizeof(bytes_before[0]))

struct entry {
	uint64_t window;
	uint8_t before;
	uint8_t opcode;		/* 0: free */
};

struct code_moved {
	uint32_t used;
	struct entry slot[SLOTS];
};

/* The entry of a window, or the free one where it belongs. There always is one. */
static const struct entry *locate(const struct code_moved *m, uint64_t window, uint8_t before)
{
	uint32_t i = (uint32_t)((window ^ before) * 0x9e3779b97f4a7c15ull >> 48);

	while (m->slot[i].opcode && (m->slot[i].window != window || m->slot[i].before != before))
		i = (i + 1) % SLOTS;
	return &m->slot[i];
}

struct code_moved *code_moved_create(void)
{
	return calloc(1, sizeof(struct code_moved));
}

void code_moved_destroy(struct code_moved *m)
{
	free(m);
}

void code_moved_note(struct code_moved *m, const uint8_t page[PAGE_SIZE], unsigned site, uint8_t opcode)
{
	for (unsigned i = 0; i < WINDOWS; i++) {
		struct entry *e;
		uint64_t window;

		if (site < bytes_before[i] || site - bytes_before[i] > PAGE_SIZE - WINDOW)
			continue;
		memcpy(&window, page + site - bytes_before[i], WINDOW);
		e = &m->slot[locate(m, window, bytes_before[i]) - m->slot];
		if (e->opcode || m->used >= FULL)
			continue;
		*e = (struct entry){ window, bytes_before[i], opcode };
		m->used++;
	}
}

uint8_t code_moved_find(const struct code_moved *m, const uint8_t *around, unsigned first, unsigned last)
{
	for (unsigned i = 0; i < WINDOWS; i++) {
		unsigned at = CODE_MOVED_REACH - bytes_before[i];
		const struct entry *e;
		uint64_t window;

		if (at < first || at + WINDOW - 1 > last)
			continue;
		memcpy(&window, around + at, WINDOW);
		e = locate(m, window, bytes_before[i]);
		if (e->opcode)
			return e->opcode;
	}
	return 0;
}
