/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Multiboot loader with images built here byte by byte: what a good one finds in RAM, how each kind of bad one is
 * refused, and mutated ones, which may do anything but crash or write outside RAM (run it under ASan).
 */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "trapd/loader/loader.h"

#define RAM_BYTES	(4u << 20)
#define GUARD		4096u
#define IMAGE_BYTES	0x4000u

static uint8_t image[IMAGE_BYTES], *mapping;
static size_t image_size;
static struct guest_ram ram;
static struct multiboot_entry entry;
static char err[256];

static void put32(size_t at, uint32_t value)
{
	memcpy(image + at, &value, 4);
}

static void put_header(size_t at, uint32_t flags)
{
	put32(at, 0x1badb002);
	put32(at + 4, flags);
	put32(at + 8, -(0x1badb002 + flags));
}

/* RAM between two pages that fault. */
static void setup(void)
{
	mapping = mmap(NULL, RAM_BYTES + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(mapping, MAP_FAILED);
	cr_assert_eq(mprotect(mapping + GUARD, RAM_BYTES, PROT_READ | PROT_WRITE), 0);
	ram.base = mapping + GUARD;
	guest_ram_layout(&ram, RAM_BYTES);
	memset(image, 0, sizeof(image));
	for (size_t i = 0x1000; i < IMAGE_BYTES; i++)
		image[i] = (uint8_t)(i * 7);
	image_size = IMAGE_BYTES;
}

static void teardown(void)
{
	munmap(mapping, RAM_BYTES + 2 * GUARD);
}

static Elf32_Phdr *phdr32(unsigned i)
{
	return (Elf32_Phdr *)(void *)(image + sizeof(Elf32_Ehdr)) + i;
}

/* Text at 1 MiB with 0x200 bytes of bss, data at 2 MiB, entry in the text. */
static void make_elf32(void)
{
	Elf32_Ehdr *e = (Elf32_Ehdr *)(void *)image;

	*e = (Elf32_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC,
			   .e_machine = EM_386, .e_version = 1, .e_entry = 0x100010, .e_phoff = sizeof(*e),
			   .e_ehsize = sizeof(*e), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 3 };
	*phdr32(0) = (Elf32_Phdr){ PT_LOAD, 0x1000, 0x100000, 0x100000, 0x800, 0xa00, PF_R | PF_X, 0x1000 };
	*phdr32(1) = (Elf32_Phdr){ PT_NOTE, 0x1000, 0, 0, 0xffffffff, 0xffffffff, 0, 0 };
	*phdr32(2) = (Elf32_Phdr){ PT_LOAD, 0x2000, 0x200000, 0x200000, 0x1000, 0x1000, PF_R | PF_W, 0x1000 };
	put_header(0x200, 3);
}

static Elf64_Phdr *phdr64(unsigned i)
{
	return (Elf64_Phdr *)(void *)(image + sizeof(Elf64_Ehdr)) + i;
}

/* Boot code at 1 MiB, the kernel proper linked high and loaded at 2 MiB. */
static void make_elf64(void)
{
	Elf64_Ehdr *e = (Elf64_Ehdr *)(void *)image;

	*e = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC,
			   .e_machine = EM_X86_64, .e_version = 1, .e_entry = 0x100020, .e_phoff = sizeof(*e),
			   .e_ehsize = sizeof(*e), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2 };
	*phdr64(0) = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0x1000, 0x100000, 0x100000, 0x1000, 0x1000, 0x1000 };
	*phdr64(1) = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, 0x2000, 0xffffffff80200000, 0x200000, 0x1000, 0x3000, 0x1000 };
	put_header(0x200, 3);
}

/* Header at file offset 0x1000, text from 0x1000 at 1 MiB. */
static void make_flat(void)
{
	put_header(0x1000, 0x10003);
	put32(0x100c, 0x100000);
	put32(0x1010, 0x100000);
	put32(0x1014, 0x101000);
	put32(0x1018, 0x102000);
	put32(0x101c, 0x100040);
}

static int load_with(const char *cmdline, const struct multiboot_module *modules, unsigned n)
{
	/* An exact copy on the heap, so that ASan sees a read past its end. */
	uint8_t *copy = malloc(image_size ? image_size : 1);
	int rc;

	memcpy(copy, image, image_size);
	err[0] = 0;
	rc = multiboot_load(&ram, copy, image_size, "image", cmdline, modules, n, &entry, err, sizeof(err));
	free(copy);
	return rc;
}

static int load(void)
{
	return load_with(NULL, NULL, 0);
}

/* A refusal: result and a part of its line, which must be one line. */
static void refused(int rc, const char *part)
{
	cr_assert_eq(load(), rc, "%s", err);
	cr_assert_not_null(strstr(err, part), "'%s'", err);
	cr_assert_eq(strncmp(err, "image: ", 7), 0);
	cr_assert_null(strchr(err, '\n'));
}

static uint32_t info32(unsigned offset)
{
	uint32_t value;

	memcpy(&value, ram.base + entry.info_gpa + offset, 4);
	return value;
}

static void same(uint64_t gpa, size_t at, size_t len)
{
	cr_assert_arr_eq(ram.base + gpa, image + at, len);
}

static void zero(uint64_t gpa, size_t len)
{
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(ram.base[gpa + i], 0);
}

TestSuite(loader, .init = setup, .fini = teardown);

Test(loader, elf32_lies_where_its_headers_say)
{
	make_elf32();
	memset(ram.base + 0x100800, 0xee, 0x300);
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100010);
	same(0x100000, 0x1000, 0x800);
	zero(0x100800, 0x200);
	cr_assert_eq(ram.base[0x100a00], 0xee, "nothing beyond the segment");
	same(0x200000, 0x2000, 0x1000);
}

Test(loader, elf64_entry_may_be_virtual_or_physical)
{
	make_elf64();
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100020);
	same(0x200000, 0x2000, 0x1000);
	zero(0x201000, 0x2000);
	((Elf64_Ehdr *)(void *)image)->e_entry = 0xffffffff80200123;
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x200123);
	((Elf64_Ehdr *)(void *)image)->e_entry = 0x200456;
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x200456);
}

Test(loader, flat_image_by_its_address_fields)
{
	make_flat();
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100040);
	same(0x100000, 0x1000, 0x1000);
	zero(0x101000, 0x1000);
	/* load_end_addr 0: the rest of the file; bss_end_addr 0: no bss. load_addr below the header. */
	put32(0x100c, 0x100100);
	put32(0x1014, 0);
	put32(0x1018, 0);
	cr_assert_eq(load(), 0, "%s", err);
	same(0x100000, 0xf00, IMAGE_BYTES - 0xf00);
}

Test(loader, address_fields_win_over_elf)
{
	make_elf32();
	make_flat();
	put32(0x200, 0);
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(entry.entry, 0x100040);
	zero(0x200000, 16);
}

Test(loader, header_is_found_up_to_the_last_place)
{
	make_elf32();
	put32(0x200, 0);
	put_header(8192 - 12, 3);
	cr_assert_eq(load(), 0, "%s", err);
	put32(8192 - 12, 0);
	put_header(8192 - 8, 3);
	refused(-ENOEXEC, "no header in the first 8 KiB of this ELF file");
	put_header(0x202, 3);
	refused(-ENOEXEC, "no header");
	put_header(0x1f00, 3);
	put32(0x1f08, 1);
	refused(-ENOEXEC, "at offset 0x1f00 has a wrong checksum");
	put_header(0x1f20, 3);
	cr_assert_eq(load(), 0, "a good header after a bad one");
}

Test(loader, information_structure)
{
	static const struct { uint64_t addr, len; uint32_t type; } map[] = {
		{ 0, 0x9fc00, 1 }, { 0x9fc00, 0x60400, 2 }, { 0x100000, RAM_BYTES - 0x100000, 1 },
	};
	uint32_t at;

	make_elf32();
	cr_assert_eq(load_with("edits=7 quiet", NULL, 0), 0, "%s", err);
	cr_assert_eq(info32(0) & 0x24d, 0x24d);
	cr_assert_eq(info32(0) & 0x1000, 0, "no screen unless asked");
	cr_assert_eq(info32(4), 639);
	cr_assert_eq(info32(8), 3072);
	cr_assert_str_eq((char *)ram.base + info32(16), "edits=7 quiet");
	cr_assert_eq(info32(20), 0);
	cr_assert_eq(info32(44), 3 * 24);
	at = info32(48);
	for (unsigned i = 0; i < 3; i++, at += 24) {
		cr_assert_eq(memcmp(ram.base + at, &(uint32_t){ 20 }, 4), 0);
		cr_assert_arr_eq(ram.base + at + 4, &map[i].addr, 8);
		cr_assert_arr_eq(ram.base + at + 12, &map[i].len, 8);
		cr_assert_arr_eq(ram.base + at + 20, &map[i].type, 4);
	}
	cr_assert_str_eq((char *)ram.base + info32(64), "shadowpool");
	cr_assert_lt(entry.info_gpa, 0x9f000, "out of the way of kernels that use what follows them");
	cr_assert_eq(load(), 0);
	cr_assert_str_eq((char *)ram.base + info32(16), "");
}

Test(loader, video_request_gets_the_text_screen)
{
	make_elf32();
	put_header(0x200, 7);
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert(info32(0) & 0x1000);
	cr_assert_eq(info32(88), 0xb8000);
	cr_assert_eq(info32(96), 160);
	cr_assert_eq(info32(100), 80);
	cr_assert_eq(info32(104), 25);
	cr_assert_eq(info32(108) & 0xffff, 0x0210);
	put_header(0x200, 8);
	refused(-ENOEXEC, "demands features 0x8");
	put_header(0x200, 0x20000);
	cr_assert_eq(load(), 0, "optional features may be ignored");
}

Test(loader, memory_above_4_gib_is_in_the_map)
{
	uint64_t addr, len;

	munmap(mapping, RAM_BYTES + 2 * GUARD);
	guest_ram_layout(&ram, (3ull << 30) + (64 << 20));
	ram.base = mapping = mmap(NULL, ram.high_end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert_neq(mapping, MAP_FAILED);
	make_elf32();
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_eq(info32(8), (3u << 20) - 1024);
	cr_assert_eq(info32(44), 4 * 24);
	memcpy(&addr, ram.base + info32(48) + 3 * 24 + 4, 8);
	memcpy(&len, ram.base + info32(48) + 3 * 24 + 12, 8);
	cr_assert_eq(addr, 4ull << 30);
	cr_assert_eq(len, 64u << 20);
	/* A segment may lie up there, the entry not, and nothing across the hole. */
	make_elf64();
	phdr64(1)->p_paddr = 4ull << 30;
	cr_assert_eq(load(), 0, "%s", err);
	same(4ull << 30, 0x2000, 0x1000);
	((Elf64_Ehdr *)(void *)image)->e_entry = 0xffffffff80200000;
	refused(-ENOEXEC, "entry point");
	make_elf64();
	phdr64(1)->p_paddr = (3ull << 30) - 0x1000;
	refused(-ENOMEM, "outside this VM's RAM");
	munmap(mapping, ram.high_end);
	setup();
}

Test(loader, modules_follow_the_image_on_pages_of_their_own)
{
	static uint8_t first[5000], second[1] = { 42 };
	const struct multiboot_module modules[] = {
		{ "initrd.img root", first, sizeof(first) }, { "empty", NULL, 0 }, { "two", second, 1 },
	};
	uint32_t table[3][4];

	memset(first, 0x5a, sizeof(first));
	make_elf32();
	cr_assert_eq(load_with("x", modules, 3), 0, "%s", err);
	cr_assert_eq(info32(20), 3);
	memcpy(table, ram.base + info32(24), sizeof(table));
	cr_assert_eq(table[0][0], 0x201000);
	cr_assert_eq(table[0][1], 0x201000 + 5000);
	cr_assert_arr_eq(ram.base + table[0][0], first, sizeof(first));
	cr_assert_str_eq((char *)ram.base + table[0][2], "initrd.img root");
	cr_assert_eq(table[1][0], table[1][1]);
	cr_assert_eq(table[2][0], 0x203000);
	cr_assert_eq(ram.base[table[2][0]], 42);
	cr_assert_str_eq((char *)ram.base + table[2][2], "two");
	cr_assert_eq(table[2][3], 0);
	same(0x200000, 0x2000, 0x1000);
}

Test(loader, module_goes_below_an_image_that_ends_high)
{
	struct multiboot_module module = { "m", NULL, 0x80000 };
	uint32_t table[4];

	module.data = calloc(1, module.size);
	make_elf32();
	phdr32(2)->p_paddr = phdr32(2)->p_vaddr = RAM_BYTES - 0x1000;
	cr_assert_eq(load_with("", &module, 1), 0, "%s", err);
	memcpy(table, ram.base + info32(24), sizeof(table));
	cr_assert_eq(table[0], 0x101000);
	module.size = RAM_BYTES;
	module.data = realloc((void *)(uintptr_t)module.data, module.size);
	cr_assert_eq(load_with("", &module, 1), -ENOMEM);
	cr_assert_not_null(strstr(err, "m: no room for this module of 4096 KiB"), "%s", err);
	free((void *)(uintptr_t)module.data);
}

Test(loader, too_many_modules_and_a_long_command_line)
{
	static struct multiboot_module modules[LOADER_MODULES_MAX + 1];
	static char line[LOADER_CMDLINE_MAX + 1];

	make_elf32();
	for (unsigned i = 0; i <= LOADER_MODULES_MAX; i++)
		modules[i] = (struct multiboot_module){ "m", "x", 1 };
	cr_assert_eq(load_with("", modules, LOADER_MODULES_MAX), 0, "%s", err);
	cr_assert_eq(load_with("", modules, LOADER_MODULES_MAX + 1), -EINVAL);
	memset(line, 'a', LOADER_CMDLINE_MAX);
	cr_assert_eq(load_with(line, NULL, 0), -EINVAL);
	line[LOADER_CMDLINE_MAX - 1] = 0;
	cr_assert_eq(load_with(line, NULL, 0), 0, "%s", err);
	cr_assert_str_eq((char *)ram.base + info32(16), line);
}

Test(loader, files_that_are_no_multiboot_image)
{
	image_size = 0;
	refused(-ENOEXEC, "neither a Multiboot 1 image nor a Linux bzImage: no header in the first 8 KiB");
	image_size = 5;
	refused(-ENOEXEC, "no header");
	image_size = IMAGE_BYTES;
	put32(0x40, 0xe85250d6);
	refused(-ENOEXEC, "Multiboot 2");
	put32(0x40, 0);
	put_header(0x40, 3);
	refused(-ENOEXEC, "neither an ELF file nor");
}

Test(loader, damaged_elf_headers)
{
	Elf32_Ehdr *e = (Elf32_Ehdr *)(void *)image;

	make_elf32();
	e->e_machine = EM_ARM;
	refused(-ENOEXEC, "machine 40");
	make_elf32();
	e->e_machine = EM_X86_64;
	refused(-ENOEXEC, "machine 62");
	make_elf32();
	e->e_ident[EI_DATA] = ELFDATA2MSB;
	refused(-ENOEXEC, "byte order 2");
	make_elf32();
	e->e_ident[EI_CLASS] = 7;
	refused(-ENOEXEC, "class 7");
	make_elf32();
	e->e_type = ET_DYN;
	refused(-ENOEXEC, "type 3");
	make_elf32();
	e->e_phnum = 0;
	refused(-ENOEXEC, "0 program headers");
	e->e_phnum = 0xffff;
	refused(-ENOEXEC, "65535 program headers");
	make_elf32();
	e->e_phentsize = 8;
	refused(-ENOEXEC, "of 8 bytes");
	make_elf32();
	e->e_phoff = 0xfffffff0;
	refused(-ENOEXEC, "truncated");
	make_elf32();
	phdr32(0)->p_type = phdr32(2)->p_type = PT_NOTE;
	refused(-ENOEXEC, "without a loadable segment");
	make_elf64();
	((Elf64_Ehdr *)(void *)image)->e_phoff = ~0ull - 8;
	refused(-ENOEXEC, "truncated");
	((Elf64_Ehdr *)(void *)image)->e_phoff = ~0ull - 60;
	refused(-ENOEXEC, "truncated");
}

Test(loader, segments_that_cannot_be)
{
	make_elf32();
	phdr32(0)->p_filesz = 0xb00;
	refused(-ENOEXEC, "more bytes in the file than in memory");
	make_elf32();
	phdr32(0)->p_offset = IMAGE_BYTES - 0x7ff;
	refused(-ENOEXEC, "truncated");
	make_elf32();
	phdr32(0)->p_offset = 0xffffff00;
	refused(-ENOEXEC, "truncated");
	make_elf32();
	phdr32(2)->p_memsz = RAM_BYTES - 0x200000 + 1;
	refused(-ENOMEM, "segment at 0x200000 of 2048 KiB is outside this VM's RAM of 4 MiB; give it more with --mem");
	make_elf32();
	phdr32(2)->p_paddr = 0xfffff800;
	refused(-ENOMEM, "outside this VM's RAM");
	make_elf32();
	phdr32(2)->p_paddr = 0x100900;
	refused(-ENOEXEC, "overlap at 0x100900");
	make_elf64();
	phdr64(1)->p_paddr = ~0ull - 0x800;
	refused(-ENOMEM, "outside this VM's RAM");
	make_elf64();
	phdr64(1)->p_memsz = ~0ull;
	refused(-ENOMEM, "outside this VM's RAM");
	make_elf64();
	phdr64(1)->p_filesz = phdr64(1)->p_memsz = ~0ull - 0x1fff;
	refused(-ENOEXEC, "truncated");
	make_elf32();
	image_size = 0x2fff;
	refused(-ENOEXEC, "truncated");
}

Test(loader, entry_outside_the_image)
{
	Elf32_Ehdr *e = (Elf32_Ehdr *)(void *)image;
	static const uint32_t bad[] = { 0, 0xfffff, 0x100a00, 0x1fffff, 0x201000, RAM_BYTES, 0xffffffff };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_elf32();
		e->e_entry = bad[i];
		refused(-ENOEXEC, "lies in none of its segments");
	}
	make_elf32();
	e->e_entry = 0x1009ff;
	cr_assert_eq(load(), 0, "bss counts");
}

Test(loader, address_fields_that_cannot_be)
{
	static const struct { unsigned at; uint32_t value; int rc; const char *part; } cases[] = {
		{ 0x1010, 0x100001, -ENOEXEC, "does not fit header_addr" },	/* load_addr above header_addr */
		{ 0x1010, 0x0feffe, -ENOEXEC, "does not fit header_addr" },	/* begins before the file does */
		{ 0x1014, 0x0fffff, -ENOEXEC, "out of order" },
		{ 0x1014, 0x100000, -ENOEXEC, "lies in none" },
		{ 0x1018, 0x100fff, -ENOEXEC, "out of order" },
		{ 0x1018, 0x0fffff, -ENOEXEC, "out of order" },
		{ 0x1014, 0x103001, -ENOEXEC, "out of order" },
		{ 0x1018, RAM_BYTES + 1, -ENOMEM, "outside this VM's RAM" },
		{ 0x101c, 0x102000, -ENOEXEC, "lies in none" },
		{ 0x101c, 0, -ENOEXEC, "lies in none" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_flat();
		put32(cases[i].at, cases[i].value);
		if (i == 3)
			put32(0x1018, 0x100010);
		refused(cases[i].rc, cases[i].part);
	}
	make_flat();
	put32(0x1014, 0x104000);
	put32(0x1018, 0x104000);
	refused(-ENOEXEC, "truncated");
	make_flat();
	put32(0x1000, 0);
	put_header(0x100, 0x10003);
	image_size = 0x100 + 31;
	refused(-ENOEXEC, "truncated: its Multiboot header ends after 31 bytes");
}

Test(loader, no_room_for_the_information_structure)
{
	make_elf32();
	/* All RAM in one segment. */
	phdr32(0)->p_paddr = phdr32(0)->p_vaddr = 0;
	phdr32(0)->p_memsz = RAM_BYTES;
	phdr32(2)->p_type = PT_NOTE;
	refused(-ENOMEM, "no room for");
	phdr32(0)->p_memsz = RAM_BYTES - 0x4000;
	cr_assert_eq(load(), 0, "%s", err);
	cr_assert_geq(entry.info_gpa, RAM_BYTES - 0x4000);
}

Test(loader, tiny_ram)
{
	guest_ram_layout(&ram, 4096);
	make_elf32();
	refused(-ENOMEM, "outside this VM's RAM");
	guest_ram_layout(&ram, 0);
	refused(-ENOMEM, "outside this VM's RAM");
}

Test(loader, names_cannot_break_the_line)
{
	cr_assert_eq(multiboot_load(&ram, "x", 1, "a\nb\033", NULL, NULL, 0, &entry, err, sizeof(err)), -ENOEXEC);
	cr_assert_eq(strncmp(err, "a?b?: ", 6), 0);
	cr_assert_eq(multiboot_load(&ram, "x", 1, "name", NULL, NULL, 0, &entry, NULL, 0), -ENOEXEC);
	cr_assert_eq(multiboot_load(&ram, "x", 1, "name", NULL, NULL, 0, &entry, err, 4), -ENOEXEC);
	cr_assert_str_eq(err, "nam");
}

/* Damage in the parts that the loader reads, mostly by values that are near a limit. */
static void mutate(unsigned *seed)
{
	static const uint32_t values[] = { 0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x1000, RAM_BYTES, RAM_BYTES - 1, 0x100000 };
	unsigned n = 1 + (unsigned)rand_r(seed) % 4;

	while (n--) {
		unsigned at = (unsigned)rand_r(seed) % 0xe0, where = (unsigned)rand_r(seed) % 8;

		if (where == 0)
			at += 0x200;
		if (where == 1)
			at = 0x1000 + at % 0x20;
		if (rand_r(seed) % 2)
			put32(at & ~3u, values[(unsigned)rand_r(seed) % 9]);
		else
			image[at] ^= (uint8_t)(1u << rand_r(seed) % 8);
	}
	if (rand_r(seed) % 3 == 0)
		image_size = (size_t)rand_r(seed) % IMAGE_BYTES;
}

static void mutation_run(void (*make)(void), unsigned rounds)
{
	unsigned seed = (unsigned)time(NULL), first = seed, good = 0;

	for (unsigned i = 0; i < rounds; i++) {
		memset(image, 0, 0x1020);
		image_size = IMAGE_BYTES;
		make();
		mutate(&seed);
		if (load() == 0) {
			good++;
			cr_assert_lt(entry.entry, RAM_BYTES, "seed %u, round %u", first, i);
			cr_assert_lt(entry.info_gpa, RAM_BYTES, "seed %u, round %u", first, i);
		} else {
			cr_assert_neq(err[0], 0, "seed %u, round %u", first, i);
		}
	}
	cr_assert(good > 0 && good < rounds, "mutations hit nothing, or everything: %u of %u", good, rounds);
}

Test(loader, mutated_elf32_never_crashes)
{
	mutation_run(make_elf32, 4000);
}

Test(loader, mutated_elf64_never_crashes)
{
	mutation_run(make_elf64, 4000);
}

Test(loader, mutated_flat_image_never_crashes)
{
	mutation_run(make_flat, 4000);
}

Test(loader, every_truncation_is_refused_or_loads)
{
	make_elf32();
	for (image_size = 0; image_size < IMAGE_BYTES; image_size += image_size < 0x240 ? 1 : 61)
		cr_assert_eq(load(), image_size >= 0x3000 ? 0 : -ENOEXEC, "at %zu: %s", image_size, err);
}
