/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock by the MC146818A data sheet, on a clock that stands unless the test moves it; and the memory's sizes. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/unit/fakes/fake_platform.h"
#include "trapd/devices/cmos.h"
#include "trapd/devices/rtc_date.h"

#define SECOND	1000000000ull
#define START	951782399	/* 2000-02-28 23:59:59, a Monday */

enum { SECONDS = 0, SECONDS_ALARM = 1, MINUTES = 2, MINUTES_ALARM = 3, HOURS = 4, HOURS_ALARM = 5, WEEKDAY = 6, DAY = 7, MONTH = 8,
       YEAR = 9, A = 10, B = 11, C = 12, D = 13, CENTURY = 0x32 };

static struct fake_platform p;
static struct guest_ram ram;

static uint8_t rd(uint8_t reg)
{
	fake_out(&p, 0x70, reg);
	return fake_in(&p, 0x71);
}

static void wr(uint8_t reg, uint8_t value)
{
	fake_out(&p, 0x70, reg);
	fake_out(&p, 0x71, value);
}

static void setup(void)
{
	fake_platform_create(&p);
	guest_ram_layout(&ram, (3ull << 30) + (512ull << 20));
	cr_assert_eq(cmos_add(p.bus, p.irqs, p.timers, &ram, START, 1), 0);
}

static void teardown(void)
{
	fake_platform_destroy(&p);
}

TestSuite(cmos, .init = setup, .fini = teardown);

static void expect_date(unsigned y, unsigned mo, unsigned d, unsigned w, unsigned h, unsigned mi, unsigned s)
{
	cr_assert_eq(rd(CENTURY) * 256u + rd(YEAR), y, "year %02x%02x", rd(CENTURY), rd(YEAR));
	cr_assert_eq(rd(MONTH), mo);
	cr_assert_eq(rd(DAY), d, "day %x", rd(DAY));
	cr_assert_eq(rd(WEEKDAY), w);
	cr_assert_eq(rd(HOURS), h);
	cr_assert_eq(rd(MINUTES), mi);
	cr_assert_eq(rd(SECONDS), s);
}

Test(cmos, time_passes_into_a_leap_day)
{
	expect_date(0x2000, 2, 0x28, 2, 0x23, 0x59, 0x59);
	fake_advance(&p, SECOND);
	expect_date(0x2000, 2, 0x29, 3, 0, 0, 0);
	fake_advance(&p, 86400 * SECOND);
	expect_date(0x2000, 3, 1, 4, 0, 0, 0);
}

Test(cmos, binary_and_twelve_hours)
{
	wr(B, RTC_BINARY | RTC_24H);
	cr_assert_eq(rd(SECONDS), 59);
	cr_assert_eq(rd(HOURS), 23);
	wr(B, 0);
	cr_assert_eq(rd(HOURS), 0x91, "11 pm");
	fake_advance(&p, SECOND);
	cr_assert_eq(rd(HOURS), 0x12, "midnight is 12 am");
	fake_advance(&p, 12 * 3600 * SECOND);
	cr_assert_eq(rd(HOURS), 0x92, "noon is 12 pm");
}

Test(cmos, set_stops_the_clock_until_all_is_written)
{
	wr(B, 0x80 | RTC_24H);
	wr(DAY, 0x31);
	wr(MONTH, 0x12);
	wr(YEAR, 0x99);
	wr(CENTURY, 0x19);
	fake_advance(&p, 10 * SECOND);
	cr_assert_eq(rd(SECONDS), 0x59);
	wr(B, RTC_24H);
	expect_date(0x1999, 0x12, 0x31, 6, 0x23, 0x59, 0x59);
	fake_advance(&p, SECOND);
	expect_date(0x2000, 1, 1, 7, 0, 0, 0);
}

Test(cmos, update_in_progress_is_seen_before_the_second_changes)
{
	cr_assert_eq(rd(A), 0x26);
	fake_advance(&p, SECOND - 2000000);
	cr_assert_eq(rd(A), 0xa6);
	cr_assert_eq(rd(SECONDS), 0x59);
	fake_advance(&p, 2000000);
	cr_assert_eq(rd(A), 0x26);
	cr_assert_eq(rd(SECONDS), 0);
	wr(A, 0xaf);
	cr_assert_eq(rd(A), 0x2f, "UIP is read-only");
}

Test(cmos, periodic_interrupt_at_the_rate_of_register_a)
{
	unsigned n = 0;

	wr(A, 0x2f);	/* 2 Hz */
	wr(B, 0x40 | RTC_24H);
	rd(C);
	cr_assert_not(fake_take_irq(&p, IRQ_RTC));
	for (unsigned i = 0; i < 40; i++) {
		fake_advance(&p, SECOND / 10);
		if (fake_take_irq(&p, IRQ_RTC)) {
			n++;
			cr_assert_eq(rd(C) & 0xc0, 0xc0, "IRQF and PF");
			cr_assert_eq(rd(C), 0, "reading clears them");
		}
	}
	cr_assert_eq(n, 8);
	wr(B, RTC_24H);
	fake_advance(&p, SECOND);
	cr_assert_not(fake_take_irq(&p, IRQ_RTC));
	cr_assert_eq(rd(C) & 0xc0, 0x40, "the flag is set without the enable bit, IRQF is not");
}

Test(cmos, the_line_stays_up_until_register_c_is_read)
{
	wr(B, 0x10 | RTC_24H);
	fake_advance(&p, SECOND);
	cr_assert(fake_take_irq(&p, IRQ_RTC));
	fake_advance(&p, 3 * SECOND);
	cr_assert_not(fake_take_irq(&p, IRQ_RTC), "no edge without an acknowledge");
	cr_assert_eq(rd(C) & 0x90, 0x90);
	fake_advance(&p, SECOND);
	cr_assert(fake_take_irq(&p, IRQ_RTC));
}

Test(cmos, alarm_at_its_time_and_with_wildcards)
{
	wr(SECONDS_ALARM, 0x05);
	wr(MINUTES_ALARM, 0x00);
	wr(HOURS_ALARM, 0x00);
	wr(B, 0x20 | RTC_24H);
	fake_advance(&p, 5 * SECOND);
	cr_assert_not(fake_take_irq(&p, IRQ_RTC));
	fake_advance(&p, SECOND);
	cr_assert(fake_take_irq(&p, IRQ_RTC));
	cr_assert_eq(rd(C) & 0xa0, 0xa0);
	fake_advance(&p, 3600 * SECOND);
	cr_assert_not(fake_take_irq(&p, IRQ_RTC));
	wr(HOURS_ALARM, 0xc0);
	wr(MINUTES_ALARM, 0xff);
	fake_advance(&p, 60 * SECOND);
	cr_assert(fake_take_irq(&p, IRQ_RTC), "every minute");
}

Test(cmos, memory_sizes_disks_and_ram)
{
	cr_assert_eq(rd(0x15) | rd(0x16) << 8, 639);
	cr_assert_eq(rd(0x17) | rd(0x18) << 8, 0xffff);
	cr_assert_eq(rd(0x34) | rd(0x35) << 8, (3072 - 16) * 16);
	cr_assert_eq(rd(0x5b) | rd(0x5c) << 8 | rd(0x5d) << 16, 512 * 16);
	cr_assert_eq(rd(0x12), 0xf0);
	cr_assert_eq(rd(D), 0x80);
	wr(D, 0);
	cr_assert_eq(rd(D), 0x80);
	wr(0x40, 0xa5);
	cr_assert_eq(rd(0x40), 0xa5);
	cr_assert_eq(rd(0xc0), 0xa5, "bit 7 of the index is the NMI mask");
	cr_assert_eq(fake_in(&p, 0x70), 0xff);
}

Test(cmos, any_bytes_are_a_date_and_dates_come_back)
{
	uint8_t bytes[RTC_BYTES];
	unsigned seed = 1;

	for (int64_t s = 0; s < 5000000000; s += 86399 * 7) {
		rtc_date_encode(s, RTC_24H, bytes);
		cr_assert_eq(rtc_date_decode(bytes, RTC_24H), s);
		rtc_date_encode(s, RTC_BINARY, bytes);
		cr_assert_eq(rtc_date_decode(bytes, RTC_BINARY), s);
	}
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t b = (uint8_t)rand_r(&seed);

		for (unsigned n = 0; n < RTC_BYTES; n++)
			bytes[n] = (uint8_t)rand_r(&seed);
		cr_assert_geq(rtc_date_decode(bytes, b), 0);
		rtc_date_encode(rtc_date_decode(bytes, b), b, bytes);
	}
}

Test(cmos, random_writes_leave_a_clock_that_ticks)
{
	unsigned seed = 2;

	for (unsigned i = 0; i < 20000; i++) {
		bus_port_write(p.bus, (uint16_t)(0x70 + rand_r(&seed) % 2), 1u << rand_r(&seed) % 3, (uint64_t)rand_r(&seed));
		bus_port_read(p.bus, 0x71, 1u << rand_r(&seed) % 3);
		fake_advance(&p, (uint64_t)rand_r(&seed));
	}
	wr(B, RTC_BINARY | RTC_24H);
	cr_assert_lt(rd(SECONDS), 60);
}
