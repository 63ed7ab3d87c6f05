/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accepts connections for the attach handshake and hands each to a thread of its own. poold, main thread, inside the
 * libevent loop; reads nothing from a connection, so nobody can block it.
 */
#include "poold/attach/attach_server.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attach.h"
#include "common/control_socket.h"
#include "common/log.h"
#include "poold/attach/connection_thread.h"
#include "poold/serve/service.h"

#define ATTACH_SOCKET_MODE 0660		/* group shadowpool-link, whose only member is trapd */

struct attach_server {
	struct service *service;
	struct event *readable;
	int fd;
};

/* A best effort: the socket buffer is empty, so this does not wait. */
static void refuse(int sock, int reason)
{
	struct attach_welcome w = { .protocol = ATTACH_PROTOCOL, .layout_hash = shm_layout_hash() };

	snprintf(w.error, sizeof(w.error), "poold cannot take another connection: %s", strerror(-reason));
	log_warning("attach refused: %s", w.error);
	attach_send_welcome(sock, &w, NULL);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct attach_server *s = arg;
	int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC), rc;

	if (sock < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_error("attach socket: accept: %s", strerror(errno));
		return;
	}
	rc = connection_thread_start(s->service, sock);
	if (rc) {
		refuse(sock, rc);
		close(sock);
	}
}

int attach_server_create(struct attach_server **out, struct event_base *base, struct service *service, char *err,
			 size_t err_size)
{
	struct attach_server *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	s->service = service;
	s->fd = control_socket_listen(service->config->attach_socket, SOCK_SEQPACKET, ATTACH_SOCKET_MODE, err, err_size);
	if (s->fd < 0) {
		int rc = s->fd;

		free(s);
		return rc;
	}
	s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_connection, s);
	if (!s->readable || event_add(s->readable, NULL)) {
		snprintf(err, err_size, "attach socket: libevent refuses the event");
		attach_server_destroy(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void attach_server_destroy(struct attach_server *s)
{
	if (!s)
		return;
	if (s->readable)
		event_free(s->readable);
	close(s->fd);
	free(s);
}
