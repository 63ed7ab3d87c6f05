/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modules and the Multiboot information structure: what the image finds through EBX. Everything but the modules lies in one
 * block below 640 KiB if there is room, because kernels take what follows their image as free memory. Control thread.
 * Source: Multiboot Specification version 0.6.96, 3.3 and 3.4.
 */
#include <errno.h>
#include <string.h>

#include "common/x86.h"
#include "trapd/loader/loader_priv.h"

#define INFO_MEM		(1u << 0)
#define INFO_CMDLINE		(1u << 2)
#define INFO_MODS		(1u << 3)
#define INFO_MMAP		(1u << 6)
#define INFO_LOADER_NAME	(1u << 9)
#define INFO_FRAMEBUFFER	(1u << 12)

#define INFO_SEARCH		0x10000ull
#define MIB			(1ull << 20)
#define VGA_TEXT_GPA		0xb8000ull

static const char loader_name[] = "shadowpool";

/* Multiboot 3.3, offsets checked below. */
struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr, config_table, boot_loader_name, apm_table;
	uint32_t vbe[4];
	uint64_t framebuffer_addr;
	uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
	uint8_t framebuffer_bpp, framebuffer_type, color_info[6];
} __attribute__((packed));

_Static_assert(offsetof(struct info, mmap_length) == 44, "Multiboot 3.3");
_Static_assert(offsetof(struct info, framebuffer_addr) == 88, "Multiboot 3.3");
_Static_assert(sizeof(struct info) == 116, "Multiboot 3.3");

struct info_module {
	uint32_t start, end, string, zero;
};

struct info_range {
	uint32_t size;		/* of what follows: Multiboot 3.3, mmap */
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

/* Layout of the block: info, ranges, modules, then the strings. */
struct block {
	struct info info;
	struct info_range range[LOADER_RANGES];
	struct info_module module[LOADER_MODULES_MAX];
} __attribute__((aligned(8)));

_Static_assert(offsetof(struct block, module) == sizeof(struct info) + LOADER_RANGES * 24, "no padding");

static void fill_memory(struct block *b, const struct guest_ram *ram)
{
	struct loader_range range[LOADER_RANGES];
	unsigned n = loader_ranges(ram, range), i;

	b->info.mem_lower = (uint32_t)((ram->low_end < LOADER_LOW_END ? ram->low_end : LOADER_LOW_END) / 1024);
	b->info.mem_upper = ram->low_end > MIB ? (uint32_t)((ram->low_end - MIB) / 1024) : 0;
	b->info.mmap_length = n * (uint32_t)sizeof(b->range[0]);
	for (i = 0; i < n; i++)
		b->range[i] = (struct info_range){ sizeof(b->range[0]) - sizeof(b->range[0].size), range[i].gpa, range[i].size,
						   range[i].type };
}

/* A request for a video mode is answered with the text screen, as 3.1.4 allows whatever mode is asked for. */
static void fill_screen(struct info *i)
{
	i->framebuffer_addr = VGA_TEXT_GPA;
	i->framebuffer_pitch = 160;
	i->framebuffer_width = 80;
	i->framebuffer_height = 25;
	i->framebuffer_bpp = 16;
	i->framebuffer_type = 2;	/* EGA text: sizes in characters */
}

/* Modules are always page-aligned, asked for or not, one after the other behind the image. */
static int module_load(struct loader *l, const struct multiboot_module *m, struct info_module *out)
{
	const struct loader_source source = { m->cmdline, m->data, m->size };
	uint64_t gpa = (place_end(&l->place) + PAGE_SIZE - 1) & PAGE_MASK;

	if (m->size && !place_find(&l->place, gpa, m->size, PAGE_SIZE, &gpa))
		return loader_error(l->err, -ENOMEM, &source, "no room for this module of %llu KiB in RAM below 3 GiB; give the VM "
				    "more with --mem", (unsigned long long)((m->size + 1023) / 1024));
	out->start = (uint32_t)gpa;
	out->end = (uint32_t)(gpa + m->size);
	return loader_source_read(&source, 0, m->size ? guest_ram_ptr(l->place.ram, gpa) : NULL, m->size, l->err);
}

/* Append a string to the block in RAM; returns its gpa. */
static uint32_t string_put(const struct guest_ram *ram, uint64_t *gpa, const char *text)
{
	uint32_t at = (uint32_t)*gpa;
	size_t size = strlen(text) + 1;

	memcpy(guest_ram_ptr(ram, at), text, size);
	*gpa += size;
	return at;
}

int loader_write_info(struct loader *l, const char *cmdline, const struct multiboot_module *modules, unsigned nmodules,
		      uint32_t *info_gpa)
{
	uint64_t size = sizeof(struct block) + strlen(cmdline) + 1 + sizeof(loader_name), gpa, text;
	const struct guest_ram *ram = l->place.ram;
	struct block b = { .info.flags = INFO_MEM | INFO_CMDLINE | INFO_MODS | INFO_MMAP | INFO_LOADER_NAME };
	unsigned i;
	int rc;

	for (i = 0; i < nmodules; i++)
		size += strlen(modules[i].cmdline) + 1;
	if (!place_find(&l->place, INFO_SEARCH, size, 8, &gpa))
		return loader_error(l->err, -ENOMEM, l->image, "no room for %llu bytes of Multiboot information beside it; give the VM "
				    "more RAM with --mem", (unsigned long long)size);
	for (i = 0; i < nmodules; i++) {
		rc = module_load(l, &modules[i], &b.module[i]);
		if (rc)
			return rc;
	}
	text = gpa + sizeof(b);
	for (i = 0; i < nmodules; i++)
		b.module[i].string = string_put(ram, &text, modules[i].cmdline);
	b.info.cmdline = string_put(ram, &text, cmdline);
	b.info.boot_loader_name = string_put(ram, &text, loader_name);
	b.info.mods_count = nmodules;
	b.info.mods_addr = (uint32_t)(gpa + offsetof(struct block, module));
	b.info.mmap_addr = (uint32_t)(gpa + offsetof(struct block, range));
	fill_memory(&b, ram);
	if (l->header.flags & MULTIBOOT_VIDEO_MODE) {
		b.info.flags |= INFO_FRAMEBUFFER;
		fill_screen(&b.info);
	}
	memcpy(guest_ram_ptr(ram, gpa), &b, sizeof(b));
	*info_gpa = (uint32_t)gpa;
	return 0;
}
