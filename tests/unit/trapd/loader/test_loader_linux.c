/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bzImages that are built here byte by byte: what a good one finds in RAM and in its registers, how each kind of bad one is
 * refused, and mutated ones, which may do anything but crash or write outside RAM.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trapd/devices/acpi.h"
#include "trapd/loader/loader.h"

#define RAM_BYTES	(8u << 20)
#define GUARD		4096u
#define IMAGE_BYTES	(5 * 512u + 0x1000u)	/* boot sector, 4 setup sectors, kernel */

static uint8_t image[IMAGE_BYTES], *mapping;
static size_t image_size;
static struct guest_ram ram;
static struct linux_entry entry;
static char err[256];

static void put(size_t at, unsigned size, uint64_t value)
{
	memcpy(image + at, &value, size);
}

static uint64_t get(uint64_t gpa, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, ram.base + gpa, size);
	return value;
}

static uint64_t param(unsigned at, unsigned size)
{
	return get(entry.params_gpa + at, size);
}

/* Protocol 2.12, relocatable, at 2 MiB, needs 1 MiB to start; initrd below 6 MiB; command lines of up to 100 bytes. */
static void make(void)
{
	memset(image, 0x90, sizeof(image));
	image_size = sizeof(image);
	memset(image + 0x1f1, 0, 0x264 - 0x1f1);
	put(0x1f1, 1, 4);
	put(0x1fe, 2, 0xaa55);
	put(0x200, 2, 0x62eb);			/* the header ends at 0x264 */
	put(0x202, 4, 0x53726448);
	put(0x206, 2, 0x20c);
	put(0x211, 1, 1);
	put(0x214, 4, 0x100000);
	put(0x22c, 4, (6u << 20) - 1);
	put(0x230, 4, 0x200000);
	put(0x234, 1, 1);
	put(0x238, 4, 100);
	put(0x258, 8, 0x200000);
	put(0x260, 4, 0x100000);
	for (size_t i = 5 * 512; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 7);
}

/* RAM between two pages that fault. */
static void setup(void)
{
	mapping = mmap(NULL, RAM_BYTES + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(mapping, MAP_FAILED);
	cr_assert_eq(mprotect(mapping + GUARD, RAM_BYTES, PROT_READ | PROT_WRITE), 0);
	ram.base = mapping + GUARD;
	guest_ram_layout(&ram, RAM_BYTES);
	make();
}

static void teardown(void)
{
	munmap(mapping, RAM_BYTES + 2 * GUARD);
}

static int load_with(const char *cmdline, const struct multiboot_module *initrd)
{
	/* An exact copy on the heap, so that ASan sees a read past its end. */
	uint8_t *copy = malloc(image_size ? image_size : 1);
	int rc;

	memcpy(copy, image, image_size);
	err[0] = 0;
	rc = linux_load(&ram, copy, image_size, "image", cmdline, initrd, &entry, err, sizeof(err));
	free(copy);
	return rc;
}

static void refused(int rc, const char *part)
{
	cr_assert_eq(load_with("", NULL), rc, "%s", err);
	cr_assert_not_null(strstr(err, part), "'%s'", err);
	cr_assert_eq(strncmp(err, "image: ", 7), 0);
	cr_assert_null(strchr(err, '\n'));
}

TestSuite(loader_linux, .init = setup, .fini = teardown);

Test(loader_linux, kernel_lies_at_its_preferred_address_and_is_entered_there)
{
	cr_assert_eq(load_with("quiet", NULL), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x200000);
	cr_assert_arr_eq(ram.base + 0x200000, image + 5 * 512, 0x1000);
	put(0x206, 2, 0x209);
	cr_assert_eq(load_with("quiet", NULL), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100000, "before protocol 2.10 there is no preferred address");
	put(0x1f1, 1, 0);
	cr_assert_eq(load_with("quiet", NULL), 0, "%s", err);
	cr_assert_arr_eq(ram.base + 0x100000, image + 5 * 512, 0x1000, "0 setup sectors mean 4");
}

Test(loader_linux, zero_page_holds_the_setup_header_and_nothing_else_of_the_file)
{
	cr_assert_eq(load_with("console=ttyS0", NULL), 0, "%s", err);
	cr_assert_eq(param(0x202, 4), 0x53726448);
	cr_assert_eq(param(0x206, 2), 0x20c);
	cr_assert_eq(param(0x210, 1), 0xff, "type of loader: unknown");
	cr_assert_eq(param(0x214, 4), 0x200000);
	cr_assert_eq(param(0x260, 4), 0x100000);
	for (unsigned at = 0x264; at < 0x2d0; at++)
		cr_assert_eq(param(at, 1), 0, "%#x", at);
	for (unsigned at = 0x20; at < 0x1e0; at++)
		cr_assert_eq(param(at, 1), 0, "%#x", at);
	cr_assert_str_eq((char *)ram.base + param(0x228, 4), "console=ttyS0");
	cr_assert_eq(param(0x06, 1), 3);
	cr_assert_eq(param(0x07, 1), 80);
	cr_assert_eq(param(0x0e, 1), 25);
	cr_assert_eq(param(0x218, 8), 0, "no initrd");
	cr_assert_lt(entry.params_gpa, 0x9f000);
}

Test(loader_linux, zero_page_tells_where_the_acpi_tables_are)
{
	acpi_write(&ram, 1);
	cr_assert_eq(load_with("", NULL), 0, "%s", err);
	cr_assert_eq(param(0x70, 8), 0xe0000);
	cr_assert_eq(memcmp(ram.base + 0xe0000, "RSD PTR ", 8), 0, "and they are still there");
}

Test(loader_linux, header_of_an_old_kernel_is_shorter)
{
	put(0x206, 2, 0x202);
	put(0x200, 2, 0x2aeb);	/* ends at 0x22c */
	cr_assert_eq(load_with("x", NULL), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100000);
	cr_assert_eq(param(0x230, 8), 0);
	cr_assert_eq(param(0x258, 8), 0);
}

Test(loader_linux, e820_map)
{
	static const struct { uint64_t gpa, size; uint32_t type; } map[] = {
		{ 0, 0x9fc00, 1 }, { 0x9fc00, 0x60400, 2 }, { 0x100000, RAM_BYTES - 0x100000, 1 },
	};

	cr_assert_eq(load_with(NULL, NULL), 0, "%s", err);
	cr_assert_eq(param(0x1e8, 1), 3);
	cr_assert_eq(param(0x1e0, 4), 7 * 1024);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(param(0x2d0 + i * 20, 8), map[i].gpa);
		cr_assert_eq(param(0x2d8 + i * 20, 8), map[i].size);
		cr_assert_eq(param(0x2e0 + i * 20, 4), map[i].type);
	}
}

Test(loader_linux, gdt_has_the_flat_segments_of_the_protocol)
{
	cr_assert_eq(load_with("", NULL), 0, "%s", err);
	cr_assert_eq(entry.gdt_limit, 31);
	cr_assert_eq(get(entry.gdt_gpa + 0x10, 8), 0x00cf9b000000ffff, "__BOOT_CS: 4 GiB, execute and read");
	cr_assert_eq(get(entry.gdt_gpa + 0x18, 8), 0x00cf93000000ffff, "__BOOT_DS: 4 GiB, read and write");
}

Test(loader_linux, initrd_lies_as_high_as_it_may)
{
	static uint8_t bytes[5000];
	struct multiboot_module initrd = { "rd", bytes, sizeof(bytes) };

	memset(bytes, 0x5a, sizeof(bytes));
	cr_assert_eq(load_with("", &initrd), 0, "%s", err);
	cr_assert_eq(param(0x218, 4), (6u << 20) - 0x2000);
	cr_assert_eq(param(0x21c, 4), sizeof(bytes));
	cr_assert_arr_eq(ram.base + (6u << 20) - 0x2000, bytes, sizeof(bytes));
	put(0x22c, 4, 0x7fffffff);
	cr_assert_eq(load_with("", &initrd), 0, "%s", err);
	cr_assert_eq(param(0x218, 4), RAM_BYTES - 0x2000);
	put(0x22c, 4, 0xffffffff);
	cr_assert_eq(load_with("", &initrd), 0, "%s", err);
	cr_assert_eq(param(0x218, 4), RAM_BYTES - 0x2000);
}

Test(loader_linux, initrd_without_room_is_refused_by_name)
{
	struct multiboot_module initrd = { "rd", image, sizeof(image) };

	put(0x22c, 4, 0x280000);	/* inside the kernel */
	cr_assert_eq(load_with("", &initrd), -ENOMEM);
	cr_assert_eq(strncmp(err, "rd: no room for this initrd", 27), 0, "%s", err);
	put(0x22c, 4, 100);
	cr_assert_eq(load_with("", &initrd), -ENOMEM);
	initrd.size = 0;
	cr_assert_eq(load_with("", &initrd), 0, "%s", err);
}

Test(loader_linux, files_that_are_no_bzimage)
{
	cr_assert(linux_is_image(image, image_size));
	cr_assert_not(linux_is_image(image, 0x205));
	put(0x202, 4, 0);
	cr_assert_not(linux_is_image(image, image_size));
	refused(-ENOEXEC, "not a Linux bzImage");
	make();
	put(0x1fe, 2, 0);
	refused(-ENOEXEC, "no boot signature");
	make();
	put(0x206, 2, 0x201);
	refused(-ENOEXEC, "boot protocol 2.01");
	make();
	put(0x211, 1, 0);
	refused(-ENOEXEC, "a zImage");
	make();
	put(0x258, 8, 0x80000);
	refused(-ENOEXEC, "wants to lie at 0x80000");
	put(0x258, 8, 1ull << 40);
	refused(-ENOEXEC, "wants to lie at 0x10000000000");
	make();
	put(0x258, 8, 0x700000);
	put(0x260, 4, 0x200000);
	refused(-ENOMEM, "needs RAM up to 9 MiB to start, this VM has 8 MiB");
}

Test(loader_linux, every_truncation_is_refused_or_loads_less)
{
	for (image_size = 0; image_size < IMAGE_BYTES; image_size++) {
		int rc = load_with("", NULL);

		if (image_size <= 5 * 512)
			cr_assert_eq(rc, -ENOEXEC, "%zu: %s", image_size, err);
		else
			cr_assert_eq(rc, 0, "%zu: %s", image_size, err);
	}
}

Test(loader_linux, command_line_longer_than_the_kernel_takes)
{
	char line[300];

	memset(line, 'a', sizeof(line));
	line[100] = 0;
	cr_assert_eq(load_with(line, NULL), 0, "%s", err);
	cr_assert_str_eq((char *)ram.base + param(0x228, 4), line);
	line[100] = 'a';
	line[101] = 0;
	cr_assert_eq(load_with(line, NULL), -EINVAL);
	cr_assert_not_null(strstr(err, "100 bytes"), "%s", err);
	put(0x206, 2, 0x205);
	cr_assert_eq(load_with(line, NULL), 0, "255 bytes before protocol 2.06: %s", err);
	line[101] = 'a';
	line[256] = 0;
	cr_assert_eq(load_with(line, NULL), -EINVAL);
}

Test(loader_linux, mutated_headers_never_leave_ram)
{
	static uint8_t bytes[5000];
	const struct multiboot_module initrd = { "rd", bytes, sizeof(bytes) };
	unsigned seed = 1, loaded = 0;

	for (unsigned i = 0; i < 3000; i++) {
		make();
		for (unsigned n = (unsigned)rand_r(&seed) % 4; n; n--)
			put(0x1f1 + (unsigned)rand_r(&seed) % 0x80, 1u << rand_r(&seed) % 4, (uint64_t)rand_r(&seed) << rand_r(&seed) % 33);
		if (load_with("quiet", &initrd))
			continue;
		loaded++;
		cr_assert(guest_ram_contains(&ram, entry.entry, 1));
		cr_assert(guest_ram_contains(&ram, entry.params_gpa, 4096));
		cr_assert(guest_ram_contains(&ram, param(0x218, 4), param(0x21c, 4)));
	}
	cr_assert_gt(loaded, 300);
}
