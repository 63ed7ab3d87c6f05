/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shared objects of one session: the peer's, checked and mapped read-only, and poold's own, created, reserved
 * completely and sealed. Never reused for another session.
 */
#ifndef SHADOWPOOL_POOLD_OBJECTS_H
#define SHADOWPOOL_POOLD_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/attach.h"
#include "common/memfd.h"
#include "poold/serve/hugepages.h"

struct session_objects {
	struct memfd link_t, ram, stats_t;			/* the peer's, read-only here */
	struct memfd link_p, pool, page_state, stats_p;		/* ours */
	int event_fd;						/* the peer's eventfd, -1: none */
	void *tracking;						/* private memory of the pool library */
	uint64_t tracking_bytes;
	uint32_t pool_pages;					/* ATTACH_PAGES_2M or _4K: what it really is */
};

/* What poold needs to know to create its side. All checked before (hello.h). */
struct objects_wanted {
	uint64_t ram_span;		/* bytes, hole included */
	uint32_t nvcpu, nslots;
	uint64_t pool_bytes;		/* a multiple of 2 MiB */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint64_t tracking_bytes;
};

void objects_init(struct session_objects *o);
/*
 * Take the descriptors of a hello (all of them, also on error), check seals and sizes, map. 0, or -errno with one line
 * in err that names the object and what is wrong with it.
 */
int objects_open_peer(struct session_objects *o, const struct objects_wanted *w, int fds[HELLO_NFDS], char *err,
		      size_t err_size);
/*
 * Create poold's objects. 0, or -errno with one line in err: what was wanted, what is free, what to do. With
 * ATTACH_PAGES_AUTO too few hugepages are no error: note gets one line that says so (else it is empty).
 */
int objects_create(struct session_objects *o, const struct objects_wanted *w, const struct hugepages *huge, char *err,
		   size_t err_size, char *note, size_t note_size);
/* Unmap and close everything. Safe after any failure of the above. */
void objects_destroy(struct session_objects *o);

/* Bytes of stats-p. */
uint64_t objects_stats_bytes(void);

#endif
