/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The timers of a VM's devices, see timer.h. In trapd, under the bus lock. A VM has a handful: they are kept in one list and
 * looked through. Knows neither threads nor real time.
 */
#include "trapd/devices/timer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct timers {
	const struct timers_ops *ops;
	void *ctx;
	LIST_HEAD(, timer) all;
};

int timers_create(struct timers **out, const struct timers_ops *ops, void *ctx)
{
	struct timers *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->ops = ops;
	q->ctx = ctx;
	LIST_INIT(&q->all);
	*out = q;
	return 0;
}

void timers_destroy(struct timers *q)
{
	free(q);
}

uint64_t timers_now(const struct timers *q)
{
	return q->ops->now(q->ctx);
}

static struct timer *earliest(const struct timers *q)
{
	struct timer *t, *first = NULL;

	LIST_FOREACH(t, &q->all, all)
		if (t->at_ns != TIMER_NEVER && (!first || t->at_ns < first->at_ns))
			first = t;
	return first;
}

uint64_t timers_expire(struct timers *q)
{
	uint64_t now = timers_now(q);
	struct timer *t;

	/* One time for all: a timer that is armed for "at once" from its own function comes in the next round. */
	while ((t = earliest(q)) && t->at_ns <= now) {
		t->at_ns = TIMER_NEVER;
		t->expired(t->dev);
		if (t->at_ns <= now)
			t->at_ns = now + 1;
	}
	return t ? t->at_ns : TIMER_NEVER;
}

void timer_init(struct timer *t, struct timers *q, void (*expired)(void *dev), void *dev)
{
	*t = (struct timer){ .timers = q, .expired = expired, .dev = dev, .at_ns = TIMER_NEVER };
	LIST_INSERT_HEAD(&q->all, t, all);
}

void timer_fini(struct timer *t)
{
	if (t->timers)
		LIST_REMOVE(t, all);
	t->timers = NULL;
}

void timer_arm(struct timer *t, uint64_t at_ns)
{
	const struct timer *first;

	t->at_ns = at_ns;
	first = earliest(t->timers);
	if (first == t && t->timers->ops->earlier)
		t->timers->ops->earlier(t->timers->ctx);
}

void timer_disarm(struct timer *t)
{
	t->at_ns = TIMER_NEVER;
}

uint64_t timer_next_tick(uint64_t last_ns, uint64_t period_ns, uint64_t now_ns)
{
	uint64_t passed = now_ns > last_ns ? (now_ns - last_ns) / period_ns : 0;
	uint64_t next = last_ns + (passed + 1) * period_ns;

	return next - now_ns < TIMER_MIN_PERIOD_NS ? now_ns + TIMER_MIN_PERIOD_NS : next;
}
