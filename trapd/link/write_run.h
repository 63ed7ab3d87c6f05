/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A string instruction, or a device that is read by one, stores many small operands side by side. Their events are held and told
 * as one RANGE event. doc/spec/ring.md, type RANGE of an event.
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_RUN_H
#define SHADOWPOOL_TRAPD_WRITE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shm_layout.h"

struct write_run {
	bool open;			/* events are held at present */
	bool held;			/* ev is an event that waits */
	struct link_event ev;		/* one store, or a RANGE of those so far */
};

/* Guest memory that an event tells about. */
uint64_t write_run_bytes(const struct link_event *ev);
/*
 * ev is to be posted while the run is open. true: *out is to be posted now, the run that ev does not go on with; ev is held then. A
 * store directly behind or in front of what is held joins it. Pure.
 */
bool write_run_add(struct write_run *r, const struct link_event *ev, struct link_event *out);
/* No more stores come. true: *out is what was held, to be posted. Pure. */
bool write_run_end(struct write_run *r, struct link_event *out);

#endif
