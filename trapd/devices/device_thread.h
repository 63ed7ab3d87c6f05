/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device thread of a VM: runs its timers when they are due and watches descriptors for its devices. One per VM, never
 * one per vCPU or device; it sleeps unless there is something to do.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_DEVICE_THREAD_H
#define SHADOWPOOL_TRAPD_DEVICES_DEVICE_THREAD_H

#include <stdint.h>

struct bus;
struct device_thread;
struct timers;

/* A descriptor that a device waits for. Embedded in the device; all calls with the bus lock held. */
struct watch {
	struct device_thread *thread;	/* NULL: a device without one (unit tests); every call then does nothing */
	int fd;
	short events;			/* POLLIN, POLLOUT; 0: not now */
	void (*ready)(void *dev, short revents);
	void *dev;
	struct watch *next;
};

/* 0, -ENOMEM, or -errno of eventfd. Control thread. */
int device_thread_create(struct device_thread **out, struct bus *b);
/* 0 or -errno. Control thread. */
int device_thread_start(struct device_thread *d);
/* Ends the thread if it runs and waits for it; timers and watches stay. Before bus_destroy(). NULL is allowed. */
void device_thread_stop(struct device_thread *d);
/* After bus_destroy(): devices disarm their timers when they are destroyed. NULL is allowed. */
void device_thread_destroy(struct device_thread *d);
struct timers *device_thread_timers(struct device_thread *d);

/* The watch must stay where it is until watch_fini(). ready is called on the device thread with the bus lock held. */
void watch_init(struct watch *w, struct device_thread *d, int fd, void (*ready)(void *dev, short revents), void *dev);
void watch_fini(struct watch *w);
/* Wait for these events from now on; a level, not an edge: ready is called as long as they hold. */
void watch_set(struct watch *w, short events);

#endif
