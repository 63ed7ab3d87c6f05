/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's control socket: its clients, its verbs, and the calls that wait for a session. Thread: main. */
#ifndef SHADOWPOOL_POOLD_CONTROL_H
#define SHADOWPOOL_POOLD_CONTROL_H

#include <event2/event.h>
#include <stddef.h>

#include "common/control_server.h"
#include "poold/control/standing.h"

struct connections;
struct trace_jobs;
struct service;

struct poold_control {
	struct event_base *base;
	struct control_server *server;	/* NULL: not open */
	struct connections *connections;
	struct trace_jobs *trace_jobs;
	struct standing_jobs standing_jobs;
};

/* Listen on the configured socket. The service must outlive the control. Returns 0, or -errno with one line in err. */
int poold_control_open(struct poold_control *control, struct event_base *base, struct service *service, char *err,
		       size_t err_size);
/*
 * Answer the clients for whom sessions have finished something, without waiting for any. Nothing happens if the socket is not
 * open.
 */
void poold_control_answer(struct poold_control *control);
/* The answer to a request about a VM that is not attached. */
void control_no_such_vm(struct control_call *call, const char *name);
/* Close the socket. Sessions do not wake the main thread any more. */
void poold_control_close(struct poold_control *control);

#endif
