/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of interrupt controllers as the 8259A data sheet describes it. The guest is this test, through the bus. */
#include <criterion/criterion.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/pic.h"

static struct bus *bus;
static struct pic *pic;
static unsigned rises;

static void output(void *ctx, bool level)
{
	rises += level;
}

static uint8_t rd(uint16_t port)
{
	return (uint8_t)bus_port_read(bus, port, 1);
}

static void wr(uint16_t port, uint8_t value)
{
	bus_port_write(bus, port, 1, value);
}

static void program(uint8_t icw4)
{
	static const uint16_t base[] = { 0x20, 0xa0 };

	for (unsigned n = 0; n < 2; n++) {
		wr(base[n], 0x11);
		wr(base[n] + 1, n ? 0x28 : 0x20);
		wr(base[n] + 1, n ? 2 : 4);
		wr(base[n] + 1, icw4);
		wr(base[n] + 1, 0);
	}
}

static void setup(void)
{
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(pic_add(&pic, bus, output, NULL), 0);
	program(1);
}

static void teardown(void)
{
	bus_destroy(bus);
}

TestSuite(pic, .init = setup, .fini = teardown);

static void pulse(unsigned line)
{
	pic_set_line(pic, line, false);
	pic_set_line(pic, line, true);
}

static uint8_t irr(uint16_t port)
{
	wr(port, 0x0a);
	return rd(port);
}

static uint8_t isr(uint16_t port)
{
	wr(port, 0x0b);
	return rd(port);
}

Test(pic, an_edge_asks_once_and_eoi_lets_the_next_in)
{
	pulse(4);
	cr_assert(pic_output(pic));
	cr_expect_eq(irr(0x20), 0x10);
	cr_expect_eq(pic_acknowledge(pic), 0x24);
	cr_expect_not(pic_output(pic));
	cr_expect_eq(irr(0x20), 0, "an edge that was served is gone, though the line is high");
	cr_expect_eq(isr(0x20), 0x10);
	wr(0x20, 0x20);
	cr_expect_eq(isr(0x20), 0);
	cr_expect_not(pic_output(pic));
	pulse(4);
	cr_expect(pic_output(pic));
	cr_expect_eq(rises, 2);
}

Test(pic, an_edge_needs_its_line_to_stay_high)
{
	pulse(4);
	pic_set_line(pic, 4, false);
	cr_expect_not(pic_output(pic));
	cr_expect_eq(pic_acknowledge(pic), 0x27, "spurious: input 7 of the master");
	cr_expect_eq(isr(0x20), 0, "a spurious interrupt is not in service");
}

Test(pic, spurious_15_leaves_the_cascade_in_service)
{
	pulse(10);
	cr_assert(pic_output(pic));
	wr(0xa1, 0xff);		/* masked between INTR and INTA: the master has seen the cascade's edge go, too */
	cr_expect_eq(pic_acknowledge(pic), 0x27);
	wr(0xa1, 0);
	cr_expect_eq(pic_acknowledge(pic), 0x2a);
	cr_expect_eq(isr(0x20), 0x04);
}

Test(pic, lower_inputs_come_first_and_wait_for_what_is_in_service)
{
	pulse(5);
	pulse(3);
	cr_expect_eq(pic_acknowledge(pic), 0x23);
	cr_expect_not(pic_output(pic), "5 waits for the EOI of 3");
	pulse(1);
	cr_expect_eq(pic_acknowledge(pic), 0x21, "1 interrupts the handler of 3");
	wr(0x20, 0x20);
	cr_expect_eq(isr(0x20), 0x08, "a non-specific EOI ends the highest");
	cr_expect_not(pic_output(pic));
	wr(0x20, 0x63);		/* specific EOI of 3 */
	cr_expect_eq(pic_acknowledge(pic), 0x25);
}

Test(pic, masked_requests_are_latched)
{
	wr(0x21, 0x10);
	pulse(4);
	cr_expect_not(pic_output(pic));
	cr_expect_eq(irr(0x20), 0x10);
	cr_expect_eq(rd(0x21), 0x10);
	wr(0x21, 0);
	cr_expect_eq(pic_acknowledge(pic), 0x24);
}

Test(pic, the_slave_interrupts_through_input_2)
{
	pulse(8);
	pulse(14);
	cr_expect_eq(irr(0x20), 0x04);
	cr_expect_eq(pic_acknowledge(pic), 0x28);
	cr_expect_eq(isr(0x20), 0x04);
	cr_expect_eq(isr(0xa0), 0x01);
	wr(0xa0, 0x20);
	cr_expect_not(pic_output(pic), "the master still serves the cascade");
	wr(0x20, 0x20);
	cr_expect_eq(pic_acknowledge(pic), 0x2e);
	pulse(0);
	cr_expect_eq(pic_acknowledge(pic), 0x20, "IRQ 0 interrupts the handler of IRQ 14");
	pulse(9);
	cr_expect_not(pic_output(pic));
}

Test(pic, special_fully_nested_mode_lets_the_slave_interrupt_itself)
{
	program(0x11);
	pulse(14);
	cr_expect_eq(pic_acknowledge(pic), 0x2e);
	pulse(9);
	cr_expect_eq(pic_acknowledge(pic), 0x29);
}

Test(pic, automatic_eoi_leaves_nothing_in_service)
{
	program(3);
	pulse(6);
	cr_expect_eq(pic_acknowledge(pic), 0x26);
	cr_expect_eq(isr(0x20), 0);
	pulse(7);
	cr_expect_eq(pic_acknowledge(pic), 0x27);
}

Test(pic, automatic_eoi_can_rotate)
{
	program(3);
	wr(0x20, 0x80);
	pulse(3);
	cr_expect_eq(pic_acknowledge(pic), 0x23);
	pulse(3);
	pulse(5);
	cr_expect_eq(pic_acknowledge(pic), 0x25, "3 is the lowest now");
	wr(0x20, 0x00);
	pulse(5);
	cr_expect_eq(pic_acknowledge(pic), 0x23, "5 was served last and became the lowest");
}

Test(pic, rotation_on_eoi_and_by_command)
{
	pulse(2 + 1);
	pulse(4);
	cr_expect_eq(pic_acknowledge(pic), 0x23);
	wr(0x20, 0xa0);		/* rotate on non-specific EOI */
	pulse(3);
	cr_expect_eq(pic_acknowledge(pic), 0x24);
	wr(0x20, 0xe4);		/* rotate on specific EOI */
	wr(0x20, 0xc0);		/* set priority: 0 is the lowest, so 1 comes first */
	pulse(0);
	pulse(1);
	cr_expect_eq(pic_acknowledge(pic), 0x21);
	wr(0x20, 0x61);
	cr_expect_eq(pic_acknowledge(pic), 0x23);
}

Test(pic, special_mask_mode_opens_what_is_masked_in_service)
{
	pulse(1);
	cr_expect_eq(pic_acknowledge(pic), 0x21);
	pulse(6);
	cr_expect_not(pic_output(pic));
	wr(0x21, 0x02);
	cr_expect_not(pic_output(pic), "a mask alone opens nothing");
	wr(0x20, 0x68);
	cr_expect(pic_output(pic));
	wr(0x20, 0x20);
	cr_expect_eq(isr(0x20), 0x02, "a non-specific EOI leaves the masked one");
	wr(0x20, 0x48);
	cr_expect_not(pic_output(pic));
}

Test(pic, poll_is_an_acknowledge)
{
	wr(0x20, 0x0c);
	cr_expect_eq(rd(0x20), 0);
	pulse(5);
	wr(0x20, 0x0c);
	cr_expect_eq(rd(0x20), 0x85);
	cr_expect_eq(isr(0x20), 0x20);
	cr_expect_not(pic_output(pic));
}

Test(pic, level_inputs_ask_as_long_as_they_are_high)
{
	wr(0x4d1, 0xff);
	cr_expect_eq(rd(0x4d1), 0xde, "IRQ 8 and 13 cannot be levels");
	wr(0x4d0, 0xff);
	cr_expect_eq(rd(0x4d0), 0xf8);
	pic_set_line(pic, 11, true);
	cr_expect_eq(pic_acknowledge(pic), 0x2b);
	wr(0xa0, 0x20);
	wr(0x20, 0x20);
	cr_expect(pic_output(pic), "still high");
	pic_set_line(pic, 11, false);
	cr_expect_not(pic_output(pic));
}

Test(pic, icw1_clears_masks_and_edges)
{
	wr(0x21, 0xff);
	pulse(3);
	wr(0x20, 0x11);
	wr(0x21, 0x40);
	wr(0x21, 4);
	wr(0x21, 1);
	cr_expect_eq(rd(0x21), 0);
	cr_expect_not(pic_output(pic), "the edge was before ICW1");
	pulse(3);
	cr_expect_eq(pic_acknowledge(pic), 0x43);
}

Test(pic, icw4_is_expected_only_when_announced)
{
	wr(0x20, 0x10);
	wr(0x21, 0x48);
	wr(0x21, 4);
	wr(0x21, 0x5a);		/* the mask already */
	cr_expect_eq(rd(0x21), 0x5a);
	wr(0x20, 0x12);		/* single: no ICW3 either */
	wr(0x21, 0x48);
	wr(0x21, 0xa5);
	cr_expect_eq(rd(0x21), 0xa5);
}

/* Whatever a guest writes, an acknowledge gives a vector and INTR says whether there is one. */
Test(pic, who_looks_sees_the_registers_of_both_and_changes_nothing)
{
	struct pic_state s;

	wr(0x21, 0x10);
	wr(0xa1, 0x80);
	pulse(4);
	pulse(15);
	pulse(1);
	cr_assert_eq(pic_acknowledge(pic), 0x21);
	pulse(9);
	pic_look(pic, &s);
	cr_expect_eq(s.masked, 0x8010);
	cr_expect_eq(s.requested, 1u << 4 | 1u << 15 | 1u << 9 | 1u << 2, "%#x", s.requested);
	cr_expect_eq(s.in_service, 1u << 1);
	wr(0x20, 0x20);
	cr_expect_eq(pic_acknowledge(pic), 0x29);
}

Test(pic, random_writes_break_nothing)
{
	static const uint16_t port[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
	uint32_t seed = 12345;

	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		wr(port[seed >> 16 & 0xffff ? (seed >> 20) % 6 : 0], (uint8_t)(seed >> 8));
		pic_set_line(pic, seed >> 24 & 15, seed >> 28 & 1);
		if (seed & 0x80)
			cr_assert_lt(pic_acknowledge(pic), 256);
		rd(port[(seed >> 12) % 6]);
	}
}
