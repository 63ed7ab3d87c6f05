/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers of devices: order, re-arming, missed ticks; and that the device thread runs them and watches descriptors. */
#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "common/barrier.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/device_thread.h"
#include "trapd/devices/timer.h"

static uint64_t now;
static unsigned earlier_calls;
static struct timers *timers;
static unsigned order[8], norder;

static uint64_t clock_now(void *ctx) { return now; }
static void earlier(void *ctx) { earlier_calls++; }
static const struct timers_ops ops = { .now = clock_now, .earlier = earlier };

static void note(void *dev)
{
	order[norder++ % 8] = (unsigned)(uintptr_t)dev;
}

static void setup(void)
{
	cr_assert_eq(timers_create(&timers, &ops, NULL), 0);
}

static void teardown(void)
{
	timers_destroy(timers);
}

TestSuite(timers, .init = setup, .fini = teardown);
Test(timers, expire_in_order_of_time_and_once)
{
	struct timer t[3];

	for (unsigned i = 0; i < 3; i++)
		timer_init(&t[i], timers, note, (void *)(uintptr_t)(i + 1));
	timer_arm(&t[0], 300);
	timer_arm(&t[1], 100);
	timer_arm(&t[2], 200);
	cr_expect_eq(earlier_calls, 2, "the third was not the earliest");
	cr_expect_eq(timers_expire(timers), 100);
	cr_expect_eq(norder, 0);
	now = 250;
	cr_expect_eq(timers_expire(timers), 300);
	cr_expect_eq(norder, 2);
	cr_expect_eq(order[0], 2);
	cr_expect_eq(order[1], 3);
	timer_disarm(&t[0]);
	now = 1000;
	cr_expect_eq(timers_expire(timers), TIMER_NEVER);
	cr_expect_eq(norder, 2);
}

static struct timer again;

static void arm_for_now(void *dev)
{
	norder++;
	timer_arm(&again, now);
}

Test(timers, one_that_is_due_at_once_for_ever_does_not_hold_up_the_caller)
{
	timer_init(&again, timers, arm_for_now, NULL);
	now = 50;
	timer_arm(&again, 0);
	cr_expect_eq(timers_expire(timers), 51);
	cr_expect_eq(norder, 1);
}

Test(timers, a_timer_that_is_gone_does_not_expire)
{
	struct timer t;

	timer_init(&t, timers, note, NULL);
	timer_arm(&t, 10);
	timer_fini(&t);
	now = 20;
	cr_expect_eq(timers_expire(timers), TIMER_NEVER);
	cr_expect_eq(norder, 0);
}

Test(timers, missed_ticks_are_dropped_and_fast_ones_spread)
{
	cr_expect_eq(timer_next_tick(1000000, 1000000, 1000000), 2000000);
	cr_expect_eq(timer_next_tick(1000000, 1000000, 5500000), 6000000, "in step with the first");
	cr_expect_eq(timer_next_tick(0, 100, 1000000), 1000000 + TIMER_MIN_PERIOD_NS);
}

static unsigned fired;
static struct timer real_timer;
static struct watch real_watch;

static void fire(void *dev)
{
	fetch_add_release(&fired, 1);	/* pairs with wait_for */
}

static void readable(void *dev, short revents)
{
	char c;

	if (read(real_watch.fd, &c, 1) == 1)
		fetch_add_release(&fired, 100);	/* pairs with wait_for */
}

static void wait_for(unsigned n)
{
	while (load_acquire(&fired) != n)
		poll(NULL, 0, 1);	/* the suite's timeout bounds it */
}

Test(device_thread, runs_timers_and_watches_without_being_asked)
{
	struct device_thread *d;
	struct bus *bus;
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(bus_create(&bus), 0);
	cr_assert_eq(device_thread_create(&d, bus), 0);
	cr_assert_eq(device_thread_start(d), 0);
	bus_lock(bus);
	timer_init(&real_timer, device_thread_timers(d), fire, NULL);
	device_watch_init(&real_watch, d, fd[0], readable, NULL);
	timer_arm(&real_timer, timers_now(device_thread_timers(d)) + 1000000);
	bus_unlock(bus);
	wait_for(1);
	bus_lock(bus);
	device_watch_set(&real_watch, POLLIN);
	bus_unlock(bus);
	cr_assert_eq(write(fd[1], "x", 1), 1);
	wait_for(101);
	bus_lock(bus);
	device_watch_fini(&real_watch);
	timer_fini(&real_timer);
	bus_unlock(bus);
	device_thread_stop(d);
	bus_destroy(bus);
	device_thread_destroy(d);
}
