/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread of one connection, so that one VM stalls no other: the handshake makes the session, the loop serves it, then
 * everything of it goes. poold.
 */
#include "poold/attach/connection_thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "poold/attach/handshake.h"
#include "poold/serve/service.h"
#include "poold/serve/session_loop.h"

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
		rc = session_loop_run(s, c->sock);
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
