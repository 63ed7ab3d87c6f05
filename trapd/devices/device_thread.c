/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device thread, see device_thread.h. Process trapd. It holds the bus lock whenever it runs a device's function and never
 * while it sleeps; an eventfd tells it that a timer or a watch has changed.
 */
#include "trapd/devices/device_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/timer.h"

#define MAX_WATCHES	8u	/* more are never added: a device has at most two */

struct device_thread {
	struct bus *bus;
	struct timers *timers;
	LIST_HEAD(, watch) watches;
	int64_t start_ns;
	pthread_t thread;
	bool started, ending;
	int wake_fd;
};

static uint64_t now(void *ctx)
{
	const struct device_thread *d = ctx;

	return (uint64_t)(clock_ns() - d->start_ns);
}

static void wake(struct device_thread *d)
{
	const uint64_t one = 1;

	if (!d->started || pthread_equal(pthread_self(), d->thread))
		return;		/* it looks again before it sleeps */
	if (write(d->wake_fd, &one, sizeof(one)) < 0)
		return;		/* full: it is awake */
}

static void earlier(void *ctx)
{
	wake(ctx);
}

static const struct timers_ops timers_ops = { .now = now, .earlier = earlier };

int device_thread_create(struct device_thread **out, struct bus *b)
{
	struct device_thread *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;

	if (!d)
		return rc;
	d->bus = b;
	LIST_INIT(&d->watches);
	d->start_ns = clock_ns();
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = d->wake_fd < 0 ? -errno : timers_create(&d->timers, &timers_ops, d);
	if (rc) {
		device_thread_destroy(d);
		return rc;
	}
	*out = d;
	return 0;
}

void device_thread_destroy(struct device_thread *d)
{
	if (!d)
		return;
	device_thread_stop(d);
	timers_destroy(d->timers);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
	free(d);
}

struct timers *device_thread_timers(struct device_thread *d)
{
	return d->timers;
}

void device_watch_init(struct watch *w, struct device_thread *d, int fd, void (*ready)(void *dev, short revents), void *dev)
{
	*w = (struct watch){ .thread = d, .fd = fd, .ready = ready, .dev = dev };
	if (!d)
		return;
	LIST_INSERT_HEAD(&d->watches, w, all);
}

void device_watch_fini(struct watch *w)
{
	if (w->thread)
		LIST_REMOVE(w, all);
	w->thread = NULL;
}

void device_watch_set(struct watch *w, short events)
{
	if (!w->thread || w->events == events)
		return;
	w->events = events;
	wake(w->thread);
}

/* What to wait for, and for whom. */
struct poll_set {
	struct pollfd fd[MAX_WATCHES + 1];
	struct watch *watch[MAX_WATCHES + 1];
	unsigned n;
};

static void poll_set_fill(const struct device_thread *d, struct poll_set *p)
{
	struct watch *w;

	p->fd[0] = (struct pollfd){ .fd = d->wake_fd, .events = POLLIN };
	p->watch[0] = NULL;
	p->n = 1;
	LIST_FOREACH(w, &d->watches, all) {
		if (!w->events || w->fd < 0 || p->n > MAX_WATCHES)
			continue;
		p->fd[p->n] = (struct pollfd){ .fd = w->fd, .events = w->events };
		p->watch[p->n++] = w;
	}
}

static void poll_set_run(const struct poll_set *p)
{
	for (unsigned i = 1; i < p->n; i++)
		if (p->fd[i].revents && p->watch[i]->events)
			p->watch[i]->ready(p->watch[i]->dev, p->fd[i].revents);
}

static void sleep_until(struct device_thread *d, struct poll_set *p, uint64_t at)
{
	uint64_t t = now(d), left = at != TIMER_NEVER && at > t ? at - t : 0;
	struct timespec timeout = clock_timespec((int64_t)left);
	uint64_t count;

	if (ppoll(p->fd, p->n, at == TIMER_NEVER ? NULL : &timeout, NULL) <= 0)
		for (unsigned i = 0; i < p->n; i++)
			p->fd[i].revents = 0;
	if (p->fd[0].revents && read(d->wake_fd, &count, sizeof(count)) < 0)
		return;		/* taken already: nothing is lost, all is looked at again */
}

static void *run(void *arg)
{
	struct device_thread *d = arg;
	struct poll_set p;
	uint64_t next;

	pthread_setname_np(pthread_self(), "devices");
	bus_lock(d->bus);
	while (!d->ending) {
		next = timers_expire(d->timers);
		poll_set_fill(d, &p);
		bus_unlock(d->bus);
		sleep_until(d, &p, next);
		bus_lock(d->bus);
		poll_set_run(&p);
	}
	bus_unlock(d->bus);
	return NULL;
}

int device_thread_start(struct device_thread *d)
{
	int rc;

	bus_lock(d->bus);
	rc = pthread_create(&d->thread, NULL, run, d);
	d->started = !rc;
	bus_unlock(d->bus);
	return -rc;
}

void device_thread_stop(struct device_thread *d)
{
	if (!d || !d->started)
		return;
	bus_lock(d->bus);
	d->ending = true;
	wake(d);
	bus_unlock(d->bus);
	pthread_join(d->thread, NULL);
	d->started = false;
}
