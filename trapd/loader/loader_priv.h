/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the loader share: loader_multiboot.c (header, order of things), loader_elf.c (where an ELF image wants to
 * lie), loader_place.c (what is occupied), loader_info.c (modules and information structure), loader_source.c (bytes, messages),
 * loader_linux.c (bzImages).
 */
#ifndef SHADOWPOOL_TRAPD_LOADER_PRIV_H
#define SHADOWPOOL_TRAPD_LOADER_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "trapd/loader/loader.h"

#define LOADER_SEGMENTS_MAX	64u

/* Header flags: Multiboot 3.1.2. Bits 0 to 15 are requirements, the rest may be ignored. */
#define MULTIBOOT_PAGE_ALIGN	(1u << 0)
#define MULTIBOOT_MEMORY_INFO	(1u << 1)
#define MULTIBOOT_VIDEO_MODE	(1u << 2)
#define MULTIBOOT_ADDRESSES	(1u << 16)

/* The header as found, fields of absent parts 0. */
struct multiboot_header {
	uint32_t offset;		/* in the file */
	uint32_t flags;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

/* One piece of the image: file_size bytes from file_offset go to gpa, zeros follow up to mem_size. */
struct loader_segment {
	uint64_t file_offset, file_size;
	uint64_t gpa, mem_size;
	uint64_t va;			/* ELF: where the image believes it lies; else gpa */
};

/* What lies in RAM so far. */
struct loader_place {
	const struct guest_ram *ram;
	unsigned count;
	struct { uint64_t start, end; } used[LOADER_SEGMENTS_MAX + LOADER_MODULES_MAX + 1];
};

/* Bytes of an image or a module, and what to call it. */
struct loader_source {
	const char *name;
	const void *data;
	uint64_t size;
};

/* The line for the caller. */
struct loader_err {
	char *text;
	size_t size;
};

struct loader {
	const struct loader_source *image;
	struct multiboot_header header;
	unsigned nsegments;
	struct loader_segment segment[LOADER_SEGMENTS_MAX];
	uint64_t entry;			/* as the image states it */
	struct loader_place place;
	struct loader_err *err;
};

/* Format the line, prefixed with the name of the source; control characters replaced. err may be NULL. Returns rc. */
int loader_error(struct loader_err *err, int rc, const struct loader_source *s, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Copy len bytes from offset. 0; -ENOEXEC beyond the end (err says so). */
int loader_source_read(const struct loader_source *s, uint64_t offset, void *out, uint64_t len, struct loader_err *err);

/* Fill segments and entry. 0, -ENOEXEC with err. */
int loader_parse_elf(struct loader *l);
/* Is there an ELF header? */
bool loader_is_elf(const struct loader_source *s);

/* Mark [start, start + size) as used. False if it is outside RAM or something lies there. size 0: nothing to do. */
bool place_take(struct loader_place *p, uint64_t start, uint64_t size);
/*
 * Find and take size > 0 bytes of RAM below 4 GiB from gpa from upwards, a multiple of align. from is only where the search
 * begins; the rest of RAM above 64 KiB is tried after that. False: no room.
 */
bool place_find(struct loader_place *p, uint64_t from, uint64_t size, uint64_t align, uint64_t *gpa);
/* End of the highest piece below 4 GiB, at least 1 MiB. */
uint64_t place_end(const struct loader_place *p);

/* The memory map that images are told, in both protocols' numbers: 1 RAM, 2 reserved. */
#define LOADER_RANGES	4u
#define LOADER_LOW_END	0x9fc00ull	/* end of base memory: where the extended BIOS data area would begin */
struct loader_range { uint64_t gpa, size; uint32_t type; };
/* Fill range[LOADER_RANGES], ascending; returns how many there are. */
unsigned loader_ranges(const struct guest_ram *ram, struct loader_range *range);

/* Load modules and write the information structure. */
int loader_write_info(struct loader *l, const char *cmdline, const struct multiboot_module *modules, unsigned nmodules,
		      uint32_t *info_gpa);

#endif
