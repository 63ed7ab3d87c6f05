/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interval timer as the 82C54 data sheet describes it, on a clock of the test's own. */
#include <criterion/criterion.h>

#include "tests/unit/fakes/fake_irqs.h"
#include "trapd/devices/pit.h"

static struct bus *bus;

static uint8_t rd(uint16_t port)
{
	return (uint8_t)bus_port_read(bus, port, 1);
}

static void wr(uint16_t port, uint8_t value)
{
	bus_port_write(bus, port, 1, value);
}

static void setup(void)
{
	fake_irqs_init();
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(pit_add(bus, NULL, fake_irqs.timers), 0);
	fake_irqs.rises[0] = 0;
}

static void teardown(void)
{
	bus_destroy(bus);
	timers_destroy(fake_irqs.timers);
}

TestSuite(pit, .init = setup, .fini = teardown);

/* Nanoseconds in which exactly n clocks pass, from a whole clock on. */
static void clocks(uint64_t n)
{
	static uint64_t clock;

	clock += n;
	fake_irqs_pass((clock * 1000000000 + PIT_HZ - 1) / PIT_HZ - fake_irqs.now_ns);
}

static void load(unsigned channel, unsigned mode, uint16_t count)
{
	wr(0x43, (uint8_t)(channel << 6 | 0x30 | mode << 1));
	wr((uint16_t)(0x40 + channel), count & 0xff);
	wr((uint16_t)(0x40 + channel), count >> 8);
}

static uint16_t count(unsigned channel)
{
	uint8_t low;

	wr(0x43, (uint8_t)(channel << 6));
	low = rd((uint16_t)(0x40 + channel));
	return (uint16_t)(low | rd((uint16_t)(0x40 + channel)) << 8);
}

static uint8_t status(unsigned channel)
{
	wr(0x43, (uint8_t)(0xe0 | 2u << channel));
	return rd((uint16_t)(0x40 + channel));
}

#define OUT 0x80

Test(pit, mode_0_raises_its_output_once_and_counts_on)
{
	load(0, 0, 1000);
	cr_expect_not(fake_irqs.level[0]);
	clocks(999);
	cr_expect_eq(count(0), 1);
	cr_expect_not(fake_irqs.level[0]);
	clocks(1);
	cr_expect(fake_irqs.level[0]);
	cr_expect_eq(status(0), OUT | 0x30);
	clocks(3);
	cr_expect_eq(count(0), 0xfffd, "rolls over and goes on");
	clocks(200000);
	cr_expect_eq(fake_irqs.rises[0], 1);
	wr(0x40, 100);
	clocks(100000);
	cr_expect_eq(fake_irqs.rises[0], 1, "half a count stops it");
	wr(0x40, 0);
	clocks(101);
	cr_expect_eq(fake_irqs.rises[0], 2);
}

Test(pit, a_count_that_is_over_before_its_timer_is_armed_interrupts)
{
	fake_irqs.look_ns = 1000000;
	load(0, 0, 100);
	fake_irqs.look_ns = 0;
	fake_irqs_pass(1);
	cr_expect_eq(fake_irqs.rises[0], 1);
	fake_irqs_pass(100000000);
	cr_expect_eq(fake_irqs.rises[0], 1);
}

Test(pit, mode_2_interrupts_every_period)
{
	load(0, 2, 11932);		/* 100 Hz */
	fake_irqs.rises[0] = 0;
	clocks(11932);
	cr_expect_eq(fake_irqs.rises[0], 1);
	cr_expect_eq(count(0), 11932);
	clocks(1);
	cr_expect_eq(count(0), 11931);
	clocks(11932 * 99);
	cr_expect_eq(fake_irqs.rises[0], 100);
}

Test(pit, a_new_count_of_mode_2_waits_for_the_end_of_the_period)
{
	load(0, 2, 1000);
	fake_irqs.rises[0] = 0;
	clocks(400);
	wr(0x40, 0xd0);
	wr(0x40, 0x07);			/* 2000 */
	cr_expect_eq(count(0), 600);
	cr_expect(status(0) & 0x40, "null count until it is loaded");
	clocks(600);
	cr_expect_eq(fake_irqs.rises[0], 1);
	cr_expect_not(status(0) & 0x40);
	cr_expect_eq(count(0), 2000);
	clocks(1999);
	cr_expect_eq(fake_irqs.rises[0], 1);
	clocks(1);
	cr_expect_eq(fake_irqs.rises[0], 2);
}

/* A period that ends between two looks at the clock: the value is of the old count or of the new one, not of the old one begun anew. */
Test(pit, a_latch_at_the_end_of_a_period_shows_one_of_the_two_counts)
{
	uint8_t low;

	load(0, 2, 1000);
	wr(0x40, 0x60);
	wr(0x40, 0xea);			/* 60000 */
	clocks(999);
	fake_irqs.look_ns = 100000;
	wr(0x43, 0x00);
	fake_irqs.look_ns = 0;
	low = rd(0x40);
	cr_expect_eq(low | rd(0x40) << 8, 1);
}

Test(pit, mode_3_is_a_square_wave_that_counts_by_two)
{
	load(0, 3, 1000);
	fake_irqs.rises[0] = 0;
	clocks(100);
	cr_expect_eq(count(0), 800);
	cr_expect(status(0) & OUT);
	clocks(450);
	cr_expect_eq(count(0), 900);
	cr_expect_not(status(0) & OUT, "low in the second half");
	clocks(450);
	cr_expect_eq(fake_irqs.rises[0], 1);
	load(0, 7, 0);			/* 7 is 3; 0 is 65536 */
	fake_irqs.rises[0] = 0;
	clocks(65536);
	cr_expect_eq(fake_irqs.rises[0], 1);
	cr_expect_eq(status(0) & 0x0e, 6);
}

Test(pit, mode_4_strobes_once)
{
	load(0, 4, 500);
	fake_irqs.rises[0] = 0;
	clocks(500);
	cr_expect_not(status(0) & OUT, "low for one clock");
	clocks(1);
	cr_expect(status(0) & OUT);
	cr_expect_eq(fake_irqs.rises[0], 1);
	clocks(200000);
	cr_expect_eq(fake_irqs.rises[0], 1);
}

Test(pit, channel_2_measures_time_through_port_61)
{
	wr(0x61, 0);
	load(2, 0, 59659);		/* 50 ms: how TSCs are calibrated */
	clocks(100);
	cr_expect_eq(count(2), 59659, "the gate is low");
	wr(0x61, 1);
	cr_expect_eq(rd(0x61) & 0x2f, 0x01);
	clocks(30000);
	wr(0x61, 0);
	clocks(5000);
	cr_expect_eq(count(2), 29659, "held");
	wr(0x61, 1);
	clocks(29658);
	cr_expect_not(rd(0x61) & 0x20);
	clocks(1);
	cr_expect(rd(0x61) & 0x20);
	cr_expect_eq(fake_irqs.rises[0], 0, "channel 2 interrupts nobody");
}

Test(pit, mode_1_is_triggered_by_the_gate)
{
	wr(0x61, 0);
	load(2, 1, 300);
	clocks(1000);
	cr_expect(rd(0x61) & 0x20, "high until the trigger");
	wr(0x61, 1);
	cr_expect_not(rd(0x61) & 0x20);
	clocks(299);
	cr_expect_not(rd(0x61) & 0x20);
	clocks(1);
	cr_expect(rd(0x61) & 0x20);
	wr(0x61, 0);
	wr(0x61, 1);
	cr_expect_not(rd(0x61) & 0x20, "triggered again");
}

Test(pit, latches_hold_until_they_are_read)
{
	load(0, 2, 5000);
	clocks(1000);
	wr(0x43, 0xc2);			/* read-back: count and status of channel 0 */
	clocks(500);
	wr(0x43, 0x00);			/* a second latch is ignored */
	cr_expect_eq(rd(0x40), OUT | 0x34, "the status comes first");
	cr_expect_eq(rd(0x40), 4000 & 0xff);
	cr_expect_eq(rd(0x40), 4000 >> 8);
	cr_expect_eq(count(0), 3500);
}

Test(pit, one_byte_counts_and_bcd)
{
	wr(0x43, 0x14);			/* low byte only, mode 2 */
	wr(0x40, 200);
	clocks(50);
	cr_expect_eq(rd(0x40), 150);
	wr(0x43, 0x24);			/* high byte only */
	wr(0x40, 0x10);
	clocks(1);
	cr_expect_eq(rd(0x40), 0x0f);
	wr(0x43, 0x35);			/* BCD */
	wr(0x40, 0x00);
	wr(0x40, 0x10);
	clocks(1);
	cr_expect_eq(count(0), 0x0999);
}

Test(pit, the_fastest_rate_is_bounded_and_a_late_host_drops_ticks)
{
	load(0, 2, 2);
	fake_irqs.rises[0] = 0;
	fake_irqs_pass(100 * TIMER_MIN_PERIOD_NS);
	cr_expect_leq(fake_irqs.rises[0], 101);
	cr_expect_geq(fake_irqs.rises[0], 90);
	load(0, 2, 1193);
	fake_irqs.rises[0] = 0;
	fake_irqs.now_ns += 1000000000;	/* nobody looked for a second */
	timers_expire(fake_irqs.timers);
	cr_expect_eq(fake_irqs.rises[0], 1);
}

Test(pit, random_writes_break_nothing)
{
	uint32_t seed = 99;

	for (unsigned i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		wr((seed >> 28) ? (uint16_t)(0x40 + (seed >> 28 & 3)) : 0x61, (uint8_t)(seed >> 8));
		fake_irqs.now_ns += seed >> 20;
		timers_expire(fake_irqs.timers);
		rd((uint16_t)(0x40 + (seed >> 18 & 3)));
		rd(0x61);
	}
}
