/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shared objects of one session: those of the peer, checked and mapped read-only, and poold's own, created, reserved as a
 * whole and sealed. No object is used in a second session. doc/spec/ring.md, "Objects".
 */
#ifndef SHADOWPOOL_POOLD_OBJECTS_H
#define SHADOWPOOL_POOLD_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/attach.h"
#include "common/memfd.h"
#include "poold/serve/hugepages.h"

struct session_objects {
	struct memfd link_t, ram, stats_t;			/* the peer's, mapped read-only */
	struct memfd link_p, pool, page_state, stats_p;		/* poold's */
	int event_fd;						/* the peer's eventfd, -1: none */
	void *tracking;						/* tracking memory of the pool library, not shared */
	uint64_t tracking_bytes;
	uint32_t pool_pages;					/* ATTACH_PAGES_2M or _4K: what the pool really has */
};

/* What poold creates its objects from. hello_check() has checked every field. */
struct objects_wanted {
	uint64_t ram_span;		/* bytes from gpa 0 to the end of RAM, the hole below 4 GiB included */
	uint32_t nvcpu, nslots;
	uint64_t pool_bytes;		/* a multiple of 2 MiB */
	uint32_t pool_pages;		/* ATTACH_PAGES_* */
	uint64_t tracking_bytes;
};

void objects_init(struct session_objects *o);
/*
 * Check seals and sizes of the peer's objects and map them. The descriptors in fds[] belong to this function, also on error.
 * Returns 0, or -errno with one line in err that names the object and what is wrong with it.
 */
int objects_open_peer(struct session_objects *o, const struct objects_wanted *w, int fds[HELLO_NFDS], char *err,
		      size_t err_size);
/*
 * Create poold's objects. Returns 0, or -errno with one line in err: what was wanted, what is free, what to do. With
 * ATTACH_PAGES_AUTO too few hugepages are no error: the pool has pages of 4 KiB then and note gets one line that says so; else
 * note is empty.
 */
int objects_create(struct session_objects *o, const struct objects_wanted *w, const struct hugepages *huge, char *err,
		   size_t err_size, char *note, size_t note_size);
/* Unmap and close all objects. Allowed after any failure of the functions above. */
void objects_destroy(struct session_objects *o);

/* Bytes of stats-p. */
uint64_t objects_stats_bytes(void);

#endif
