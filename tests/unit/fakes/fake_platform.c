/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine around one device, see fake_platform.h. */
#include "tests/unit/fakes/fake_platform.h"

#include <criterion/criterion.h>
#include <string.h>

#define VECTOR 0x20u

static uint64_t clock_now(void *ctx)
{
	const struct fake_platform *p = ctx;

	return p->now;
}

static void ignore_earlier(void *ctx) { }
static void ignore_notify(void *ctx, unsigned cpu) { }
static const struct timers_ops timers_ops = { .now = clock_now, .earlier = ignore_earlier };
static const struct irqs_ops irqs_ops = { .notify = ignore_notify };

static void on_reset(void *ctx, const char *how)
{
	struct fake_platform *p = ctx;

	p->resets++;
	p->reset_by = how;
}

uint8_t fake_in(struct fake_platform *p, uint16_t port)
{
	return (uint8_t)bus_port_read(p->bus, port, 1);
}

void fake_out(struct fake_platform *p, uint16_t port, uint8_t value)
{
	bus_port_write(p->bus, port, 1, value);
}

/* Both 8259s in 8086 mode, nothing masked. */
void fake_platform_create(struct fake_platform *p)
{
	static const uint16_t base[] = { 0x20, 0xa0 };

	memset(p, 0, sizeof(*p));
	p->reset = (struct reset_line){ on_reset, p };
	cr_assert_eq(bus_create(&p->bus), 0);
	cr_assert_eq(timers_create(&p->timers, &timers_ops, p), 0);
	cr_assert_eq(irqs_create(&p->irqs, p->bus, p->timers, 1, &irqs_ops, p), 0);
	for (unsigned i = 0; i < 2; i++) {
		fake_out(p, base[i], 0x11);
		fake_out(p, base[i] + 1, (uint8_t)(VECTOR + 8 * i));
		fake_out(p, base[i] + 1, i ? 2 : 4);
		fake_out(p, base[i] + 1, 1);
		fake_out(p, base[i] + 1, 0);
	}
}

void fake_platform_destroy(struct fake_platform *p)
{
	bus_destroy(p->bus);
	irqs_destroy(p->irqs);
	timers_destroy(p->timers);
}

void fake_advance(struct fake_platform *p, uint64_t ns)
{
	uint64_t end = p->now + ns, next;

	bus_lock(p->bus);
	while ((next = timers_expire(p->timers)) <= end)
		p->now = next > p->now ? next : p->now;
	p->now = end;
	timers_expire(p->timers);
	bus_unlock(p->bus);
}

bool fake_take_irq(struct fake_platform *p, unsigned line)
{
	int vector;

	bus_lock(p->bus);
	vector = irqs_accept(p->irqs, 0);
	bus_unlock(p->bus);
	if (vector < 0)
		return false;
	cr_assert_eq((unsigned)vector, VECTOR + line, "another line's interrupt: vector %#x", (unsigned)vector);
	if (line >= 8)
		fake_out(p, 0xa0, 0x20);
	fake_out(p, 0x20, 0x20);
	return true;
}
