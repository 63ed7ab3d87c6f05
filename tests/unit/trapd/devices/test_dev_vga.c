/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text screen: registers read back, retrace is seen, and what the guest wrote to RAM comes out as text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fakes/fake_platform.h"
#include "trapd/devices/vga.h"

static struct fake_platform p;
static struct guest_ram ram;
static struct vga *vga;
static char text[VGA_TEXT_MAX];

static void setup(void)
{
	fake_platform_create(&p);
	guest_ram_layout(&ram, 1 << 20);
	ram.base = calloc(1, 1 << 20);
	cr_assert_eq(vga_add(&vga, p.bus, p.timers), 0);
}

static void teardown(void)
{
	fake_platform_destroy(&p);
	free(ram.base);
}

TestSuite(vga, .init = setup, .fini = teardown);

static void put(unsigned cell, const char *s)
{
	for (; *s; cell++)
		ram.base[0xb8000 + cell * 2] = (uint8_t)*s++;
}

Test(vga, what_is_in_memory_is_shown_from_the_start_address)
{
	put(0, "hello");
	put(80 * 2 + 75, "ab\xdb\xe4");
	vga_text(vga, &ram, text);
	cr_assert_eq(strncmp(text, "hello\n\n", 7), 0, "%s", text);
	cr_assert_not_null(strstr(text, "ab\xe2\x96\x88\xce\xa3\n"), "a full block and a sigma: %s", text);
	bus_port_write(p.bus, 0x3d4, 2, 80 << 8 | 0x0d);
	vga_text(vga, &ram, text);
	cr_assert_eq(strncmp(text, "\n  ", 3), 0, "one row further: %s", text);
	bus_port_write(p.bus, 0x3d4, 2, 0xff0c);
	vga_text(vga, &ram, text);
}

Test(vga, a_screen_full_of_the_longest_characters_fits)
{
	for (unsigned i = 0; i < 0x8000; i++)
		ram.base[0xb8000 + i] = 0xb0;
	vga_text(vga, &ram, text);
	cr_assert_eq(strlen(text), VGA_TEXT_MAX - 1);
	guest_ram_layout(&ram, 0xb9000);
	vga_text(vga, &ram, text);
	cr_assert_str_eq(text, "", "no RAM there, no screen");
}

Test(vga, cursor_registers_read_back)
{
	fake_out(&p, 0x3d4, 14);
	fake_out(&p, 0x3d5, 0x12);
	bus_port_write(p.bus, 0x3d4, 2, 0x340f);
	cr_assert_eq(fake_in(&p, 0x3d5), 0x34);
	fake_out(&p, 0x3d4, 14);
	cr_assert_eq(fake_in(&p, 0x3d5), 0x12);
	cr_assert_eq(fake_in(&p, 0x3d4), 14);
}

Test(vga, retrace_comes_and_goes)
{
	unsigned on = 0, off = 0;

	for (unsigned i = 0; i < 1000; i++) {
		if (fake_in(&p, 0x3da) & 8)
			on++;
		else
			off++;
		fake_advance(&p, 20000);
	}
	cr_assert_gt(on, 10);
	cr_assert_gt(off, 5 * on);
}

Test(vga, attribute_index_and_data_take_turns)
{
	fake_in(&p, 0x3da);
	fake_out(&p, 0x3c0, 0x10);
	fake_out(&p, 0x3c0, 0x77);
	fake_in(&p, 0x3da);
	fake_out(&p, 0x3c0, 0x10);
	cr_assert_eq(fake_in(&p, 0x3c1), 0x77);
	fake_out(&p, 0x3c8, 1);
	for (unsigned i = 0; i < 3; i++)
		fake_out(&p, 0x3c9, (uint8_t)(i + 1));
	fake_out(&p, 0x3c7, 1);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(fake_in(&p, 0x3c9), i + 1);
}

Test(vga, random_accesses_do_no_harm)
{
	unsigned seed = 4;

	for (unsigned i = 0; i < 40000; i++) {
		bus_port_write(p.bus, (uint16_t)(0x3c0 + rand_r(&seed) % 0x1c), 1u << rand_r(&seed) % 3, (uint64_t)rand_r(&seed));
		bus_port_read(p.bus, (uint16_t)(0x3c0 + rand_r(&seed) % 0x1c), 1u << rand_r(&seed) % 3);
	}
	vga_text(vga, &ram, text);
	cr_assert_lt(strlen(text), VGA_TEXT_MAX);
}
