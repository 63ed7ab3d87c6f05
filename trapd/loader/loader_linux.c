/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux bzImages by the 32-bit boot protocol: check the setup header, copy the protected-mode part, place command line and
 * initrd, write the zero page and a GDT. The real-mode part is never run. Process trapd, control thread; writes RAM only.
 * Source: Linux Documentation/arch/x86/boot.rst ("32-bit Boot Protocol", fields of the setup header) and zero-page.rst.
 */
#include <errno.h>
#include <string.h>

#include "common/x86.h"
#include "trapd/devices/acpi.h"
#include "trapd/loader/loader_priv.h"

#define SECTOR		512u
#define HEADER_MAGIC	0x53726448u	/* "HdrS" */
#define BOOT_FLAG	0xaa55u
#define LOADED_HIGH	0x01u
#define VERSION_MIN	0x0202u		/* cmd_line_ptr */
#define VERSION_INITRD	0x0203u		/* initrd_addr_max */
#define VERSION_RELOC	0x0205u		/* relocatable_kernel */
#define VERSION_CMDLINE	0x0206u		/* cmdline_size */
#define VERSION_PREF	0x020au		/* pref_address, init_size */
#define DEFAULT_GPA	0x100000u
#define INITRD_MAX	0x37ffffffu	/* before version 2.03 */
#define CMDLINE_MAX	255u		/* before version 2.06 */
#define LOADER_UNKNOWN	0xffu
#define PARAMS_SEARCH	0x10000ull
#define PARAMS_SIZE	4096u
#define E820_MAX	128u

/* Offsets in the zero page; from SETUP_START to SETUP_END the same as in the file. */
enum {
	SCREEN_MODE = 0x06, SCREEN_COLS = 0x07, SCREEN_LINES = 0x0e, SCREEN_IS_VGA = 0x0f, SCREEN_POINTS = 0x10, ACPI_RSDP = 0x70,
	ALT_MEM_K = 0x1e0, E820_ENTRIES = 0x1e8, SETUP_START = 0x1f1, SETUP_SECTS = 0x1f1, BOOT_FLAG_AT = 0x1fe,
	JUMP = 0x200, MAGIC = 0x202, VERSION = 0x206, TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, CODE32_START = 0x214,
	RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c, CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22c, KERNEL_ALIGNMENT = 0x230,
	RELOCATABLE = 0x234, CMDLINE_SIZE = 0x238, PREF_ADDRESS = 0x258, INIT_SIZE = 0x260, SETUP_END = 0x290,
	E820_TABLE = 0x2d0,
};

/* What lies in one block below 640 KiB; the command line follows. */
struct linux_block {
	uint8_t params[PARAMS_SIZE];
	uint64_t gdt[4];
};

struct linux_image {
	const struct loader_source *source;
	struct loader_err *err;
	struct loader_place place;
	uint8_t setup[SETUP_END];	/* the file's first bytes, 0 where the header has ended */
	uint64_t kernel_at, kernel_size;	/* of the protected-mode part, in the file */
	uint64_t gpa, init_size;
	uint64_t initrd_max;		/* last address of its last byte */
	uint32_t cmdline_max;		/* without the 0 at the end */
};

static uint64_t field(const uint8_t *page, unsigned at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, page + at, size);
	return value;
}

static void set_field(uint8_t *page, unsigned at, unsigned size, uint64_t value)
{
	memcpy(page + at, &value, size);
}

bool linux_is_image(const void *image, size_t size)
{
	return size >= MAGIC + 4 && field(image, MAGIC, 4) == HEADER_MAGIC;
}

/* The header says where it ends: the byte at 0x201, an offset from 0x202. What lies behind is code, not fields. */
static int setup_read(struct linux_image *l)
{
	uint64_t size = l->source->size < SETUP_END ? l->source->size : SETUP_END, end;
	int rc = loader_source_read(l->source, 0, l->setup, size, l->err);

	if (rc)
		return rc;
	end = MAGIC + (uint64_t)l->setup[JUMP + 1];
	if (end > size)
		return loader_error(l->err, -ENOEXEC, l->source, "truncated: the setup header of this bzImage ends at %#llx, the file at "
				    "%#llx; copy or build it again", (unsigned long long)end, (unsigned long long)l->source->size);
	memset(l->setup + end, 0, SETUP_END - end);
	return 0;
}

static int setup_check(struct linux_image *l)
{
	const uint8_t *s = l->setup;
	unsigned version = (unsigned)field(s, VERSION, 2);

	if (field(s, BOOT_FLAG_AT, 2) != BOOT_FLAG)
		return loader_error(l->err, -ENOEXEC, l->source, "damaged bzImage: no boot signature at 0x1fe; copy or build it again");
	if (version < VERSION_MIN)
		return loader_error(l->err, -ENOEXEC, l->source, "a bzImage of boot protocol %u.%02u; 2.02 is the oldest that can be "
				    "booted: take a newer kernel", version >> 8, version & 0xff);
	if (!(s[LOADFLAGS] & LOADED_HIGH))
		return loader_error(l->err, -ENOEXEC, l->source, "a zImage, which lies below 1 MiB; build it as bzImage");
	l->kernel_at = ((s[SETUP_SECTS] ? s[SETUP_SECTS] : 4u) + 1u) * SECTOR;
	if (l->kernel_at >= l->source->size)
		return loader_error(l->err, -ENOEXEC, l->source, "truncated: its kernel begins at %#llx, the file has %#llx bytes; copy or "
				    "build it again", (unsigned long long)l->kernel_at, (unsigned long long)l->source->size);
	l->kernel_size = l->source->size - l->kernel_at;
	l->gpa = version >= VERSION_PREF && field(s, PREF_ADDRESS, 8) ? field(s, PREF_ADDRESS, 8) : DEFAULT_GPA;
	l->init_size = version >= VERSION_PREF ? field(s, INIT_SIZE, 4) : 0;
	if (l->init_size < l->kernel_size)
		l->init_size = l->kernel_size;
	l->initrd_max = version >= VERSION_INITRD ? field(s, INITRD_ADDR_MAX, 4) : INITRD_MAX;
	l->cmdline_max = version >= VERSION_CMDLINE ? (uint32_t)field(s, CMDLINE_SIZE, 4) : CMDLINE_MAX;
	return 0;
}

static int kernel_load(struct linux_image *l)
{
	const struct guest_ram *ram = l->place.ram;

	/* The entry is 32-bit code. */
	if (l->gpa < DEFAULT_GPA || l->gpa >= GUEST_RAM_LOW_MAX)
		return loader_error(l->err, -ENOEXEC, l->source, "damaged bzImage: it wants to lie at %#llx; copy or build it again",
				    (unsigned long long)l->gpa);
	if (!place_take(&l->place, l->gpa, l->init_size))
		return loader_error(l->err, -ENOMEM, l->source, "it needs RAM up to %llu MiB to start, this VM has %llu MiB; give it more "
				    "with --mem", (unsigned long long)((l->gpa + l->init_size + 0xfffff) >> 20),
				    (unsigned long long)(ram->low_end >> 20));
	return loader_source_read(l->source, l->kernel_at, guest_ram_ptr(ram, l->gpa), l->kernel_size, l->err);
}

/* As high as it may lie, which is where the kernel expects least of its own. */
static int initrd_load(struct linux_image *l, const struct loader_source *initrd, uint64_t *gpa)
{
	uint64_t end = l->initrd_max + 1 < l->place.ram->low_end ? l->initrd_max + 1 : l->place.ram->low_end;

	*gpa = 0;
	if (!initrd->size)
		return 0;
	if (initrd->size <= end)
		*gpa = (end - initrd->size) & PAGE_MASK;
	if (*gpa < DEFAULT_GPA || !place_take(&l->place, *gpa, initrd->size))
		return loader_error(l->err, -ENOMEM, initrd, "no room for this initrd of %llu KiB below %llu MiB beside the kernel; give "
				    "the VM more with --mem", (unsigned long long)((initrd->size + 1023) / 1024),
				    (unsigned long long)(end >> 20));
	return loader_source_read(initrd, 0, guest_ram_ptr(l->place.ram, *gpa), initrd->size, l->err);
}

static void fill_e820(uint8_t *params, const struct guest_ram *ram)
{
	struct loader_range range[LOADER_RANGES];
	unsigned n = loader_ranges(ram, range), i;

	params[E820_ENTRIES] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		set_field(params, E820_TABLE + i * 20, 8, range[i].gpa);
		set_field(params, E820_TABLE + i * 20 + 8, 8, range[i].size);
		set_field(params, E820_TABLE + i * 20 + 16, 4, range[i].type);
	}
	set_field(params, ALT_MEM_K, 4, ram->low_end > DEFAULT_GPA ? (ram->low_end - DEFAULT_GPA) / 1024 : 0);
}

/* Text mode 3, 80 by 25: what VGA memory shows. */
static void fill_screen(uint8_t *params)
{
	params[SCREEN_MODE] = 3;
	params[SCREEN_COLS] = 80;
	params[SCREEN_LINES] = 25;
	params[SCREEN_IS_VGA] = 1;
	params[SCREEN_POINTS] = 16;
}

static int params_write(struct linux_image *l, const char *cmdline, const struct loader_source *initrd, uint64_t initrd_gpa,
			struct linux_entry *out)
{
	/* __BOOT_CS 0x10 and __BOOT_DS 0x18: flat, ring 0, 4 GiB, accessed. */
	struct linux_block b = { .gdt = { 0, 0, 0x00cf9b000000ffffull, 0x00cf93000000ffffull } };
	uint64_t length = strlen(cmdline) + 1, gpa;

	if (length - 1 > l->cmdline_max)
		return loader_error(l->err, -EINVAL, l->source, "the command line is longer than this kernel's %u bytes; shorten it",
				    l->cmdline_max);
	if (!place_find(&l->place, PARAMS_SEARCH, sizeof(b) + length, PAGE_SIZE, &gpa))
		return loader_error(l->err, -ENOMEM, l->source, "no room for boot parameters; give the VM more RAM with --mem");
	memcpy(b.params + SETUP_START, l->setup + SETUP_START, SETUP_END - SETUP_START);
	fill_screen(b.params);
	fill_e820(b.params, l->place.ram);
	b.params[TYPE_OF_LOADER] = LOADER_UNKNOWN;
	set_field(b.params, ACPI_RSDP, 8, acpi_rsdp(l->place.ram));	/* or 0: then it searches, and finds none */
	set_field(b.params, CODE32_START, 4, l->gpa);
	set_field(b.params, RAMDISK_IMAGE, 4, initrd_gpa);
	set_field(b.params, RAMDISK_SIZE, 4, initrd->size);
	set_field(b.params, CMD_LINE_PTR, 4, gpa + sizeof(b));
	memcpy(guest_ram_ptr(l->place.ram, gpa), &b, sizeof(b));
	memcpy(guest_ram_ptr(l->place.ram, gpa + sizeof(b)), cmdline, length);
	out->entry = (uint32_t)l->gpa;
	out->params_gpa = (uint32_t)gpa;
	out->gdt_gpa = (uint32_t)(gpa + offsetof(struct linux_block, gdt));
	out->gdt_limit = sizeof(b.gdt) - 1;
	return 0;
}

int linux_load(const struct guest_ram *ram, const void *image, size_t image_size, const char *name, const char *cmdline,
	       const struct multiboot_module *initrd, struct linux_entry *out, char *err, size_t err_size)
{
	const struct loader_source source = { name, image, image_size };
	const struct loader_source rd = { initrd ? initrd->cmdline : "initrd", initrd ? initrd->data : NULL, initrd ? initrd->size : 0 };
	struct loader_err line = { err, err_size };
	struct linux_image l = { .source = &source, .err = &line, .place.ram = ram };
	uint64_t initrd_gpa = 0;
	int rc;

	if (!linux_is_image(image, image_size))
		return loader_error(&line, -ENOEXEC, &source, "not a Linux bzImage; name a kernel's bzImage or vmlinuz");
	rc = setup_read(&l);
	if (!rc)
		rc = setup_check(&l);
	if (!rc)
		rc = kernel_load(&l);
	if (!rc)
		rc = initrd_load(&l, &rd, &initrd_gpa);
	return rc ? rc : params_write(&l, cmdline ? cmdline : "", &rd, initrd_gpa, out);
}
