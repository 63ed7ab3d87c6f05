/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of doc/ring.md: poll rings and mailboxes, serve, spin a little, arm, sleep at most 100 ms on eventfd and socket.
 * poold, one thread for each connection, so that one VM stalls no other. Every round does a bounded amount of work; death is
 * learned from the socket alone. No event base here: there are exactly two descriptors, and libevent has no hook
 * between its last look and its wait, which is where arming belongs.
 */
#include "poold/serve/connection_thread.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "poold/serve/events.h"
#include "poold/serve/handshake.h"
#include "poold/serve/requests.h"
#include "poold/serve/service.h"

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

static int session_check_socket(struct connection *c)
{
	struct pollfd fd = { .fd = c->sock, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 ? socket_state(fd.revents) : 0;
}

/* Armed: wait for a kick, the hang-up, or the time that bounds every sleep. */
static int session_sleep(struct connection *c, struct session *s)
{
	struct pollfd fds[2] = {
		{ .fd = s->objects.event_fd, .events = POLLIN },
		{ .fd = c->sock, .events = POLLIN },
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

static int session_run(struct connection *c, struct session *s)
{
	unsigned rounds = 0;

	for (;;) {
		int rc = session_poll(s);

		if (rc > 0 && ++rounds % CHECK_SOCKET_ROUNDS)
			continue;
		if (rc > 0)
			rc = session_check_socket(c);
		else if (!rc && !link_server_spin(&s->link) && link_server_arm(&s->link))
			rc = session_sleep(c, s);
		if (rc < 0)
			return rc;
	}
}

static void log_detach(const struct session *s, int rc)
{
	if (s->link.count.lost_wakes)
		/* On a machine too busy to run the peer between its store and its kick. Many of them on an idle one are a bug. */
		log_info("VM %s: %llu waits on the link ended by their time, with work that no kick had announced yet", s->name,
			 (unsigned long long)s->link.count.lost_wakes);
	if (rc == -ENOTCONN)
		log_info("VM %s: detached after %llu requests and %llu events", s->name,
			 (unsigned long long)s->link.count.requests, (unsigned long long)s->link.count.events);
	else if (rc == -EPROTO)
		log_error("VM %s: detached, broken peer: %s", s->name,
			  s->reject ? s->reject : "unexpected message on the attach socket");
	else if (rc == -EIO)
		log_error("VM %s: detached, the pool found an error of its own; trapd attaches anew", s->name);
	else
		log_error("VM %s: detached: %s", s->name, strerror(-rc));
}

static void *connection_thread(void *arg)
{
	struct connection *c = arg;
	struct connections *all = &c->service->connections;
	struct session *s = NULL;

	prctl(PR_SET_NAME, "session", 0, 0, 0);
	if (!handshake_run(c, &s)) {
		int rc;

		connections_set_session(all, c, s);
		trace_jobs_attached(&c->service->trace_jobs, s->name);
		rc = session_run(c, s);
		/* First out of sight of the main thread; the socket goes last, so that hugepages are free by then. */
		connections_set_session(all, c, NULL);
		log_detach(s, rc);
		session_destroy(s);
	}
	connections_remove(all, c);
	close(c->sock);
	free(c);
	return NULL;
}

static int thread_start(struct connection *c)
{
	pthread_attr_t attr;
	sigset_t block, old;
	pthread_t thread;
	int rc;

	/* The main loop gets the signals; SIGSYS stays open, or the sandbox could not report. */
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGINT);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 512u << 10);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	rc = pthread_create(&thread, &attr, connection_thread, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -rc;
}

int connection_thread_start(struct service *service, int sock)
{
	struct connection *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->service = service;
	c->sock = sock;
	rc = connections_add(&service->connections, c);
	if (!rc) {
		rc = thread_start(c);
		if (rc)
			connections_remove(&service->connections, c);
	}
	if (rc)
		free(c);
	return rc;
}
