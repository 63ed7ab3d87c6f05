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

/*
 * Header flags: Multiboot 3.1.2. An unknown bit of 0 to 15 must make the loader refuse the image; bits 16 to 31 may be ignored.
 */
#define MULTIBOOT_PAGE_ALIGN	(1u << 0)
#define MULTIBOOT_MEMORY_INFO	(1u << 1)
#define MULTIBOOT_VIDEO_MODE	(1u << 2)
#define MULTIBOOT_ADDRESSES	(1u << 16)

/* The image's Multiboot header. Fields that its flags do not announce are 0 here. */
struct multiboot_header {
	uint32_t offset;		/* of the header in the file */
	uint32_t flags;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

/* One piece of the image: file_size bytes from file_offset go to gpa, zeros follow up to mem_size. */
struct loader_segment {
	uint64_t file_offset, file_size;
	uint64_t gpa, mem_size;
	uint64_t va;			/* ELF: the virtual address that the image was linked for; other formats: gpa */
};

/* Which parts of RAM are occupied, by pieces of the image, modules and the information structure. */
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

/* Where the line for the caller goes that says what is wrong and what to do. */
struct loader_err {
	char *text;
	size_t size;
};

struct loader {
	const struct loader_source *image;
	struct multiboot_header header;
	unsigned nsegments;
	struct loader_segment segment[LOADER_SEGMENTS_MAX];
	uint64_t entry;			/* entry point as the image states it: a virtual address for ELF images */
	struct loader_place place;
	struct loader_err *err;
};

/*
 * Format the line for the caller, with the name of source s in front of it; control characters are replaced, because image and
 * modules choose their names. err may be NULL. Returns rc.
 */
int loader_error(struct loader_err *err, int rc, const struct loader_source *s, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Copy len bytes of the source from offset on. Returns 0, or -ENOEXEC with err if the source ends before. */
int loader_source_read(const struct loader_source *s, uint64_t offset, void *out, uint64_t len, struct loader_err *err);

/* Fill l->segment[], l->nsegments and l->entry from the program headers. Returns 0, or -ENOEXEC with err. */
int loader_parse_elf(struct loader *l);
/* Does the source begin with the magic of an ELF header? */
bool loader_is_elf(const struct loader_source *s);

/*
 * Mark [start, start + size) as occupied. False: it is not wholly in RAM, or a part is occupied already. size 0: true, nothing is
 * marked.
 */
bool place_take(struct loader_place *p, uint64_t start, uint64_t size);
/*
 * Find size (more than 0) bytes of free RAM below 4 GiB at a multiple of align, and mark them as occupied. The search goes up
 * from address from; if there is no room, it goes through the rest of RAM above 64 KiB. False: there is no room anywhere.
 */
bool place_find(struct loader_place *p, uint64_t from, uint64_t size, uint64_t align, uint64_t *gpa);
/* Address behind the highest occupied byte below 4 GiB; 1 MiB if that is lower. */
uint64_t place_end(const struct loader_place *p);

/* The memory map that images are told. Types are numbered alike by Multiboot and by Linux's boot protocol: 1 RAM, 2 reserved. */
#define LOADER_RANGES	4u
#define LOADER_LOW_END	0x9fc00ull	/* end of base memory: where the extended BIOS data area would begin */
struct loader_range { uint64_t gpa, size; uint32_t type; };
/* Fill range[], which has room for LOADER_RANGES, with ascending addresses. Returns how many ranges there are. */
unsigned loader_ranges(const struct guest_ram *ram, struct loader_range *range);

/*
 * Copy the modules into RAM and write the Multiboot information structure; *info_gpa gets its address. Returns 0 or -errno with
 * err.
 */
int loader_write_info(struct loader *l, const char *cmdline, const struct multiboot_module *modules, unsigned nmodules,
		      uint32_t *info_gpa);

#endif
