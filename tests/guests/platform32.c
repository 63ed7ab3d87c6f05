/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * platform.elf, the 32-bit half: prints the modules that the loader handed over and the time of the real-time clock, checks the
 * disks with 32-bit paging, then goes to long mode for the same. The command line "no-disk" leaves the disks out,
 * "reset" ends with a reset. The guest's kernel.
 */
#include "tests/guests/platform.h"

/* Multiboot specification 3.3. */
struct module { uint32_t start, end, string, zero; };

static void print_modules(void)
{
	const uint32_t *info = (const uint32_t *)(unsigned long)boot_info.multiboot;
	const struct module *m = (const struct module *)(unsigned long)info[6];
	uint32_t n = info[0] & 8 ? info[5] : 0, i;

	for (i = 0; i < n; i++) {
		const uint8_t *byte = (const uint8_t *)(unsigned long)m[i].start;
		uint32_t sum = 0;

		for (; byte < (const uint8_t *)(unsigned long)m[i].end; byte++)
			sum += *byte;
		print("module %u: %u bytes, sum %u, \"%s\"\n", i, m[i].end - m[i].start, sum, (const char *)(unsigned long)m[i].string);
		/* They lie behind the image, where the frames of this guest come from. */
		if (m[i].end > boot_info.frame_next)
			boot_info.frame_next = (m[i].end + PAGE_BYTES - 1) & PAGE_MASK;
	}
	print("modules: %u\n", n);
}

static uint8_t cmos_read(uint8_t reg)
{
	port_write8(0x70, reg);
	return port_read8(0x71);
}

/* As a kernel reads it: not while an update is in progress, and twice the same. */
static void print_time(void)
{
	static const uint8_t reg[] = { 0x32, 9, 8, 7, 4, 2, 0 };
	uint8_t now[7] = { 0 }, again[7];
	uint32_t i;

	do {
		while (cmos_read(10) & 0x80)
			;
		memcpy(again, now, sizeof(now));
		for (i = 0; i < sizeof(now); i++)
			now[i] = cmos_read(reg[i]);
	} while (memcmp(now, again, sizeof(now)));
	EXPECT_EQ(cmos_read(11) & 6, 2, "BCD and 24 hours");
	EXPECT_EQ(cmos_read(13), 0x80, "register D");
	print("time: %02x%02x-%02x-%02x %02x:%02x:%02x\n", now[0], now[1], now[2], now[3], now[4], now[5], now[6]);
}

/* The MP floating pointer, found as the specification says. */
static void check_mp_table(void)
{
	const char *at = (const char *)0xf0000;

	while (at < (const char *)0x100000 && memcmp(at, "_MP_", 4))
		at += 16;
	if (at == (const char *)0x100000)
		panic("no MP table");
	EXPECT_EQ(memcmp((const void *)(unsigned long)*(const uint32_t *)(at + 4), "PCMP", 4), 0, "MP configuration table");
}

static void self_test(void)
{
	port_write8(0x64, 0xaa);
	EXPECT_EQ(port_read8(0x64) & 1, 1, "keyboard controller answers");
	EXPECT_EQ(port_read8(0x60), 0x55, "its self test");
}

int guest_main(void)
{
	uint32_t *pd;

	print_modules();
	print_time();
	check_mp_table();
	self_test();
	if (cmdline_number("reset", 0)) {
		port_write8(0x64, 0xfe);
		panic("the reset pulse has done nothing");
	}
	if (cmdline_number("disk", 1)) {
		pd = identity_legacy_build();
		paging_on((unsigned long)pd, CR4_PSE);
		disk_check("32-bit paging");
		paging_off();
		long_enter_identity(0, guest_main64);
	}
	print("platform: ok\n");
	return 0;
}
