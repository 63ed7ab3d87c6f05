/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest pages of a trace, see trace_image.h. Used by poold's recorder and by the replayer; no I/O. Memory comes from mmap:
 * malloc, when it gives memory back, opens files in /proc, which poold's sandbox does not allow.
 */
#include "poold/trace/trace_image.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "common/x86.h"

#define NOWHERE		UINT64_MAX
#define SLAB_PAGES	63u		/* a slab is 256 KiB */

struct trace_slab {
	SLIST_ENTRY(trace_slab) entry;
	uint8_t pad[PAGE_SIZE - sizeof(void *)];	/* behind the entry, so that pages are aligned as pages */
	uint8_t page[SLAB_PAGES][PAGE_SIZE];
};
_Static_assert(sizeof(struct trace_slab) == (SLAB_PAGES + 1) * PAGE_SIZE, "a slab is whole pages");

static void *memory_get(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Place of a gfn: low RAM, then high RAM without the hole. */
static uint64_t place_of(const struct trace_image *image, uint64_t gfn)
{
	if (gfn < image->ram.low_end >> PAGE_SHIFT)
		return gfn;
	if (gfn < GUEST_RAM_HIGH_BASE >> PAGE_SHIFT || gfn >= image->ram.high_end >> PAGE_SHIFT)
		return NOWHERE;
	return (image->ram.low_end >> PAGE_SHIFT) + gfn - (GUEST_RAM_HIGH_BASE >> PAGE_SHIFT);
}

static uint64_t count_places(const struct guest_ram *ram)
{
	return (ram->low_end + (ram->high_end ? ram->high_end - GUEST_RAM_HIGH_BASE : 0)) >> PAGE_SHIFT;
}

int trace_image_init(struct trace_image *image, const struct guest_ram *ram, uint64_t max_pages)
{
	*image = (struct trace_image){ .ram = *ram, .max_pages = max_pages ? max_pages : NOWHERE };
	image->page = memory_get(count_places(ram) * sizeof(*image->page));
	return image->page ? 0 : -ENOMEM;
}

void trace_image_fini(struct trace_image *image)
{
	while (!SLIST_EMPTY(&image->slabs)) {
		struct trace_slab *s = SLIST_FIRST(&image->slabs);

		SLIST_REMOVE_HEAD(&image->slabs, entry);
		munmap(s, sizeof(*s));
	}
	if (image->page)
		munmap(image->page, count_places(&image->ram) * sizeof(*image->page));
	*image = (struct trace_image){ .page = NULL };
}

static uint8_t *page_new(struct trace_image *image)
{
	if (!image->left) {
		struct trace_slab *s = memory_get(sizeof(*s));

		if (!s)
			return NULL;
		SLIST_INSERT_HEAD(&image->slabs, s, entry);
		image->left = SLAB_PAGES;
	}
	return SLIST_FIRST(&image->slabs)->page[--image->left];
}

uint8_t *trace_image_find(const struct trace_image *image, uint64_t gfn)
{
	uint64_t place = place_of(image, gfn);

	return place == NOWHERE ? NULL : image->page[place];
}

uint8_t *trace_image_add(struct trace_image *image, uint64_t gfn)
{
	uint64_t place = place_of(image, gfn);

	if (place == NOWHERE)
		return NULL;
	if (!image->page[place] && image->npages < image->max_pages) {
		image->page[place] = page_new(image);
		image->npages += image->page[place] != NULL;
	}
	return image->page[place];
}

uint64_t trace_image_get(const uint8_t *page, uint64_t gpa, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, page + (gpa & (PAGE_SIZE - 1)), size);
	return value;
}

void trace_image_put(uint8_t *page, uint64_t gpa, unsigned size, uint64_t value)
{
	memcpy(page + (gpa & (PAGE_SIZE - 1)), &value, size);
}
