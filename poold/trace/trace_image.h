/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest pages that a trace has shown so far, as the trace last had them: the recorder's to find what has changed, the
 * replayer's to answer reads. Not thread-safe.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_IMAGE_H
#define SHADOWPOOL_POOLD_TRACE_IMAGE_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/guest_ram.h"

struct trace_slab;

struct trace_image {
	struct guest_ram ram;
	uint64_t npages, max_pages;	/* in use, allowed */
	uint8_t **page;			/* by place of the gfn in RAM */
	SLIST_HEAD(, trace_slab) slabs;	/* memory of the pages, newest first */
	unsigned left;			/* pages not given out of the newest one */
};

/* max_pages 0: no limit. Returns 0 or -ENOMEM. */
int trace_image_init(struct trace_image *image, const struct guest_ram *ram, uint64_t max_pages);
void trace_image_fini(struct trace_image *image);
/* The bytes of a page that is there, else NULL; also if gfn is outside RAM. */
uint8_t *trace_image_find(const struct trace_image *image, uint64_t gfn);
/* The bytes of a page, zero if it is new. NULL: outside RAM, too many, no memory. */
uint8_t *trace_image_add(struct trace_image *image, uint64_t gfn);

/* The aligned word of size 4 or 8 at gpa in page. */
uint64_t trace_image_get(const uint8_t *page, uint64_t gpa, unsigned size);
void trace_image_put(uint8_t *page, uint64_t gpa, unsigned size, uint64_t value);

#endif
