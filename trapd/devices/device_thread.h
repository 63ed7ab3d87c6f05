/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device thread: each VM has one for all its devices. It runs timers (timer.h) when they are due, waits for descriptors on
 * behalf of devices (struct watch), and sleeps when there is nothing to do.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_DEVICE_THREAD_H
#define SHADOWPOOL_TRAPD_DEVICES_DEVICE_THREAD_H

#include <stdint.h>
#include <sys/queue.h>

struct bus;
struct device_thread;
struct timers;

/*
 * A descriptor that a device waits for, part of the device's own struct. All watch_*() functions are called with the bus lock
 * held.
 */
struct watch {
	struct device_thread *thread;	/* NULL (unit tests): there is no device thread, and watch_*() do nothing */
	int fd;
	short events;			/* POLLIN, POLLOUT: what is waited for; 0: nothing */
	void (*ready)(void *dev, short revents);
	void *dev;
	LIST_ENTRY(watch) all;		/* of its thread */
};

/* Make the device thread's state; the thread does not run yet. Returns 0, -ENOMEM, or -errno of eventfd(2). Thread: control. */
int device_thread_create(struct device_thread **out, struct bus *b);
/* Start the thread. Returns 0 or -errno. Thread: control. */
int device_thread_start(struct device_thread *d);
/* End the thread, if it runs, and wait for its end. Timers and watches stay. Called before bus_destroy(). d may be NULL. */
void device_thread_stop(struct device_thread *d);
/* Free the state. Called after bus_destroy(), because devices disarm their timers when they are destroyed. d may be NULL. */
void device_thread_destroy(struct device_thread *d);
struct timers *device_thread_timers(struct device_thread *d);

/* The struct must not move in memory until device_watch_fini(). ready() is called on the device thread with the bus lock held. */
void device_watch_init(struct watch *w, struct device_thread *d, int fd, void (*ready)(void *dev, short revents), void *dev);
void device_watch_fini(struct watch *w);
/*
 * Wait for these events from now on. They are a level and no edge: ready() is called again and again as long as one of them
 * holds.
 */
void device_watch_set(struct watch *w, short events);

#endif
