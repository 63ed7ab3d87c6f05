/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces that clients ask for while VMs run (verbs trace and trace_stop). The client passes an open file, poold hangs up
 * on the VM's trapd, which attaches anew, and that link is recorded from its first call on. doc/trace.md.
 */
#ifndef SHADOWPOOL_POOLD_TRACES_H
#define SHADOWPOOL_POOLD_TRACES_H

#include <pthread.h>

#include "common/control_server.h"
#include "poold/serve/session.h"

struct poold;
struct trace_job;

/* Lock order: links, VM, traces. */
struct traces {
	struct poold *daemon;
	pthread_mutex_t lock;
	struct trace_job *first;
	bool closing;			/* the control server is no more */
};

void traces_init(struct traces *t, struct poold *daemon);
/* Before the control server goes: nobody is told any more. Thread: main. */
void traces_close(struct traces *t);
/* a session of this VM begins: *trace becomes that of the client who waits for it, if there is one. Thread: the session's. */
void traces_take(struct traces *t, const char *name, struct session_trace *trace);
/* That session is in the list of connections. Thread: the session's. */
void traces_attached(struct traces *t, const char *name);
/* Answer whom sessions have something to tell. Thread: main, from the control server's woken(). */
void traces_woken(struct poold *d);

/* Handlers of the verbs; the context is the struct poold. */
control_handler traces_handler, traces_stop_handler;

#endif
