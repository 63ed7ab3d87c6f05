/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Multiboot 1: find the header, let the image's format say where it wants to lie, check all of it against RAM, copy, then
 * modules and information structure. The only file of the loader that writes the image into RAM. Control thread.
 * Source: Multiboot Specification version 0.6.96, 3.1 (header) and 3.2 (machine state).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/loader/loader_priv.h"

#define HEADER_SEARCH	8192u		/* Multiboot 3.1: the header lies wholly in the first 8192 bytes, 4-byte aligned */
#define HEADER_MAGIC	0x1badb002u
#define HEADER2_MAGIC	0xe85250d6u	/* Multiboot 2 */
#define KNOWN_NEEDS	(MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO | MULTIBOOT_VIDEO_MODE)
#define NEEDS		0xffffu

static uint32_t word_at(const uint8_t *bytes, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

/* Why there is no header: the likely mistake, and what to do about it. */
static int no_header(struct loader *l, const uint8_t *bytes, uint32_t len, uint32_t bad_checksum)
{
	uint32_t i;

	if (bad_checksum != HEADER_SEARCH)
		return loader_error(l->err, -ENOEXEC, l->image, "the Multiboot header at offset %#x has a wrong checksum; magic, "
				    "flags and checksum must add up to 0", bad_checksum);
	for (i = 0; i + 4 <= len; i += 4)
		if (word_at(bytes, i) == HEADER2_MAGIC)
			return loader_error(l->err, -ENOEXEC, l->image, "a Multiboot 2 image; add a Multiboot 1 header");
	return loader_error(l->err, -ENOEXEC, l->image, "neither a Multiboot 1 image nor a Linux bzImage: no header in the first 8 KiB%s",
			    loader_is_elf(l->image) ? " of this ELF file; link the header's section first" :
			    "; name a kernel that was built for one of them");
}

static int header_find(struct loader *l)
{
	uint8_t bytes[HEADER_SEARCH];
	uint32_t len = l->image->size < sizeof(bytes) ? (uint32_t)l->image->size : (uint32_t)sizeof(bytes);
	uint32_t i, flags = 0, bad_checksum = HEADER_SEARCH;
	struct multiboot_header *h = &l->header;
	int rc;

	rc = loader_source_read(l->image, 0, bytes, len, l->err);
	if (rc)
		return rc;
	for (i = 0; i + 12 <= len; i += 4) {
		if (word_at(bytes, i) != HEADER_MAGIC)
			continue;
		flags = word_at(bytes, i + 4);
		if (HEADER_MAGIC + flags + word_at(bytes, i + 8) == 0)
			break;
		bad_checksum = i;
	}
	if (i + 12 > len)
		return no_header(l, bytes, len, bad_checksum);

	*h = (struct multiboot_header){ .offset = i, .flags = flags };
	if (flags & NEEDS & ~KNOWN_NEEDS)
		return loader_error(l->err, -ENOEXEC, l->image, "its Multiboot header demands features %#x that no specification "
				    "defines; clear these bits", flags & NEEDS & ~KNOWN_NEEDS);
	if (!(flags & MULTIBOOT_ADDRESSES))
		return 0;
	if (i + 32 > len)
		return loader_error(l->err, -ENOEXEC, l->image, "truncated: its Multiboot header ends after %u bytes; build it again",
				    len - i);
	h->header_addr = word_at(bytes, i + 12);
	h->load_addr = word_at(bytes, i + 16);
	h->load_end_addr = word_at(bytes, i + 20);
	h->bss_end_addr = word_at(bytes, i + 24);
	h->entry_addr = word_at(bytes, i + 28);
	return 0;
}

/* The address fields, which replace whatever format the file has: Multiboot 3.1.3. */
static int parse_addresses(struct loader *l)
{
	const struct multiboot_header *h = &l->header;
	struct loader_segment *s = &l->segment[0];
	uint64_t before = (uint64_t)h->header_addr - h->load_addr;	/* bytes of the load region before the header */

	if (h->load_addr > h->header_addr || before > h->offset)
		return loader_error(l->err, -ENOEXEC, l->image, "Multiboot address fields: load_addr %#x does not fit header_addr %#x "
				    "at file offset %#x; correct them", h->load_addr, h->header_addr, h->offset);
	s->file_offset = h->offset - before;
	/* 0: text and data are the whole rest of the file. */
	s->file_size = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr : l->image->size - s->file_offset;
	s->mem_size = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : s->file_size;
	if ((h->load_end_addr && h->load_end_addr < h->load_addr) || (h->bss_end_addr && h->bss_end_addr < h->load_addr) ||
	    s->mem_size < s->file_size || !s->mem_size)
		return loader_error(l->err, -ENOEXEC, l->image, "Multiboot address fields: load_addr %#x, load_end_addr %#x and "
				    "bss_end_addr %#x are out of order; correct them", h->load_addr, h->load_end_addr,
				    h->bss_end_addr);
	s->gpa = s->va = h->load_addr;
	l->nsegments = 1;
	l->entry = h->entry_addr;
	return 0;
}

static int segments_place(struct loader *l)
{
	const struct guest_ram *ram = l->place.ram;
	const struct loader_segment *s;
	unsigned i;

	for (i = 0; i < l->nsegments; i++) {
		s = &l->segment[i];
		if (s->file_size > l->image->size || s->file_offset > l->image->size - s->file_size)
			return loader_error(l->err, -ENOEXEC, l->image, "truncated: a segment of %#llx bytes at file offset %#llx ends "
					    "beyond the file's %#llx; copy or build it again", (unsigned long long)s->file_size,
					    (unsigned long long)s->file_offset, (unsigned long long)l->image->size);
		if (!guest_ram_contains(ram, s->gpa, s->mem_size))
			return loader_error(l->err, -ENOMEM, l->image, "its segment at %#llx of %llu KiB is outside this VM's RAM of %llu "
					    "MiB; give it more with --mem, or link it lower", (unsigned long long)s->gpa,
					    (unsigned long long)(s->mem_size / 1024), (unsigned long long)((ram->low_end +
					    (ram->high_end ? ram->high_end - GUEST_RAM_HIGH_BASE : 0)) >> 20));
		if (!place_take(&l->place, s->gpa, s->mem_size))
			return loader_error(l->err, -ENOEXEC, l->image, "two of its segments overlap at %#llx; link it again",
					    (unsigned long long)s->gpa);
	}
	return 0;
}

/*
 * Where to enter. ELF says that e_entry is a virtual address; kernels that run elsewhere than they are loaded state either
 * that or the physical one, so the segment that contains it decides.
 */
static int entry_find(struct loader *l, uint64_t *entry)
{
	const struct loader_segment *s;
	unsigned pass, i;
	uint64_t base;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < l->nsegments; i++) {
			s = &l->segment[i];
			base = pass ? s->gpa : s->va;
			if (l->entry < base || l->entry - base >= s->mem_size)
				continue;
			*entry = s->gpa + (l->entry - base);
			if (*entry < GUEST_RAM_HIGH_BASE)
				return 0;
		}
	}
	return loader_error(l->err, -ENOEXEC, l->image, "its entry point %#llx lies in none of its segments below 4 GiB; correct the "
			    "linker script's ENTRY", (unsigned long long)l->entry);
}

static int segments_copy(struct loader *l)
{
	const struct loader_segment *s;
	uint8_t *to;
	unsigned i;
	int rc;

	for (i = 0; i < l->nsegments; i++) {
		s = &l->segment[i];
		if (!s->mem_size)
			continue;
		to = guest_ram_ptr(l->place.ram, s->gpa);
		rc = loader_source_read(l->image, s->file_offset, to, s->file_size, l->err);
		if (rc)
			return rc;
		memset(to + s->file_size, 0, s->mem_size - s->file_size);
	}
	return 0;
}

static int image_load(struct loader *l, uint64_t *entry)
{
	int rc = header_find(l);

	if (rc)
		return rc;
	if (l->header.flags & MULTIBOOT_ADDRESSES)
		rc = parse_addresses(l);
	else if (loader_is_elf(l->image))
		rc = loader_parse_elf(l);
	else
		rc = loader_error(l->err, -ENOEXEC, l->image, "neither an ELF file nor has its Multiboot header address fields; set "
				  "flag 16 and fill them in");
	if (!rc)
		rc = segments_place(l);
	if (!rc)
		rc = entry_find(l, entry);
	return rc ? rc : segments_copy(l);
}

int multiboot_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
		   const struct multiboot_module *modules, unsigned nmodules, struct multiboot_entry *out, char *err,
		   size_t err_size)
{
	const struct loader_source source = { name, image, image_size };
	struct loader_err line = { err, err_size };
	struct loader *l;
	int rc;

	if (nmodules > LOADER_MODULES_MAX)
		return loader_error(&line, -EINVAL, &source, "%u modules; at most %u can be loaded", nmodules,
				    LOADER_MODULES_MAX);
	if (cmdline && strlen(cmdline) >= LOADER_CMDLINE_MAX)
		return loader_error(&line, -EINVAL, &source, "the command line is longer than %u bytes; shorten it",
				    LOADER_CMDLINE_MAX - 1);
	l = calloc(1, sizeof(*l));
	if (!l)
		return loader_error(&line, -ENOMEM, &source, "no memory on the host; free some");
	l->image = &source;
	l->place.ram = ram;
	l->err = &line;
	rc = image_load(l, &out->entry);
	if (!rc)
		rc = loader_write_info(l, cmdline ? cmdline : "", modules, nmodules, &out->info_gpa);
	free(l);
	return rc;
}
