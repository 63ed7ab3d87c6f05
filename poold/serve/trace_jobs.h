/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces that somebody has asked for, as sessions see them: a job waits for the next session of its VM, is taken by it, and
 * comes back when that session, or its trace, ends. What a client wants and is told is poold/control/trace_verbs.c.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_JOBS_H
#define SHADOWPOOL_POOLD_TRACE_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "poold/serve/session.h"
#include "poold/trace/trace.h"

enum trace_job_state {
	TRACE_JOB_ASKED,	/* not on offer: it has no file yet, or was withdrawn */
	TRACE_JOB_WAITING,	/* for the VM's next session */
	TRACE_JOB_TAKEN,	/* by that session, which is not attached yet */
	TRACE_JOB_BEGUN,	/* recorded; the main thread does not know it yet */
	TRACE_JOB_RUNNING,
	TRACE_JOB_ENDED,	/* no session has it any more */
};

/* Of the main thread, which makes it, and frees it once it is withdrawn or ended. */
struct trace_job {
	LIST_ENTRY(trace_job) entry;
	struct trace_jobs *all;
	char name[33];			/* of the VM */
	struct recorder *recorder;	/* the main thread's again in the states ASKED and ENDED */
	/* Under the lock. */
	enum trace_job_state state;
	int error;			/* of the end: 0, or -errno if the trace is not whole */
	bool full;			/* as many records as were wanted */
	struct trace_totals totals;
};

/* Lock order: connections, session, trace_jobs. */
struct trace_jobs {
	pthread_mutex_t lock;
	LIST_HEAD(, trace_job) list;	/* changed by the main thread alone, under the lock */
	void (*wake)(void *ctx);	/* a state has changed; NULL: nobody wants to know */
	void *ctx;
};

void trace_jobs_init(struct trace_jobs *t);
/* Whom to wake from now on, from any thread and with the lock held; wake NULL: nobody. Thread: main. */
void trace_jobs_tell(struct trace_jobs *t, void (*wake)(void *ctx), void *ctx);
/* Thread: main. */
void trace_jobs_add(struct trace_jobs *t, struct trace_job *j, const char *name);
/* NULL: nobody has asked for a trace of this VM. Thread: main. */
struct trace_job *trace_jobs_find(struct trace_jobs *t, const char *name);
/* Thread: main; no session has the job, or will have it. */
void trace_jobs_remove(struct trace_job *j);

enum trace_job_state trace_job_state(struct trace_job *j);
/* It has its recorder: the VM's next session may take it. Thread: main. */
void trace_job_offer(struct trace_job *j);
/* Out of the reach of sessions. false: one has it. Thread: main. */
bool trace_job_withdraw(struct trace_job *j);
/* The main thread knows that it has begun. */
void trace_job_noticed(struct trace_job *j);

/* A session of this VM begins: *trace becomes that of the job that waits for it, if there is one. Thread: the connection's. */
void trace_jobs_take(struct trace_jobs *t, const char *name, struct session_trace *trace);
/* That session is in the list of connections. Thread: the connection's. */
void trace_jobs_attached(struct trace_jobs *t, const char *name);

#endif
