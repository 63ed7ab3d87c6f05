/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes as a Multiboot image or a Linux bzImage. The first byte chooses RAM size and modules, the rest
 * is the image. RAM lies between pages that fault; after a load everything that the image is told must be inside RAM.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trapd/loader/loader.h"

#define RAM_MAX	(4u << 20)
#define GUARD	4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "violated: %s\n", what);
	abort();
}

static uint8_t *ram_between_guards(void)
{
	static uint8_t *map;

	if (!map) {
		map = mmap(NULL, RAM_MAX + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(map != MAP_FAILED && !mprotect(map + GUARD, RAM_MAX, PROT_READ | PROT_WRITE), "RAM can be mapped");
	}
	/* It ends at the upper guard page whatever its size. */
	return map + GUARD + RAM_MAX;
}

static uint32_t word(const struct guest_ram *ram, uint64_t gpa)
{
	uint32_t value;

	must(guest_ram_contains(ram, gpa, 4), "pointers of the information structure are inside RAM");
	memcpy(&value, guest_ram_ptr(ram, gpa), sizeof(value));
	return value;
}

static void check_info(const struct guest_ram *ram, const struct multiboot_entry *e, unsigned nmodules)
{
	uint32_t mods = word(ram, e->info_gpa + 24), map = word(ram, e->info_gpa + 48), i;

	must(guest_ram_contains(ram, e->entry, 1), "the entry point is inside RAM");
	must(guest_ram_contains(ram, e->info_gpa, 116), "the information structure is inside RAM");
	must(guest_ram_contains(ram, map, word(ram, e->info_gpa + 44)), "so is the memory map");
	must(word(ram, e->info_gpa + 20) == nmodules, "every module is listed");
	word(ram, word(ram, e->info_gpa + 16));
	for (i = 0; i < nmodules; i++) {
		uint32_t start = word(ram, mods + i * 16), end = word(ram, mods + i * 16 + 4);

		must(end > start && guest_ram_contains(ram, start, end - start), "modules are inside RAM");
		must(*(uint8_t *)guest_ram_ptr(ram, start) == 0xa5, "nothing is written over a module");
	}
}

static void check_params(const struct guest_ram *ram, const struct linux_entry *e, uint32_t initrd_size)
{
	uint32_t initrd = word(ram, e->params_gpa + 0x218), i;
	uint8_t n;

	must(guest_ram_contains(ram, e->entry, 1), "the kernel is inside RAM");
	must(guest_ram_contains(ram, e->params_gpa, 4096), "the zero page is inside RAM");
	must(guest_ram_contains(ram, e->gdt_gpa, e->gdt_limit + 1u), "the GDT is inside RAM");
	word(ram, word(ram, e->params_gpa + 0x228));
	must(word(ram, e->params_gpa + 0x21c) == initrd_size, "the initrd is listed");
	if (initrd_size) {
		must(guest_ram_contains(ram, initrd, initrd_size), "the initrd is inside RAM");
		for (i = 0; i < initrd_size; i++)
			must(((uint8_t *)guest_ram_ptr(ram, initrd))[i] == 0xa5, "nothing is written over the initrd");
	}
	n = (uint8_t)word(ram, e->params_gpa + 0x1e8);
	must(n >= 1 && n <= 4, "the memory map has entries");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t sizes[] = { RAM_MAX, 2u << 20, (1u << 20) + 4096, 65536 };
	static uint8_t bytes[5000];
	const struct multiboot_module modules[] = { { "one", bytes, 1 }, { "two", bytes, sizeof(bytes) } };
	struct multiboot_entry entry;
	struct linux_entry linux_out;
	struct guest_ram ram;
	unsigned nmodules, i;
	char err[256] = "";
	int rc;

	if (!size)
		return 0;
	guest_ram_layout(&ram, sizes[data[0] & 3]);
	ram.base = ram_between_guards() - ram.low_end;
	nmodules = (data[0] >> 2) % 3;
	memset(bytes, 0xa5, sizeof(bytes));
	if (linux_is_image(data + 1, size - 1)) {
		rc = linux_load(&ram, data + 1, size - 1, "image", "command line", nmodules ? &modules[nmodules - 1] : NULL, &linux_out,
				err, sizeof(err));
		if (!rc)
			check_params(&ram, &linux_out, nmodules ? (uint32_t)modules[nmodules - 1].size : 0);
		goto refusal;
	}
	rc = multiboot_load(&ram, data + 1, size - 1, "image", "command line", modules, nmodules, &entry, err, sizeof(err));
	if (!rc)
		check_info(&ram, &entry, nmodules);
refusal:
	if (rc)
		must(!strncmp(err, "image: ", 7) || !strncmp(err, "one: ", 5) || !strncmp(err, "two: ", 5),
		     "a refusal names what is refused");
	for (i = 0; err[i]; i++)
		must(err[i] != '\n', "a refusal is one line");
	return 0;
}
