/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keyboard controller without a keyboard, and the chipset's ports: self test, command byte, A20, every way to reset. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/fakes/fake_platform.h"

static struct fake_platform p;

static void setup(void)
{
	fake_platform_create(&p);
	cr_assert_eq(i8042_add(p.bus, p.irqs, &p.reset), 0);
	cr_assert_eq(chipset_add(p.bus, &p.reset), 0);
}

static void teardown(void)
{
	fake_platform_destroy(&p);
}

TestSuite(i8042, .init = setup, .fini = teardown);

static uint8_t ask(uint8_t command)
{
	fake_out(&p, 0x64, command);
	cr_assert(fake_in(&p, 0x64) & 1, "%#x is answered", command);
	return fake_in(&p, 0x60);
}

Test(i8042, self_test_passes_and_the_buffer_empties)
{
	cr_assert_eq(fake_in(&p, 0x64) & 3, 0);
	cr_assert_eq(ask(0xaa), 0x55);
	cr_assert_eq(fake_in(&p, 0x64) & 5, 4, "system flag, nothing left");
	cr_assert_eq(ask(0xab), 0);
	cr_assert_eq(fake_in(&p, 0x60), 0, "the last byte is shown again");
}

Test(i8042, command_byte_reads_back_and_gates_the_interrupt)
{
	fake_out(&p, 0x64, 0x20);
	cr_assert(fake_take_irq(&p, IRQ_KEYBOARD));
	cr_assert_eq(fake_in(&p, 0x60), 0x05);
	cr_assert_not(fake_take_irq(&p, IRQ_KEYBOARD));
	fake_out(&p, 0x64, 0x60);
	fake_out(&p, 0x60, 0x44);
	cr_assert_eq(ask(0x20), 0x44);
	cr_assert_not(fake_take_irq(&p, IRQ_KEYBOARD));
	fake_out(&p, 0x64, 0xad);
	cr_assert_eq(ask(0x20), 0x54);
	fake_out(&p, 0x64, 0xae);
	cr_assert_eq(ask(0x20), 0x44);
}

Test(i8042, a_byte_for_the_keyboard_times_out)
{
	fake_out(&p, 0x60, 0xf2);
	cr_assert_eq(fake_in(&p, 0x64) & 0x41, 0x41);
	cr_assert_eq(fake_in(&p, 0x60), 0xfe);
	cr_assert_eq(fake_in(&p, 0x64) & 0x41, 0);
}

Test(i8042, there_is_no_mouse_port)
{
	fake_out(&p, 0x64, 0xa9);
	cr_assert_eq(fake_in(&p, 0x64) & 1, 0, "an interface test of the mouse port gets no answer");
}

Test(i8042, a20_can_be_switched_and_read)
{
	cr_assert_eq(ask(0xd0) & 2, 2);
	fake_out(&p, 0x64, 0xdd);
	cr_assert_eq(ask(0xd0) & 2, 0);
	fake_out(&p, 0x64, 0xd1);
	fake_out(&p, 0x60, 0x03);
	cr_assert_eq(ask(0xd0) & 2, 2);
	fake_out(&p, 0x92, 0);
	cr_assert_eq(fake_in(&p, 0x92), 0);
	fake_out(&p, 0x92, 2);
	cr_assert_eq(fake_in(&p, 0x92), 2);
	cr_assert_eq(p.resets, 0);
}

Test(i8042, every_way_to_reset)
{
	fake_out(&p, 0x64, 0xff);
	cr_assert_eq(p.resets, 0, "no line is pulsed");
	fake_out(&p, 0x64, 0xfe);
	cr_assert_eq(p.resets, 1);
	fake_out(&p, 0x64, 0xd1);
	fake_out(&p, 0x60, 0x02);
	cr_assert_eq(p.resets, 2);
	fake_out(&p, 0x92, 1);
	fake_out(&p, 0x92, 1);
	cr_assert_eq(p.resets, 3, "only the edge counts");
	fake_out(&p, 0xcf9, 2);
	cr_assert_eq(p.resets, 3);
	cr_assert_eq(fake_in(&p, 0xcf9), 2);
	fake_out(&p, 0xcf9, 6);
	cr_assert_eq(p.resets, 4);
	cr_assert_str_eq(p.reset_by, "port 0xcf9");
}

Test(i8042, there_is_no_pci_and_looking_for_it_resets_nothing)
{
	for (uint32_t device = 0; device < 32; device++) {
		bus_port_write(p.bus, 0xcf8, 4, 0x80000000 | device << 11 | 0x600);
		cr_assert_eq(bus_port_read(p.bus, 0xcf8, 4), 0xffffffff);
		cr_assert_eq(bus_port_read(p.bus, 0xcfc, 4), 0xffffffff);
	}
	fake_out(&p, 0xcfb, 1);
	cr_assert_eq(p.resets, 0);
}

Test(i8042, firmware_codes_are_kept)
{
	fake_out(&p, 0x80, 0x5a);
	cr_assert_eq(fake_in(&p, 0x80), 0x5a);
}

Test(i8042, random_accesses_do_no_harm)
{
	static const uint16_t ports[] = { 0x60, 0x64, 0x80, 0x92, 0xcf8, 0xcf9 };
	unsigned seed = 3;

	for (unsigned i = 0; i < 20000; i++) {
		bus_port_write(p.bus, ports[rand_r(&seed) % 6], 1u << rand_r(&seed) % 3, (uint64_t)rand_r(&seed));
		bus_port_read(p.bus, ports[rand_r(&seed) % 6], 1u << rand_r(&seed) % 3);
	}
	cr_assert_eq(ask(0xaa), 0x55);
}
