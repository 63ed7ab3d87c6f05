/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the devices' lines and the vCPUs: which controllers there are and how they are wired, see irq.h. In trapd, under
 * the bus lock, on whatever thread moves a line or is about to run guest code.
 */
#include "trapd/devices/irq.h"

#include <errno.h>
#include <stdlib.h>

#include "trapd/devices/pic.h"

struct irqs {
	const struct irqs_ops *ops;
	void *ctx;
	unsigned cpus;
	struct pic *pic;
};

void irq_set(struct irqs *s, unsigned line, bool level)
{
	if (line < 16)
		pic_set_line(s->pic, line, level);
}

/* INTR of the 8259 pair: to the boot processor. */
static void on_pic_output(void *ctx, bool level)
{
	struct irqs *s = ctx;

	if (level)
		s->ops->notify(s->ctx, 0);
}

bool irqs_pending(struct irqs *s, unsigned cpu)
{
	return cpu == 0 && pic_output(s->pic);
}

int irqs_accept(struct irqs *s, unsigned cpu)
{
	return irqs_pending(s, cpu) ? (int)pic_acknowledge(s->pic) : -1;
}

int irqs_create(struct irqs **out, struct bus *b, unsigned cpus, const struct irqs_ops *ops, void *ctx)
{
	struct irqs *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->ctx = ctx;
	s->cpus = cpus;
	rc = pic_add(&s->pic, b, on_pic_output, s);
	if (rc) {
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void irqs_destroy(struct irqs *s)
{
	free(s);
}
