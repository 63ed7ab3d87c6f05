/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O APIC as the 82093AA data sheet describes it; the test receives its messages. */
#include <criterion/criterion.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/ioapic.h"
#include "trapd/devices/lapic.h"

static struct bus *bus;
static struct ioapic *ioapic;
static struct apic_message last;
static unsigned messages;
static bool refuse;

static bool deliver(void *ctx, const struct apic_message *m)
{
	last = *m;
	messages++;
	return !refuse;
}

static uint32_t rd(unsigned reg)
{
	bus_mmio_write(bus, IOAPIC_BASE, 4, reg);
	return (uint32_t)bus_mmio_read(bus, IOAPIC_BASE + 0x10, 4);
}

static void wr(unsigned reg, uint32_t value)
{
	bus_mmio_write(bus, IOAPIC_BASE, 4, reg);
	bus_mmio_write(bus, IOAPIC_BASE + 0x10, 4, value);
}

static void setup(void)
{
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(ioapic_add(&ioapic, bus, 2, deliver, NULL), 0);
}

static void teardown(void)
{
	bus_destroy(bus);
}

TestSuite(ioapic, .init = setup, .fini = teardown);

Test(ioapic, registers_after_reset)
{
	cr_expect_eq(rd(0), 2u << 24);
	cr_expect_eq(rd(1), 0x170011);
	for (unsigned pin = 0; pin < 24; pin++)
		cr_expect_eq(rd(0x10 + 2 * pin), 0x10000);
	wr(0, 0xffffffff);
	cr_expect_eq(rd(0), 0x0f000000);
	cr_expect_eq(rd(0x40), 0xffffffff);
}

Test(ioapic, an_edge_sends_one_message)
{
	wr(0x10 + 2 * 4 + 1, 0x03000000);
	wr(0x10 + 2 * 4, 0x0964);	/* logical, lowest priority */
	ioapic_set_pin(ioapic, 4, true);
	cr_expect_eq(messages, 1);
	cr_expect_eq(last.dest, 3);
	cr_expect_eq(last.vector, 0x64);
	cr_expect(last.logical && last.mode == APIC_LOWEST && !last.level);
	ioapic_set_pin(ioapic, 4, true);
	cr_expect_eq(messages, 1);
	ioapic_set_pin(ioapic, 4, false);
	ioapic_set_pin(ioapic, 4, true);
	cr_expect_eq(messages, 2);
}

Test(ioapic, an_edge_at_a_masked_pin_is_lost)
{
	ioapic_set_pin(ioapic, 7, true);
	wr(0x10 + 2 * 7, 0x40);
	cr_expect_eq(messages, 0);
	ioapic_set_pin(ioapic, 7, false);
	ioapic_set_pin(ioapic, 7, true);
	cr_expect_eq(messages, 1);
}

Test(ioapic, a_level_waits_for_the_eoi_and_comes_again)
{
	wr(0x10 + 2 * 18, 0x8071);
	ioapic_set_pin(ioapic, 18, true);
	cr_expect_eq(messages, 1);
	cr_expect(last.level);
	cr_expect_eq(rd(0x10 + 2 * 18), 0xc071, "remote IRR");
	ioapic_set_pin(ioapic, 18, false);
	ioapic_set_pin(ioapic, 18, true);
	cr_expect_eq(messages, 1);
	ioapic_eoi(ioapic, 0x70);
	cr_expect_eq(messages, 1, "another vector");
	ioapic_eoi(ioapic, 0x71);
	cr_expect_eq(messages, 2, "still high");
	ioapic_set_pin(ioapic, 18, false);
	ioapic_eoi(ioapic, 0x71);
	cr_expect_eq(messages, 2);
	cr_expect_eq(rd(0x10 + 2 * 18), 0x8071);
}

Test(ioapic, unmasking_a_level_that_is_high_sends_it)
{
	ioapic_set_pin(ioapic, 20, true);
	wr(0x10 + 2 * 20, 0x18033);
	cr_expect_eq(messages, 0);
	wr(0x10 + 2 * 20, 0x8033);
	cr_expect_eq(messages, 1);
	wr(0x10 + 2 * 20, 0x4033);
	cr_expect_eq(rd(0x10 + 2 * 20), 0x0033, "remote IRR is not writable, and gone with the level");
}

Test(ioapic, a_level_that_nobody_takes_is_tried_again)
{
	refuse = true;
	wr(0x10 + 2 * 20, 0x8033);
	ioapic_set_pin(ioapic, 20, true);
	cr_expect_eq(rd(0x10 + 2 * 20), 0x8033);
	refuse = false;
	wr(0x10 + 2 * 20 + 1, 0);
	cr_expect_eq(messages, 2);
	cr_expect_eq(rd(0x10 + 2 * 20), 0xc033);
}

Test(ioapic, random_accesses_break_nothing)
{
	uint32_t seed = 3;

	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		bus_mmio_write(bus, IOAPIC_BASE + (seed >> 4 & 0x1c), 1u << (seed >> 10 & 3), seed * 2654435761u);
		bus_mmio_read(bus, IOAPIC_BASE + (seed >> 16 & 0xff), 1u << (seed >> 12 & 3));
		ioapic_set_pin(ioapic, seed >> 27, seed & 0x100);
		ioapic_eoi(ioapic, (uint8_t)(seed >> 20));
	}
}
