/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See code_moved.h. The set has windows of eight bytes around each opcode that was replaced: one with four bytes in front of the
 * opcode, one with seven, one with none. With three windows code is found also if it was moved to the beginning or the end of a
 * page.
 */
#include "trapd/code/code_moved.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	65536u		/* of the hash table, 1 MiB; a distribution's kernel fills some thousands of them */
#define FULL	(SLOTS / 4 * 3)
#define WINDOW	8u

static const uint8_t bytes_before[] = { 4, 7, 0 };	/* bytes of a window in front of the opcode */
#define WINDOWS (sizeof(bytes_before) / sizeof(bytes_before[0]))

struct entry {
	uint64_t window;
	uint8_t before;
	uint8_t opcode;		/* 0: free */
};

struct code_moved {
	pthread_mutex_t lock;
	uint32_t used;
	struct entry slot[SLOTS];
};

/* The entry of a window, or the free entry where it belongs; the set is never full, so there is one. Under the lock. */
static const struct entry *locate(const struct code_moved *m, uint64_t window, uint8_t before)
{
	uint32_t i = (uint32_t)((window ^ before) * 0x9e3779b97f4a7c15ull >> 48);

	while (m->slot[i].opcode && (m->slot[i].window != window || m->slot[i].before != before))
		i = (i + 1) % SLOTS;
	return &m->slot[i];
}

struct code_moved *code_moved_create(void)
{
	struct code_moved *m = calloc(1, sizeof(*m));

	if (m)
		pthread_mutex_init(&m->lock, NULL);
	return m;
}

void code_moved_destroy(struct code_moved *m)
{
	if (m)
		pthread_mutex_destroy(&m->lock);
	free(m);
}

void code_moved_note(struct code_moved *m, const uint8_t page[PAGE_SIZE], unsigned site, uint8_t opcode)
{
	pthread_mutex_lock(&m->lock);
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
	pthread_mutex_unlock(&m->lock);
}

uint8_t code_moved_find(struct code_moved *m, const uint8_t *around, unsigned first, unsigned last)
{
	uint8_t opcode = 0;

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < WINDOWS && !opcode; i++) {
		unsigned at = CODE_MOVED_REACH - bytes_before[i];
		uint64_t window;

		if (at < first || at + WINDOW - 1 > last)
			continue;
		memcpy(&window, around + at, WINDOW);
		opcode = locate(m, window, bytes_before[i])->opcode;
	}
	pthread_mutex_unlock(&m->lock);
	return opcode;
}
