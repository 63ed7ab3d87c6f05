/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers of devices, on one clock per VM that counts nanoseconds from its start. A device embeds a struct timer:
 *
 *	timer_init(&pit->timer, timers, pit_expired, pit);
 *	timer_arm(&pit->timer, timers_now(timers) + period_ns);
 *
 * Everything here is called with the bus lock held, and so is the function of a timer that expires (on the device thread,
 * device_thread.h; in unit tests by timers_expire(), with a clock of the test's own: no test sleeps). A timer that expires
 * is disarmed first and may be armed again from its function. It comes late rather than early: a periodic device asks for
 * its next edge with timer_next_tick(), which drops the ticks that a busy host has missed.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_TIMER_H
#define SHADOWPOOL_TRAPD_DEVICES_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER		UINT64_MAX
/*
 * However short the period that the guest programs, a timer interrupts no more often than this. Its counter is not affected.
 * The device thread and the vCPU's kicks then cost at most some percent of one processor.
 */
#define TIMER_MIN_PERIOD_NS	200000ull

struct timers;

struct timer {
	struct timers *timers;
	void (*expired)(void *dev);
	void *dev;
	uint64_t at_ns;			/* TIMER_NEVER: not armed */
	struct timer *next;		/* all timers of the VM */
};

struct timers_ops {
	uint64_t (*now)(void *ctx);	/* never goes back */
	/* A timer was armed that is due before all others: whoever sleeps until the next one must look again. */
	void (*earlier)(void *ctx);
};

/* 0, -ENOMEM. */
int timers_create(struct timers **out, const struct timers_ops *ops, void *ctx);
/* After all devices with timers. NULL is allowed. */
void timers_destroy(struct timers *q);
uint64_t timers_now(const struct timers *q);
/* Run what is due; returns when the next one is, or TIMER_NEVER. */
uint64_t timers_expire(struct timers *q);

/* The timer must stay where it is until timers_destroy() or timer_fini(). */
void timer_init(struct timer *t, struct timers *q, void (*expired)(void *dev), void *dev);
void timer_fini(struct timer *t);
/* A time that has passed is due at once, but not from within this call. */
void timer_arm(struct timer *t, uint64_t at_ns);
void timer_disarm(struct timer *t);
/*
 * The first tick after now of a row of ticks period_ns (> 0) apart of which one was at last_ns, not sooner than
 * TIMER_MIN_PERIOD_NS after now.
 */
uint64_t timer_next_tick(uint64_t last_ns, uint64_t period_ns, uint64_t now_ns);

#endif
