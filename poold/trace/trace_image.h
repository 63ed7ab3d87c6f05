/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of the guest pages that a trace has shown so far. The recorder finds with it which words have changed, the replayer
 * answers reads from it. One thread at a time.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_IMAGE_H
#define SHADOWPOOL_POOLD_TRACE_IMAGE_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/guest_ram.h"

struct trace_slab;

struct trace_image {
	struct guest_ram ram;
	uint64_t npages, max_pages;	/* pages in use, and how many may be; 0: no limit */
	uint8_t **page;			/* index: number of the page among those of RAM, without the hole */
	SLIST_HEAD(, trace_slab) slabs;	/* memory of the pages, newest first */
	unsigned left;			/* pages of the newest slab that are not given out */
};

/* An image without pages. max_pages: 0: no limit. Returns 0 or -ENOMEM. */
int trace_image_init(struct trace_image *image, const struct guest_ram *ram, uint64_t max_pages);
void trace_image_fini(struct trace_image *image);
/* The bytes of a page; NULL: the trace has not shown it, or gfn is outside RAM. */
uint8_t *trace_image_find(const struct trace_image *image, uint64_t gfn);
/*
 * The bytes of a page, which is added with zeros if it is not there. NULL: gfn is outside RAM, there are max_pages, or no memory.
 */
uint8_t *trace_image_add(struct trace_image *image, uint64_t gfn);

/* Read and write the aligned word of 4 or 8 bytes at gpa, which lies in page. */
uint64_t trace_image_get(const uint8_t *page, uint64_t gpa, unsigned size);
void trace_image_put(uint8_t *page, uint64_t gpa, unsigned size, uint64_t value);

#endif
