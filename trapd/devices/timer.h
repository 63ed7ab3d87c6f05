/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers of devices, on one clock per VM that counts nanoseconds from its start. A device embeds a struct timer:
 *
 *	timer_init(&p->timer, timers, expired, p);
 *	timer_arm(&p->timer, timers_now(timers) + period_ns);
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
#include <sys/queue.h>

#define TIMER_NEVER		UINT64_MAX
/*
 * The shortest time between two interrupts of a periodic timer, however short a period the guest programs; what the guest reads
 * from the counter is not affected. So device thread and kicks cost at most some percent of one processor.
 */
#define TIMER_MIN_PERIOD_NS	200000ull

struct timers;

struct timer {
	struct timers *timers;
	void (*expired)(void *dev);
	void *dev;
	uint64_t at_ns;			/* TIMER_NEVER: not armed */
	LIST_ENTRY(timer) all;		/* the list of all timers of the VM */
};

struct timers_ops {
	uint64_t (*now)(void *ctx);	/* never goes back */
	/* A timer was armed that is due before all others: the thread that sleeps until the next one must look again. */
	void (*earlier)(void *ctx);
};

/* Make the list of a VM's timers. Returns 0 or -ENOMEM. */
int timers_create(struct timers **out, const struct timers_ops *ops, void *ctx);
/* Called after all devices that have timers are destroyed. May be NULL. */
void timers_destroy(struct timers *q);
uint64_t timers_now(const struct timers *q);
/* Call the functions of all timers that are due. Returns the time at which the next timer is due, or TIMER_NEVER. */
uint64_t timers_expire(struct timers *q);

/* The struct must not move in memory until timer_fini() or timers_destroy(). */
void timer_init(struct timer *t, struct timers *q, void (*expired)(void *dev), void *dev);
void timer_fini(struct timer *t);
/* at_ns in the past: the timer is due at once. Its function is not called from within timer_arm(). */
void timer_arm(struct timer *t, uint64_t at_ns);
void timer_disarm(struct timer *t);
/*
 * The time of the next tick of a periodic timer: ticks lie period_ns (more than 0) apart, one of them was at last_ns. Ticks that
 * have passed are skipped, and so are those less than TIMER_MIN_PERIOD_NS from now.
 */
uint64_t timer_next_tick(uint64_t last_ns, uint64_t period_ns, uint64_t now_ns);

#endif
