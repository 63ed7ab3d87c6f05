/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's timer: one-shot, periodic and TSC-deadline. In trapd, under the bus lock; it expires on the device thread.
 * The count follows from the clock when it is read; a timer is armed only while its interrupt is not masked.
 * Source: SDM vol. 3A 10.5.4, 10.5.4.1.
 */
#include "trapd/devices/lapic_priv.h"

/* Nanoseconds per count. Divide configuration: bits 3, 1, 0 are 2 to 128, and 7 is 1. SDM vol. 3A figure 10-10. */
static unsigned divisor(const struct lapic *l)
{
	unsigned n = (l->divide & 3) | (l->divide >> 1 & 4);

	return LAPIC_TIMER_NS << ((n + 1) & 7);
}

static bool is_deadline(uint32_t entry)
{
	return LVT_TIMER_MODE(entry) == TIMER_DEADLINE;
}

static uint64_t elapsed(const struct lapic *l, uint64_t now)
{
	return now > l->start_ns ? now - l->start_ns : 0;
}

uint32_t lapic_timer_current(const struct lapic *l)
{
	uint64_t counts = elapsed(l, timers_now(l->all->timers)) / divisor(l);

	if (!l->initial || is_deadline(l->lvt[LVT_TIMER]))
		return 0;
	if (LVT_TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_PERIODIC)
		return l->initial - (uint32_t)(counts % l->initial);
	return counts < l->initial ? l->initial - (uint32_t)counts : 0;
}

static uint64_t period_ns(const struct lapic *l)
{
	return (uint64_t)l->initial * divisor(l);
}

/*
 * For the entry that is in force from now on. now: the time that the caller has reckoned with. A count that is over since, or
 * that was over before and is not told yet, is told at once.
 */
static void arm(struct lapic *l, uint32_t entry, uint64_t now)
{
	bool untold = l->timer.at_ns != TIMER_NEVER;

	timer_disarm(&l->timer);
	if (is_deadline(entry)) {
		if (l->deadline)
			timer_arm(&l->timer, l->deadline_ns);
		return;
	}
	if (!l->initial || (entry & LVT_MASKED))
		return;
	if (LVT_TIMER_MODE(entry) == TIMER_PERIODIC)
		timer_arm(&l->timer, timer_next_tick(l->start_ns, period_ns(l), now));
	else if (untold || l->start_ns + period_ns(l) > now)
		timer_arm(&l->timer, l->start_ns + period_ns(l));
}

static void expired(void *dev)
{
	struct lapic *l = dev;

	if (is_deadline(l->lvt[LVT_TIMER]))
		l->deadline = 0;
	lapic_local_event(l, LVT_TIMER);
	if (LVT_TIMER_MODE(l->lvt[LVT_TIMER]) == TIMER_PERIODIC)
		arm(l, l->lvt[LVT_TIMER], timers_now(l->all->timers));
}

void lapic_timer_init(struct lapic *l)
{
	timer_init(&l->timer, l->all->timers, expired, l);
}

void lapic_timer_reset(struct lapic *l)
{
	timer_disarm(&l->timer);
	l->initial = l->divide = 0;
	l->start_ns = l->deadline = 0;
}

void lapic_timer_write_initial(struct lapic *l, uint32_t value)
{
	if (is_deadline(l->lvt[LVT_TIMER]))
		return;		/* ignored: 10.5.4.1 */
	l->initial = value;
	l->start_ns = timers_now(l->all->timers);
	arm(l, l->lvt[LVT_TIMER], l->start_ns);
}

/* Counting goes on from where it is, at the new rate. */
void lapic_timer_write_divide(struct lapic *l, uint32_t value)
{
	uint64_t now = timers_now(l->all->timers), counts = elapsed(l, now) / divisor(l);

	l->divide = value & 0x0b;
	counts *= divisor(l);
	l->start_ns = counts < now ? now - counts : 0;
	arm(l, l->lvt[LVT_TIMER], now);
}

void lapic_timer_write_lvt(struct lapic *l, uint32_t value)
{
	uint32_t old = l->lvt[LVT_TIMER];
	uint64_t now = timers_now(l->all->timers);

	if (LVT_TIMER_MODE(old) == TIMER_PERIODIC && LVT_TIMER_MODE(value) != TIMER_PERIODIC && l->initial)
		l->start_ns += elapsed(l, now) / period_ns(l) * period_ns(l);	/* the period that it is in is the last one */
	if (is_deadline(value) != is_deadline(old)) {
		l->initial = 0;		/* a change to or from deadline mode disarms the timer */
		l->deadline = 0;
	}
	arm(l, value, now);
}

uint64_t lapic_deadline(const struct lapics *all, unsigned cpu)
{
	return all->cpu[cpu].deadline;
}

void lapic_set_deadline(struct lapics *all, unsigned cpu, uint64_t deadline, uint64_t tsc_now, uint32_t tsc_khz)
{
	struct lapic *l = &all->cpu[cpu];
	uint64_t ticks = deadline > tsc_now ? deadline - tsc_now : 0, now = timers_now(all->timers);

	if (!is_deadline(l->lvt[LVT_TIMER]))
		return;
	l->deadline = deadline;
	/* Milliseconds, then the rest, so that nothing overflows; rounded up, so that it never comes early. */
	l->deadline_ns = now;
	if (ticks / tsc_khz > (UINT64_MAX - l->deadline_ns) / 1000000 - 1)
		l->deadline_ns = TIMER_NEVER - 1;
	else
		l->deadline_ns += ticks / tsc_khz * 1000000 + (ticks % tsc_khz * 1000000 + tsc_khz - 1) / tsc_khz;
	arm(l, l->lvt[LVT_TIMER], now);
}
