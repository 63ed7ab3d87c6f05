/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CMOS memory and real-time clock, see cmos.h. In trapd, under the bus lock, on vCPU threads and (timer) the device thread.
 * The time is computed when it is read; the timer runs only while an interrupt is enabled. Where bytes beyond the clock mean
 * something they tell firmware's view of the memory. Source: Motorola MC146818A data sheet, "Register A" to "Register D".
 */
#include "trapd/devices/cmos.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/rtc_date.h"
#include "trapd/devices/timer.h"

#define CMOS_PORT	0x70
#define SECOND_NS	1000000000ull
#define UPDATE_NS	2228000ull	/* UIP is 1 for 244 us and the 1984 us of the update: table "Update cycle" */

enum { REG_A = 10, REG_B, REG_C, REG_D };
#define A_UIP		0x80u
#define A_RATE		0x0fu
#define B_SET		0x80u
#define B_PIE		0x40u
#define B_AIE		0x20u
#define B_UIE		0x10u
#define C_IRQF		0x80u
#define D_VRT		0x80u		/* the battery is good */

struct cmos {
	struct irqs *irqs;
	struct timers *timers;
	struct timer timer;
	uint8_t index;
	uint8_t reg[128];		/* clock registers: alarm, A, B, and the time while SET holds it */
	int64_t base_s;			/* time of day at base_ns; changed by the guest alone */
	uint64_t base_ns;
	uint8_t flags;			/* register C without IRQF */
	uint64_t seen_ns;		/* flags are up to date until here */
};

/* Flags of register C sit at the bits that enable them in B. */
static void set_line(struct cmos *c)
{
	irq_set(c->irqs, IRQ_RTC, c->flags & c->reg[REG_B] & (B_PIE | B_AIE | B_UIE));
}

static uint64_t period_ns(const struct cmos *c)
{
	unsigned rate = c->reg[REG_A] & A_RATE;

	/* With a 32768 Hz base the first two rates are those of 8 and 9. */
	return rate ? (SECOND_NS << ((rate < 3 ? rate + 7 : rate) - 1)) >> 15 : 0;
}

static int64_t seconds_at(const struct cmos *c, uint64_t ns)
{
	return c->base_s + (int64_t)((ns - c->base_ns) / SECOND_NS);
}

static bool alarm_matches(const struct cmos *c, int64_t s)
{
	static const uint8_t alarm[] = { 1, 3, 5 };
	uint8_t now[RTC_BYTES];

	rtc_date_encode(s, c->reg[REG_B], now);
	for (unsigned i = 0; i < 3; i++)
		/* 11xxxxxx: any value */
		if ((c->reg[alarm[i]] & 0xc0) != 0xc0 && c->reg[alarm[i]] != now[i * 2])
			return false;
	return true;
}

/* What has happened since the flags were last looked at. A day is looked back at most: the alarm repeats after that. */
static void catch_up(struct cmos *c)
{
	uint64_t now = timers_now(c->timers), period = period_ns(c);
	int64_t before = seconds_at(c, c->seen_ns), s = seconds_at(c, now);

	if (period && (now - c->base_ns) / period != (c->seen_ns - c->base_ns) / period)
		c->flags |= B_PIE;
	if (!(c->reg[REG_B] & B_SET) && s != before) {
		c->flags |= B_UIE;
		if (s - before > 86400)
			before = s - 86400;
		while (before < s && !(c->flags & B_AIE))
			if (alarm_matches(c, ++before))
				c->flags |= B_AIE;
	}
	c->seen_ns = now;
	set_line(c);
}

static void arm(struct cmos *c)
{
	uint64_t now = timers_now(c->timers), at = TIMER_NEVER, next;

	if ((c->reg[REG_B] & B_PIE) && period_ns(c))
		at = timer_next_tick(c->base_ns, period_ns(c), now);
	if ((c->reg[REG_B] & (B_AIE | B_UIE)) && !(c->reg[REG_B] & B_SET)) {
		next = timer_next_tick(c->base_ns, SECOND_NS, now);
		at = next < at ? next : at;
	}
	if (at == TIMER_NEVER)
		timer_disarm(&c->timer);
	else
		timer_arm(&c->timer, at);
}

static void on_timer(void *dev)
{
	catch_up(dev);
	arm(dev);
}

/* Registers 0 to 9 and the century, as they read now. While SET is 1 the clock stands and they are memory. */
static void time_load(struct cmos *c)
{
	uint8_t now[RTC_BYTES];

	if (c->reg[REG_B] & B_SET)
		return;
	rtc_date_encode(seconds_at(c, timers_now(c->timers)), c->reg[REG_B], now);
	for (unsigned i = 0; i < RTC_BYTES; i++)
		if (rtc_byte_reg[i] >= 0)
			c->reg[rtc_byte_reg[i]] = now[i];
}

/* The clock goes on from what the registers say. */
static void time_store(struct cmos *c)
{
	uint8_t set[RTC_BYTES] = { 0 };

	for (unsigned i = 0; i < RTC_BYTES; i++)
		if (rtc_byte_reg[i] >= 0)
			set[i] = c->reg[rtc_byte_reg[i]];
	c->base_s = rtc_date_decode(set, c->reg[REG_B]);
	c->base_ns = c->seen_ns = timers_now(c->timers);
}

static bool is_time(unsigned reg)
{
	for (unsigned i = 0; i < RTC_BYTES; i++)
		if (rtc_byte_reg[i] == (int)reg)
			return true;
	return false;
}

static uint8_t read_a(const struct cmos *c)
{
	uint64_t part = (timers_now(c->timers) - c->base_ns) % SECOND_NS;

	return c->reg[REG_A] | (!(c->reg[REG_B] & B_SET) && part >= SECOND_NS - UPDATE_NS ? A_UIP : 0);
}

static uint8_t read_c(struct cmos *c)
{
	uint8_t value;

	catch_up(c);
	value = c->flags | (c->flags & c->reg[REG_B] & (B_PIE | B_AIE | B_UIE) ? C_IRQF : 0);
	c->flags = 0;
	set_line(c);
	return value;
}

static uint8_t data_read(struct cmos *c)
{
	switch (c->index) {
	case REG_A: return read_a(c);
	case REG_C: return read_c(c);
	case REG_D: return D_VRT;
	default:
		time_load(c);
		return c->reg[c->index];
	}
}

static void write_b(struct cmos *c, uint8_t value)
{
	bool was_set = c->reg[REG_B] & B_SET;

	catch_up(c);
	time_load(c);
	/* SET stops the update cycle and clears UIE: data sheet, register B. */
	c->reg[REG_B] = value & B_SET ? value & ~B_UIE : value;
	if (was_set && !(value & B_SET))
		time_store(c);
	set_line(c);
	arm(c);
}

static void data_write(struct cmos *c, uint8_t value)
{
	switch (c->index) {
	case REG_A:
		catch_up(c);
		c->reg[REG_A] = value & ~A_UIP;
		arm(c);
		return;
	case REG_B:
		write_b(c, value);
		return;
	case REG_C:
	case REG_D:
		return;
	default:
		catch_up(c);
		time_load(c);
		c->reg[c->index] = value;
		if (is_time(c->index) && !(c->reg[REG_B] & B_SET))
			time_store(c);
		arm(c);
	}
}

static uint64_t cmos_read(void *dev, uint32_t offset, unsigned size)
{
	/* The index register cannot be read back; wider accesses are two cycles of the chip. */
	uint64_t value = offset ? data_read(dev) : 0xff;

	return size > 1 && !offset ? value | (uint64_t)data_read(dev) << 8 : value;
}

static void cmos_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct cmos *c = dev;

	if (offset) {
		data_write(c, (uint8_t)value);
		return;
	}
	c->index = value & 0x7f;	/* bit 7 masks NMI, of which there is none */
	if (size > 1)
		data_write(c, (uint8_t)(value >> 8));
}

static void cmos_destroy(void *dev)
{
	struct cmos *c = dev;

	timer_fini(&c->timer);
	free(c);
}

static const struct device_ops cmos_ops = { .name = "cmos", .read = cmos_read, .write = cmos_write, .destroy = cmos_destroy };

static void put16(struct cmos *c, unsigned at, uint64_t value)
{
	value = value > 0xffff ? 0xffff : value;
	c->reg[at] = (uint8_t)value;
	c->reg[at + 1] = (uint8_t)(value >> 8);
}

/* The bytes that firmware leaves for kernels that ask nobody else. */
static void fill_memory(struct cmos *c, const struct guest_ram *ram, unsigned disks)
{
	uint64_t mib = 1ull << 20, above1 = ram->low_end > mib ? (ram->low_end - mib) / 1024 : 0;
	uint64_t above16 = ram->low_end > 16 * mib ? (ram->low_end - 16 * mib) >> 16 : 0;
	uint64_t high = ram->high_end ? (ram->high_end - GUEST_RAM_HIGH_BASE) >> 16 : 0;

	put16(c, 0x15, 639);
	put16(c, 0x17, above1);
	put16(c, 0x30, above1);
	put16(c, 0x34, above16);
	put16(c, 0x5b, high);
	c->reg[0x5d] = (uint8_t)(high >> 16);
	c->reg[0x12] = (uint8_t)((disks & 1 ? 0xf0 : 0) | (disks & 2 ? 0x0f : 0));	/* types in extension bytes */
	c->reg[0x14] = 0x02;		/* equipment: a coprocessor, no diskette, a VGA */
}

int cmos_add(struct bus *b, struct irqs *irqs, struct timers *timers, const struct guest_ram *ram, int64_t start_s, unsigned disks)
{
	struct cmos *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->irqs = irqs;
	c->timers = timers;
	c->base_s = start_s;
	c->base_ns = c->seen_ns = timers_now(timers);
	c->reg[REG_A] = 0x26;		/* 32768 Hz base, 1024 Hz: as firmware leaves it */
	c->reg[REG_B] = RTC_24H;
	fill_memory(c, ram, disks);
	timer_init(&c->timer, timers, on_timer, c);
	rc = bus_add_ports(b, CMOS_PORT, 2, &cmos_ops, c);
	if (rc)
		cmos_destroy(c);
	return rc;
}
