/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the devices' lines and the vCPUs: which controllers there are and how they are wired, see irq.h. In trapd, under
 * the bus lock, on whatever thread moves a line or is about to run guest code.
 */
#include "trapd/devices/irq.h"

#include <errno.h>
#include <stdlib.h>

#include "trapd/devices/ioapic.h"
#include "trapd/devices/lapic.h"
#include "trapd/devices/pic.h"

struct irqs {
	const struct irqs_ops *ops;
	void *ctx;
	unsigned cpus;
	struct pic *pic;
	struct ioapic *ioapic;
	struct lapics *lapics;
};

/* Line 0 goes to pin 2, as the MP table says; pin 0 belongs to the 8259 pair, and line 2 leads nowhere. */
void irq_set(struct irqs *s, unsigned line, bool level)
{
	if (line >= IRQ_LINES || line == 2)
		return;
	if (line < 16)
		pic_set_line(s->pic, line, level);
	ioapic_set_pin(s->ioapic, line ? line : 2, level);
}

/* INTR of the 8259 pair: to all processors that listen. */
static void on_pic_output(void *ctx, bool level)
{
	struct irqs *s = ctx;

	for (unsigned i = 0; level && i < s->cpus; i++)
		if (lapic_takes_extint(s->lapics, i))
			s->ops->notify(s->ctx, i);
}

static void on_lapic(void *ctx, unsigned cpu)
{
	struct irqs *s = ctx;

	s->ops->notify(s->ctx, cpu);
}

static void on_eoi(void *ctx, uint8_t vector)
{
	struct irqs *s = ctx;

	ioapic_eoi(s->ioapic, vector);
}

static void on_init(void *ctx, unsigned cpu)
{
	struct irqs *s = ctx;

	if (s->ops->init)
		s->ops->init(s->ctx, cpu);
}

static void on_startup(void *ctx, unsigned cpu, uint8_t vector)
{
	struct irqs *s = ctx;

	if (s->ops->startup)
		s->ops->startup(s->ctx, cpu, vector);
}

static const struct lapics_ops lapics_ops = { .notify = on_lapic, .eoi = on_eoi, .init = on_init, .startup = on_startup };

static bool on_ioapic_message(void *ctx, const struct apic_message *m)
{
	struct irqs *s = ctx;

	return lapics_deliver(s->lapics, m);
}

bool irqs_pending(struct irqs *s, unsigned cpu)
{
	return lapic_pending(s->lapics, cpu) || (pic_output(s->pic) && lapic_takes_extint(s->lapics, cpu));
}

int irqs_accept(struct irqs *s, unsigned cpu)
{
	int vector = lapic_accept(s->lapics, cpu);

	if (vector < 0 && pic_output(s->pic) && lapic_takes_extint(s->lapics, cpu))
		vector = (int)pic_acknowledge(s->pic);
	return vector;
}

void irqs_look_cpu(const struct irqs *s, unsigned cpu, struct lapic_state *out)
{
	lapic_look(s->lapics, cpu, out);
}

void irqs_look_pic(const struct irqs *s, struct pic_state *out)
{
	pic_look(s->pic, out);
}

struct lapics *irqs_lapics(struct irqs *s)
{
	return s->lapics;
}

int irqs_create(struct irqs **out, struct bus *b, struct timers *timers, unsigned cpus, const struct irqs_ops *ops, void *ctx)
{
	struct irqs *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->ctx = ctx;
	s->cpus = cpus;
	rc = pic_add(&s->pic, b, on_pic_output, s);
	if (!rc)
		rc = lapics_add(&s->lapics, b, cpus, timers, &lapics_ops, s);
	if (!rc)	/* the IDs of the vCPUs come first */
		rc = ioapic_add(&s->ioapic, b, (uint8_t)cpus, on_ioapic_message, s);
	*out = s;	/* what is on the bus refers to it, whatever has failed */
	return rc;
}

void irqs_destroy(struct irqs *s)
{
	free(s);
}
