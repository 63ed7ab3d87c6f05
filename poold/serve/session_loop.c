/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of doc/ring.md: poll rings and mailboxes, serve, spin a little, arm, sleep at most 100 ms on eventfd and socket.
 * poold, one thread for each connection, so that one VM stalls no other. Every round does a bounded amount of work; death is
 * learned from the socket alone. No event base here: there are exactly two descriptors, and libevent has no hook
 * between its last look and its wait, which is where arming belongs.
 */
#include "poold/serve/session_loop.h"

#include <errno.h>
#include <poll.h>

#include "poold/serve/events.h"
#include "poold/serve/requests.h"

#define CHECK_SOCKET_ROUNDS 256u	/* a busy peer's hang-up is noticed after so many rounds */

/* One round: a batch of events from each ring, then one request of each vCPU. Returns the amount of work, or -errno. */
static int session_poll(struct session *s)
{
	struct link_req req;
	int work = 0;

	for (uint32_t v = 0; v < s->config.nvcpu; v++) {
		int n = events_poll(s, v);

		if (n < 0)
			return n;
		work += n;
	}
	for (uint32_t v = 0; v < s->config.nvcpu; v++) {
		int n = link_server_request(&s->link, v, &req);

		if (n > 0) {
			int rc = requests_serve(s, v, &req);

			if (rc)
				return rc;
			work++;
		} else if (n < 0) {
			s->reject = link_fault_text(s->link.fault);
			return n;
		}
	}
	return work;
}

/* 0: go on; -ENOTCONN: the peer hung up; -EPROTO: it speaks where it has nothing to say. */
static int socket_state(short revents)
{
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		return -ENOTCONN;
	return revents & POLLIN ? -EPROTO : 0;
}

static int session_check_socket(int sock)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 ? socket_state(fd.revents) : 0;
}

/* Armed: wait for a kick, the hang-up, or the time that bounds every sleep. */
static int session_sleep(struct session *s, int sock)
{
	struct pollfd fds[2] = {
		{ .fd = s->objects.event_fd, .events = POLLIN },
		{ .fd = sock, .events = POLLIN },
	};
	int n = poll(fds, 2, LINK_SLEEP_MS);

	link_server_disarm(&s->link, n == 0);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : 0;
	if (fds[0].revents && link_server_drain(s->objects.event_fd)) {
		s->reject = "its eventfd cannot be read";
		return -EPROTO;
	}
	return socket_state(fds[1].revents);
}

int session_loop_run(struct session *s, int sock)
{
	unsigned rounds = 0;

	for (;;) {
		int rc = session_poll(s);

		if (rc > 0 && ++rounds % CHECK_SOCKET_ROUNDS)
			continue;
		if (rc > 0)
			rc = session_check_socket(sock);
		else if (!rc && !link_server_spin(&s->link) && link_server_arm(&s->link))
			rc = session_sleep(s, sock);
		if (rc < 0)
			return rc;
	}
}
