/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 32-bit code writes an entry of 8 bytes by two stores of 4. The event of the first store waits until the second store is done,
 * and one event tells of both. doc/pool.md, "Writes to monitored tables", switch "pair".
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_PAIR_H
#define SHADOWPOOL_TRAPD_WRITE_PAIR_H

#include <stdbool.h>

#include "common/shm_layout.h"

#define WRITE_PAIR_HALF	4u	/* bytes */

struct write_pair {
	bool open;			/* events of halves are held at present */
	bool held;			/* ev is an event that waits */
	struct link_event ev;		/* that of the first half */
};

/*
 * ev is to be posted while the pair is open. out[] gets the events to post now, their number is returned: none if ev is the first
 * half of an entry, which is held; one for both halves if ev is the other half; else the event that was held, if any, and ev.
 * Pure.
 */
unsigned write_pair_add(struct write_pair *p, const struct link_event *ev, struct link_event out[2]);
/* No other half will come. Returns 1 if an event was held, which *out gets to be posted; else 0. Pure. */
unsigned write_pair_end(struct write_pair *p, struct link_event *out);

#endif
