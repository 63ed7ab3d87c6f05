/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 interval timer. In trapd, under the bus lock: port accesses on the vCPU threads, channel 0's interrupt on the device
 * thread. Nothing counts: a counter's value follows from the clock when it is read, and only channel 0 has a timer, for the
 * next edge of its output. Where the output is low for one clock only (modes 2, 4, 5) and in mode 3 the interrupt line is told
 * the rising edge and left high.
 * Source: Intel 82C54 data sheet (231244), modes of operation, counter latch and read-back commands; PC/AT technical
 * reference, port 0x61.
 */
#include "trapd/devices/pit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/timer.h"

#define NS_PER_S	1000000000ull
#define REFRESH_NS	15085u		/* the bit at port 0x61 toggles with each memory refresh */

enum { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH };

struct channel {
	uint8_t mode, rw;
	bool bcd;
	bool loaded;			/* a count was written since the control word */
	bool gate;
	bool triggered;			/* modes 1 and 5: the gate has risen since the count was written */
	uint32_t count;			/* 1 to 65536 clocks, or to 10000 in BCD */
	uint64_t start;			/* clock at which it was loaded; shifted while the gate holds it */
	uint64_t held;			/* gate low in modes 0, 4: clock at which it fell */
	bool next_valid;		/* modes 2, 3: a count for the next period */
	uint32_t next;
	bool high_next;			/* RW_BOTH: the second byte is read or written next */
	bool write_high_next;
	uint8_t low_written;
	bool value_latched, status_latched;
	uint16_t value;
	uint8_t status;
};

struct pit {
	struct channel channel[3];
	uint8_t port61;			/* bits 0 to 3 as written */
	struct irqs *irqs;
	struct timers *timers;
	struct timer timer;		/* next rising edge of channel 0 */
};

static uint64_t clock_of_ns(uint64_t ns)
{
	return ns / NS_PER_S * PIT_HZ + ns % NS_PER_S * PIT_HZ / NS_PER_S;
}

/* The first nanosecond at which that clock has come. */
static uint64_t ns_of_clock(uint64_t clock)
{
	return clock / PIT_HZ * NS_PER_S + (clock % PIT_HZ * NS_PER_S + PIT_HZ - 1) / PIT_HZ;
}

static uint64_t clock_now(const struct pit *p)
{
	return clock_of_ns(timers_now(p->timers));
}

static bool is_periodic(const struct channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static bool is_triggered_by_gate(const struct channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

static bool is_counting(const struct channel *c)
{
	return c->loaded && (!is_triggered_by_gate(c) || c->triggered) && (c->gate || is_triggered_by_gate(c));
}

/* A new count of a periodic mode takes effect when the period ends. */
static void follow(struct channel *c, uint64_t now)
{
	uint64_t end;

	if (!c->next_valid || !is_counting(c))
		return;
	end = c->start + c->count;	/* the period in which it was written: see write_count() */
	if (now < end)
		return;
	c->start = end;
	c->count = c->next;
	c->next_valid = false;
}

/* Clocks since the count was loaded. */
static uint64_t elapsed(const struct channel *c, uint64_t now)
{
	if (!c->gate && !is_triggered_by_gate(c) && !is_periodic(c))
		now = c->held;
	return now > c->start ? now - c->start : 0;
}

static bool output(const struct channel *c, uint64_t now)
{
	uint64_t t = elapsed(c, now);

	switch (c->mode) {
	case 0:
		return c->loaded && t >= c->count;
	case 1:
		return !c->triggered || t >= c->count;
	case 2:
		return !is_counting(c) || t % c->count != c->count - 1;
	case 3:
		return !is_counting(c) || t % c->count < (c->count + 1) / 2;
	default:
		return !is_counting(c) || t != c->count;
	}
}

static uint16_t to_bcd(uint32_t n)
{
	return (uint16_t)(n % 10 | n / 10 % 10 << 4 | n / 100 % 10 << 8 | n / 1000 % 10 << 12);
}

static uint16_t counter(const struct channel *c, uint64_t now)
{
	uint32_t modulus = c->bcd ? 10000 : 65536, n;
	uint64_t t = elapsed(c, now);

	if (!c->loaded)
		return 0;
	if (is_periodic(c) && !c->gate)
		t = 0;
	if (is_triggered_by_gate(c) && !c->triggered)
		t = 0;
	if (c->mode == 2)
		n = c->count - (uint32_t)(t % c->count);
	else if (c->mode == 3)		/* counts by two, twice in a period */
		n = (c->count & ~1u) - (uint32_t)(2 * (t % ((c->count + 1) / 2)) % (c->count > 1 ? c->count & ~1u : 2));
	else
		n = (c->count % modulus + modulus - (uint32_t)(t % modulus)) % modulus;
	n %= modulus;
	return c->bcd ? to_bcd(n) : (uint16_t)n;
}

/* When channel 0's output rises next, or TIMER_NEVER. */
static uint64_t next_edge(const struct channel *c, uint64_t now)
{
	uint64_t t = elapsed(c, now);

	if (!is_counting(c))
		return TIMER_NEVER;
	if (is_periodic(c))
		return c->start + (t / c->count + 1) * c->count;
	t = c->start + c->count + (c->mode == 4 || c->mode == 5);
	return t > now ? t : TIMER_NEVER;
}

/* ns: when the counter was set, not later: an edge that has passed since then must still be told. */
static void arm(struct pit *p, uint64_t ns)
{
	struct channel *c = &p->channel[0];
	uint64_t at;

	follow(c, clock_of_ns(ns));
	at = next_edge(c, clock_of_ns(ns));
	if (at == TIMER_NEVER) {
		timer_disarm(&p->timer);
		return;
	}
	at = ns_of_clock(at);
	if (is_periodic(c) && at < ns + TIMER_MIN_PERIOD_NS && c->count < clock_of_ns(TIMER_MIN_PERIOD_NS))
		at = ns + TIMER_MIN_PERIOD_NS;
	timer_arm(&p->timer, at);
}

static void expired(void *dev)
{
	struct pit *p = dev;

	irq_set(p->irqs, IRQ_TIMER, false);
	irq_set(p->irqs, IRQ_TIMER, true);
	arm(p, timers_now(p->timers));
}

/* Port 0x61 moves the gate of channel 2; those of the others are wired high. */
static void set_gate(struct channel *c, bool gate, uint64_t now)
{
	if (gate == c->gate)
		return;
	follow(c, now);
	c->gate = gate;
	if (!gate) {
		c->held = now;
		return;
	}
	if (is_triggered_by_gate(c)) {
		c->triggered = c->loaded;
		c->start = now;
	} else if (is_periodic(c)) {
		c->start = now;
	} else {
		c->start += now - c->held;
	}
}

static uint32_t count_of(const struct channel *c, uint16_t written)
{
	uint32_t n = written;

	if (c->bcd)
		n = (written & 15) + (written >> 4 & 15) * 10 + (written >> 8 & 15) * 100 + (written >> 12) * 1000u;
	return n ? n : c->bcd ? 10000 : 65536;
}

static void write_count(struct pit *p, unsigned n, uint16_t written)
{
	struct channel *c = &p->channel[n];
	uint64_t ns = timers_now(p->timers), now = clock_of_ns(ns);

	if (c->loaded && is_periodic(c) && is_counting(c)) {
		follow(c, now);
		c->start += elapsed(c, now) / c->count * c->count;	/* the period that it waits for */
		c->next = count_of(c, written);
		c->next_valid = true;
	} else {
		c->count = count_of(c, written);
		c->loaded = true;
		c->triggered = false;
		c->next_valid = false;
		c->start = c->held = now;
	}
	/* The output of mode 0 falls with the control word and stays low until the new count is over. */
	if (n == 0 && c->mode == 0)
		irq_set(p->irqs, IRQ_TIMER, false);
	if (n == 0)
		arm(p, ns);
}

static void latch_value(struct channel *c, uint64_t now)
{
	if (c->value_latched)
		return;		/* until it is read: data sheet, counter latch command */
	c->value = counter(c, now);
	c->value_latched = true;
}

static void latch_status(struct channel *c, uint64_t now)
{
	if (c->status_latched)
		return;
	c->status = (uint8_t)(output(c, now) << 7 | (!c->loaded || c->next_valid) << 6 | c->rw << 4 | c->mode << 1 | c->bcd);
	c->status_latched = true;
}

static void read_back(struct pit *p, uint8_t value)
{
	uint64_t now = clock_now(p);

	for (unsigned n = 0; n < 3; n++) {
		if (!(value >> (n + 1) & 1))
			continue;
		follow(&p->channel[n], now);
		if (!(value & 0x20))
			latch_value(&p->channel[n], now);
		if (!(value & 0x10))
			latch_status(&p->channel[n], now);
	}
}

static void write_control(struct pit *p, uint8_t value)
{
	unsigned n = value >> 6, rw = value >> 4 & 3, mode = value >> 1 & 7;
	struct channel *c = &p->channel[n % 3];
	uint64_t now = clock_now(p);
	bool gate = c->gate;

	if (n == 3) {
		read_back(p, value);
		return;
	}
	if (rw == RW_LATCH) {
		follow(c, now);
		latch_value(c, now);
		return;
	}
	*c = (struct channel){ .mode = (uint8_t)(mode > 5 ? mode - 4 : mode), .rw = (uint8_t)rw, .bcd = value & 1, .gate = gate };
	if (n == 0) {
		irq_set(p->irqs, IRQ_TIMER, c->mode != 0);
		timer_disarm(&p->timer);	/* until it has a count */
	}
}

static uint8_t read_channel(struct pit *p, unsigned n)
{
	struct channel *c = &p->channel[n];
	uint64_t now = clock_now(p);
	uint16_t value;
	bool high;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	follow(c, now);
	high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->high_next);
	value = c->value_latched ? c->value : counter(c, now);
	if (c->rw == RW_BOTH)
		c->high_next = !c->high_next;
	if (c->rw != RW_BOTH || high)
		c->value_latched = false;
	return (uint8_t)(high ? value >> 8 : value);
}

static void write_channel(struct pit *p, unsigned n, uint8_t byte)
{
	struct channel *c = &p->channel[n];

	if (c->rw == RW_BOTH && !c->write_high_next) {
		c->low_written = byte;
		c->write_high_next = true;
		if (c->mode == 0) {	/* the first byte stops the count: data sheet, mode 0 */
			c->loaded = false;
			if (n == 0)
				timer_disarm(&p->timer);
		}
		return;
	}
	c->write_high_next = false;
	if (c->rw == RW_BOTH)
		write_count(p, n, (uint16_t)(c->low_written | byte << 8));
	else if (c->rw != RW_LATCH)
		write_count(p, n, c->rw == RW_HIGH ? (uint16_t)(byte << 8) : byte);
}

static uint64_t pit_read(void *dev, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++) {
		unsigned n = (offset + i) & 3;

		value |= (uint64_t)(n < 3 ? read_channel(dev, n) : 0xff) << i * 8;
	}
	return value;
}

static void pit_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++) {
		unsigned n = (offset + i) & 3;
		uint8_t byte = (uint8_t)(value >> i * 8);

		if (n < 3)
			write_channel(dev, n, byte);
		else
			write_control(dev, byte);
	}
}

static uint64_t port61_read(void *dev, uint32_t offset, unsigned size)
{
	struct pit *p = dev;
	uint64_t ns = timers_now(p->timers);
	struct channel *c = &p->channel[2];

	follow(c, clock_of_ns(ns));
	return p->port61 | (ns / REFRESH_NS & 1) << 4 | (uint64_t)output(c, clock_of_ns(ns)) << 5;
}

static void port61_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct pit *p = dev;

	p->port61 = value & 0x0f;
	set_gate(&p->channel[2], value & 1, clock_now(p));
}

static void pit_destroy(void *dev)
{
	struct pit *p = dev;

	timer_fini(&p->timer);
	free(p);
}

static const struct device_ops pit_ops = { .name = "pit", .read = pit_read, .write = pit_write, .destroy = pit_destroy };
static const struct device_ops port61_ops = {
	.name = "port61", .read = port61_read, .write = port61_write, .destroy = pit_destroy,
};

int pit_add(struct bus *b, struct irqs *irqs, struct timers *timers)
{
	struct pit *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->irqs = irqs;
	p->timers = timers;
	/* As firmware leaves it, but that channel 0 waits to be programmed: a guest without a timer is not disturbed by one. */
	for (unsigned n = 0; n < 3; n++)
		p->channel[n] = (struct channel){ .mode = 3, .rw = RW_BOTH, .gate = n != 2 };
	timer_init(&p->timer, timers, expired, p);
	rc = bus_add_ports(b, 0x40, 4, &pit_ops, p);
	if (rc) {
		pit_destroy(p);
		return rc;
	}
	bus_lock(b);
	irq_set(irqs, IRQ_TIMER, true);
	bus_unlock(b);
	return bus_add_ports(b, 0x61, 1, &port61_ops, p);
}
