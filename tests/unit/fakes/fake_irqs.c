/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stand-in for the interrupt controllers, see fake_irqs.h. Linked into test programs only. */
#include <criterion/criterion.h>

#include "tests/unit/fakes/fake_irqs.h"

struct fake_irqs fake_irqs;

static uint64_t now(void *ctx)
{
	uint64_t t = fake_irqs.now_ns;

	fake_irqs.now_ns += fake_irqs.look_ns;
	return t;
}

static const struct timers_ops ops = { .now = now };

void irq_set(struct irqs *s, unsigned line, bool level)
{
	cr_assert_lt(line, IRQ_LINES);
	if (level && !fake_irqs.level[line])
		fake_irqs.rises[line]++;
	fake_irqs.level[line] = level;
}

void fake_irqs_init(void)
{
	fake_irqs = (struct fake_irqs){ 0 };
	cr_assert_eq(timers_create(&fake_irqs.timers, &ops, NULL), 0);
}

void fake_irqs_pass(uint64_t ns)
{
	uint64_t end = fake_irqs.now_ns + ns, next;

	while ((next = timers_expire(fake_irqs.timers)) <= end)
		fake_irqs.now_ns = next;
	fake_irqs.now_ns = end;
}
