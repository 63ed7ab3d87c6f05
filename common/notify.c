/* SPDX-License-Identifier: GPL-2.0-or-later */
/* systemd's notification protocol (sd_notify(3), "Notes") and watchdog. Either daemon, main thread. Never waits. */
#include "common/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static int notify_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

/* The loop turns: that is what the watchdog wants to know. */
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	notify_send(arg, "WATCHDOG=1");
}

int notify_open(struct notify *n, struct event_base *base)
{
	const char *path = getenv("NOTIFY_SOCKET");
	uint64_t usec = 0;

	n->watchdog = NULL;
	n->fd = -1;
	if (!path)
		return 0;
	n->fd = notify_connect(path);
	if (n->fd < 0) {
		int rc = n->fd;

		n->fd = -1;
		return rc;
	}
	if (sd_watchdog_enabled(0, &usec) > 0 && usec) {
		/* Half of it, as sd_watchdog_enabled(3) recommends. */
		struct timeval every = { .tv_sec = (time_t)(usec / 2000000),
					 .tv_usec = (suseconds_t)(usec / 2 % 1000000) };

		n->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, n);
		if (!n->watchdog || event_add(n->watchdog, &every))
			return -ENOMEM;
	}
	return 0;
}

void notify_send(const struct notify *n, const char *state)
{
	if (n->fd >= 0)
		send(n->fd, state, strlen(state), MSG_NOSIGNAL);
}

void notify_close(struct notify *n)
{
	if (n->watchdog)
		event_free(n->watchdog);
	if (n->fd >= 0)
		close(n->fd);
	n->watchdog = NULL;
	n->fd = -1;
}
