/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces of VMs that clients have asked for, as sessions see them: a job waits for the next session of its VM, that session takes
 * it, and it comes back when the trace ends. The client's side is poold/control/trace_verbs.c.
 */
#ifndef SHADOWPOOL_POOLD_TRACE_JOBS_H
#define SHADOWPOOL_POOLD_TRACE_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "poold/serve/session.h"
#include "poold/trace/trace.h"

enum trace_job_state {
	TRACE_JOB_ASKED,	/* no session may take it: its file is not there yet, or it was withdrawn */
	TRACE_JOB_WAITING,	/* the VM's next session takes it */
	TRACE_JOB_TAKEN,	/* a session has taken it and is not attached yet */
	TRACE_JOB_BEGUN,	/* the session is recorded; the main thread does not know that yet */
	TRACE_JOB_RUNNING,	/* the session is recorded; the main thread knows it */
	TRACE_JOB_ENDED,	/* the trace has ended, no session has the job any more */
};

/* One trace. The main thread makes it, and frees it once it is withdrawn or ended. */
struct trace_job {
	LIST_ENTRY(trace_job) entry;
	struct trace_jobs *all;
	char name[33];			/* name of the VM */
	struct recorder *recorder;	/* in the states ASKED and ENDED the main thread's, else the session's thread's */
	/* Under the lock of struct trace_jobs. */
	enum trace_job_state state;
	int error;			/* after the end: 0, or -errno if the trace is not whole */
	bool full;			/* the trace has as many records as were asked for */
	struct trace_totals totals;
};

/* Lock order: connections, session, trace_jobs. */
struct trace_jobs {
	pthread_mutex_t lock;
	LIST_HEAD(, trace_job) list;	/* changed by the main thread alone, under the lock */
	void (*wake)(void *ctx);	/* called when the state of a job has changed; NULL: nothing is called */
	void *ctx;
};

void trace_jobs_init(struct trace_jobs *t);
/* Set wake(), which is called on any thread with the lock held; NULL: nothing is called. Thread: main. */
void trace_jobs_tell(struct trace_jobs *t, void (*wake)(void *ctx), void *ctx);
/* Add a job, in state ASKED, for the VM of this name. Thread: main. */
void trace_jobs_add(struct trace_jobs *t, struct trace_job *j, const char *name);
/* The job for the VM of this name; NULL: there is none. Thread: main. */
struct trace_job *trace_jobs_find(struct trace_jobs *t, const char *name);
/* Take a job out of the list: its state is ASKED or ENDED. Thread: main. */
void trace_jobs_remove(struct trace_job *j);

enum trace_job_state trace_job_state(struct trace_job *j);
/* The job has its recorder: the VM's next session may take it (WAITING). Thread: main. */
void trace_job_offer(struct trace_job *j);
/* Take the offer back (ASKED). false: a session has the job. Thread: main. */
bool trace_job_withdraw(struct trace_job *j);
/* The main thread has seen that the recording has begun (RUNNING). Thread: main. */
void trace_job_noticed(struct trace_job *j);

/* A session of this VM begins: if a job waits for it, *trace gets its recorder (TAKEN). Thread: the connection's. */
void trace_jobs_take(struct trace_jobs *t, const char *name, struct session_trace *trace);
/* The session that has taken the job is in the list of connections (BEGUN). Thread: the connection's. */
void trace_jobs_attached(struct trace_jobs *t, const char *name);

#endif
