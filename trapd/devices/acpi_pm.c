/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI fixed hardware: PM1 event and control registers, the power management timer; see acpi.h. In trapd, under the bus lock, on
 * vCPU threads and (timer) the device thread. Of the events only the timer's carry exists; nothing sleeps, but S5 is off.
 * Source: ACPI Specification 4.0, 4.7.2.1 (timer), 4.7.3.1 and 4.7.3.2 (PM1 registers).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "trapd/devices/acpi.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/timer.h"

#define TIMER_HZ	3579545ull
#define SECOND_NS	1000000000ull
#define CARRY		(1ull << 31)	/* TMR_STS: the highest bit of the counter has changed */
#define EVENT_TIMER	0x0001u		/* TMR_STS, TMR_EN */
#define ENABLE_BITS	0x0721u		/* TMR, GBL, PWRBTN, SLPBTN, RTC: read back, though nothing but the timer ever happens */
#define CONTROL_SCI_EN	0x0001u
#define CONTROL_BITS	0x1c02u		/* BM_RLD, SLP_TYP */
#define SLEEP_TYPE(v)	((v) >> 10 & 7u)
#define SLEEP_ENABLE	0x2000u
enum { AT_STATUS, AT_ENABLE = 2, AT_CONTROL = 4, AT_TIMER = 8 };

struct acpi_pm {
	struct irqs *irqs;
	struct timers *timers;
	struct timer timer;		/* armed while TMR_EN is 1 */
	struct power_line power;
	uint64_t seen;			/* ticks until which the status is up to date */
	uint16_t status, enable, control;
};

/* Ticks since the VM began; exact for centuries. */
static uint64_t ticks(const struct acpi_pm *p)
{
	uint64_t ns = timers_now(p->timers);

	return ns / SECOND_NS * TIMER_HZ + ns % SECOND_NS * TIMER_HZ / SECOND_NS;
}

/* The first nanosecond at which ticks() is at least n. */
static uint64_t time_of(uint64_t n)
{
	return n / TIMER_HZ * SECOND_NS + (n % TIMER_HZ * SECOND_NS + TIMER_HZ - 1) / TIMER_HZ;
}

static void update(struct acpi_pm *p)
{
	uint64_t now = ticks(p);

	if (now / CARRY != p->seen / CARRY)
		p->status |= EVENT_TIMER;
	p->seen = now;
	irq_set(p->irqs, ACPI_SCI, p->status & p->enable);
	if (p->enable & EVENT_TIMER)
		timer_arm(&p->timer, time_of((now / CARRY + 1) * CARRY));
	else
		timer_disarm(&p->timer);
}

static void on_timer(void *dev)
{
	update(dev);
}

static void control_write(struct acpi_pm *p, uint16_t value)
{
	p->control = value & CONTROL_BITS;
	if ((value & SLEEP_ENABLE) && SLEEP_TYPE(value) == ACPI_SLEEP_OFF)
		p->power.off(p->power.ctx);
}

/* One byte of the block as it reads now. */
static uint64_t block(struct acpi_pm *p)
{
	update(p);
	return p->status | (uint64_t)p->enable << 16 | (uint64_t)(p->control | CONTROL_SCI_EN) << 32;
}

static uint64_t pm_read(void *dev, uint32_t offset, unsigned size)
{
	struct acpi_pm *p = dev;

	return offset >= AT_TIMER ? (uint64_t)(uint32_t)ticks(p) >> (offset - AT_TIMER) * 8 : block(p) >> offset * 8;
}

/* What an access leaves alone keeps its value, but a status bit is cleared only by a 1 written to it. */
static void pm_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct acpi_pm *p = dev;
	uint64_t mask = (size == 4 ? 0xffffffffull : (1ull << size * 8) - 1) << (offset & 7) * 8, old;

	if (offset >= AT_TIMER)
		return;
	old = block(p);
	value = (value << offset * 8 & mask) | (old & ~mask);
	if (mask & 0xffff)
		p->status &= (uint16_t)~(value & mask);
	p->enable = (uint16_t)(value >> 16) & ENABLE_BITS;
	update(p);
	if (mask >> 32 & 0xffff)
		control_write(p, (uint16_t)(value >> 32));
}

static void pm_destroy(void *dev)
{
	struct acpi_pm *p = dev;

	timer_fini(&p->timer);
	free(p);
}

static const struct device_ops pm_ops = { .name = "acpi", .read = pm_read, .write = pm_write, .destroy = pm_destroy };

int acpi_pm_add(struct bus *b, struct irqs *irqs, struct timers *timers, const struct power_line *power)
{
	struct acpi_pm *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->irqs = irqs;
	p->timers = timers;
	p->power = *power;
	p->seen = ticks(p);
	timer_init(&p->timer, timers, on_timer, p);
	rc = bus_add_ports(b, ACPI_PM1_EVENT, ACPI_PM_PORTS, &pm_ops, p);
	if (rc)
		pm_destroy(p);
	return rc;
}
