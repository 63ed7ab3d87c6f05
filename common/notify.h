/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon tells its service manager. sd_notify(3) makes a socket for every message, which poold's sandbox forbids, so
 * one connected socket is kept; the protocol is the same. Main thread.
 */
#ifndef SHADOWPOOL_COMMON_NOTIFY_H
#define SHADOWPOOL_COMMON_NOTIFY_H

#include <event2/event.h>

struct notify {
	int fd;				/* -1: nobody wants to know */
	struct event *watchdog;
};

/* Connect to $NOTIFY_SOCKET and start the watchdog if $WATCHDOG_USEC asks for one. 0 or -errno. Before the sandbox. */
int notify_open(struct notify *n, struct event_base *base);
/* "READY=1", "STOPPING=1" ...: best effort. */
void notify_send(const struct notify *n, const char *state);
void notify_close(struct notify *n);

#endif
