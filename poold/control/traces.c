/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces on demand, see traces.h. poold: everything in the main thread but traces_take() and the end of a trace, which link
 * threads do. A job belongs to the main thread; what both look at is under the lock. Nothing here opens a file or waits.
 */
#include "poold/control/traces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poold/daemon.h"

#define REATTACH_S 10			/* trapd looks for poold every 10 ms */

enum job_state {
	JOB_ASKED,			/* for the descriptor */
	JOB_WAITING,			/* for the VM's next link */
	JOB_TAKEN,			/* by that link, which is not attached yet */
	JOB_BEGUN,			/* recorded; the client is not told yet */
	JOB_RUNNING,
	JOB_ENDED,			/* not recorded any more; the client is not told yet */
};

struct trace_job {
	struct trace_job *next;
	struct traces *traces;
	char name[33];
	struct control_call *call;	/* NULL: the client has gone */
	struct event *deadline;		/* of JOB_WAITING */
	struct recorder *recorder;	/* NULL: no descriptor yet */
	bool stopped;			/* by request */
	uint64_t count;			/* records that are enough; 0: none */
	/* Under the lock. */
	enum job_state state;
	int error;			/* of the end */
	bool full;			/* as many records as were wanted */
	struct trace_totals totals;
};

void traces_init(struct traces *t, struct poold *daemon)
{
	*t = (struct traces){ .daemon = daemon };
	pthread_mutex_init(&t->lock, NULL);
}

void traces_close(struct traces *t)
{
	pthread_mutex_lock(&t->lock);
	t->closing = true;
	pthread_mutex_unlock(&t->lock);
}

static struct trace_job *job_find(struct traces *t, const char *name)
{
	struct trace_job *j = t->first;

	while (j && strcmp(j->name, name))
		j = j->next;
	return j;
}

static enum job_state job_state(struct trace_job *j)
{
	enum job_state state;

	pthread_mutex_lock(&j->traces->lock);
	state = j->state;
	pthread_mutex_unlock(&j->traces->lock);
	return state;
}

/* No link has it, or will have it. */
static void job_free(struct trace_job *j)
{
	struct traces *t = j->traces;

	pthread_mutex_lock(&t->lock);
	for (struct trace_job **p = &t->first; *p; p = &(*p)->next)
		if (*p == j) {
			*p = j->next;
			break;
		}
	pthread_mutex_unlock(&t->lock);
	if (j->deadline)
		event_free(j->deadline);
	recorder_destroy(j->recorder);
	free(j);
}

/* Out of the reach of sessions, if none has it yet. */
static bool job_withdraw(struct trace_job *j)
{
	bool free;

	pthread_mutex_lock(&j->traces->lock);
	free = j->state == JOB_ASKED || j->state == JOB_WAITING;
	if (free)
		j->state = JOB_ASKED;
	pthread_mutex_unlock(&j->traces->lock);
	return free;
}

static void job_wake(struct trace_job *j)
{
	if (!j->traces->closing)
		control_server_wake(j->traces->daemon->control);
}

/* struct session_trace: the last that anybody but the main thread does with a job. */
static void job_ended(void *ctx, int error)
{
	struct trace_job *j = ctx;
	struct traces *t = j->traces;

	pthread_mutex_lock(&t->lock);
	j->error = error;
	j->full = recorder_is_full(j->recorder);
	recorder_totals(j->recorder, &j->totals);
	j->state = JOB_ENDED;
	job_wake(j);
	pthread_mutex_unlock(&t->lock);
}

void traces_take(struct traces *t, const char *name, struct session_trace *trace)
{
	struct trace_job *j;

	pthread_mutex_lock(&t->lock);
	j = job_find(t, name);
	if (j && j->state == JOB_WAITING) {
		*trace = (struct session_trace){ .recorder = j->recorder, .ended = job_ended, .ctx = j };
		j->state = JOB_TAKEN;
	}
	pthread_mutex_unlock(&t->lock);
}

void traces_attached(struct traces *t, const char *name)
{
	struct trace_job *j;

	pthread_mutex_lock(&t->lock);
	j = job_find(t, name);
	if (j && j->state == JOB_TAKEN) {
		j->state = JOB_BEGUN;
		job_wake(j);
	}
	pthread_mutex_unlock(&t->lock);
}

/* The VM goes on without it. Either this ends the trace, or the session's own end does at the same moment. */
static void job_stop(struct trace_job *j)
{
	struct poold *d = j->traces->daemon;
	struct session *s;

	j->stopped = true;
	connections_lock(&d->connections);
	s = connections_find(&d->connections, j->name);
	if (s) {
		pthread_mutex_lock(&s->lock);
		if (s->trace.recorder == j->recorder)
			session_trace_end(s);
		pthread_mutex_unlock(&s->lock);
	}
	connections_unlock(&d->connections);
}

static void fill_reply(Shadowpool__Reply *reply, Shadowpool__TraceReply *trace, uint32_t phase)
{
	shadowpool__reply__init(reply);
	shadowpool__trace_reply__init(trace);
	trace->phase = phase;
	reply->result_case = SHADOWPOOL__REPLY__RESULT_TRACE;
	reply->trace = trace;
}

static void job_answer(struct trace_job *j)
{
	static char requested[] = "requested", detached[] = "detached", count[] = "count";
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	if (j->error) {
		control_error(j->call, CONTROL_FAILED, j->error == -ENOSPC || j->error == -EDQUOT || j->error == -EFBIG ?
			      "make room; the file holds what was recorded before" :
			      "the file holds what was recorded before",
			      "the trace of VM %s is not complete: %s", j->name, strerror(-j->error));
		return;
	}
	fill_reply(&reply, &trace, 3);
	trace.records = j->totals.records;
	trace.calls = j->totals.calls;
	trace.bytes = j->totals.bytes;
	trace.reason = j->full ? count : j->stopped ? requested : detached;
	control_reply(j->call, &reply);
}

static void job_begun(struct trace_job *j)
{
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	pthread_mutex_lock(&j->traces->lock);
	if (j->state == JOB_BEGUN)
		j->state = JOB_RUNNING;
	pthread_mutex_unlock(&j->traces->lock);
	event_del(j->deadline);
	fill_reply(&reply, &trace, 2);
	if (j->call)
		control_progress(j->call, &reply);
	/* Stopped while the link was under way, so that there was no VM to stop. */
	if (j->stopped)
		job_stop(j);
}

void traces_woken(struct poold *d)
{
	struct trace_job *next;

	/* Only this thread takes jobs out of the list. */
	for (struct trace_job *j = d->traces.first; j; j = next) {
		enum job_state state = job_state(j);

		next = j->next;
		if (state == JOB_BEGUN)
			job_begun(j);
		if (state != JOB_ENDED)
			continue;
		if (j->call)
			job_answer(j);
		job_free(j);
	}
}

/* The client has gone, wherever the job stands: a trace that runs gets its end mark. */
static void on_gone(struct control_call *call, void *arg)
{
	struct trace_job *j = arg;

	j->call = NULL;
	if (job_withdraw(j))
		job_free(j);
	else
		job_stop(j);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct trace_job *j = arg;

	if (!job_withdraw(j))
		return;
	control_error(j->call, CONTROL_TIMED_OUT, "is its trapd alive?", "VM %s did not attach again within %d s",
		      j->name, REATTACH_S);
	job_free(j);
}

/* Writing to it must neither wait for somebody nor fail for its kind. */
static const char *check_file(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return "not a regular file";
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return "not open for writing";
	return NULL;
}

static void refuse(struct trace_job *j, enum control_code code, const char *hint, const char *why)
{
	control_error(j->call, code, hint, "VM %s is not traced: %s", j->name, why);
	job_free(j);
}

static void on_file(struct control_call *call, int fd, void *arg)
{
	struct timeval after = { .tv_sec = REATTACH_S };
	struct trace_job *j = arg;
	struct poold *d = j->traces->daemon;
	const char *bad = check_file(fd);
	bool found;

	if (bad) {
		close(fd);
		refuse(j, CONTROL_USAGE, "name a file on a disk", bad);
		return;
	}
	j->deadline = evtimer_new(d->base, on_deadline, j);
	if (recorder_create(&j->recorder, fd) || !j->deadline || event_add(j->deadline, &after)) {
		refuse(j, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	recorder_limit(j->recorder, j->count);
	pthread_mutex_lock(&j->traces->lock);
	j->state = JOB_WAITING;
	pthread_mutex_unlock(&j->traces->lock);
	connections_lock(&d->connections);
	found = connections_hang_up(&d->connections, j->name);
	connections_unlock(&d->connections);
	/* It may be on its way back already. */
	if (!found && job_withdraw(j))
		refuse(j, CONTROL_NO_OBJECT, "shadowctl list shows those that are", "it is not attached to poold");
}

/* Why name cannot be traced now; NULL: it can. */
static const char *check_vm(struct poold *d, const char *name, enum control_code *code)
{
	struct session *s;
	bool traced = false;

	connections_lock(&d->connections);
	s = connections_find(&d->connections, name);
	if (s) {
		pthread_mutex_lock(&s->lock);
		traced = s->trace.recorder != NULL;
		pthread_mutex_unlock(&s->lock);
	}
	connections_unlock(&d->connections);
	*code = CONTROL_NO_OBJECT;
	if (!s)
		return "is not attached to poold";
	*code = CONTROL_FAILED;
	if (job_find(&d->traces, name))
		return "is being traced already";
	return traced ? "is traced by poold itself (--trace)" : NULL;
}

void traces_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const char *name = request->trace->name, *bad;
	struct poold *d = ctx;
	struct traces *t = &d->traces;
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;
	enum control_code code;
	struct trace_job *j;

	bad = check_vm(d, name, &code);
	if (bad) {
		control_error(call, code, code == CONTROL_FAILED ? "wait until that trace has ended" :
			      "shadowctl list shows those that are", "VM %s %s", name, bad);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	j->traces = t;
	j->call = call;
	j->count = request->trace->count;
	snprintf(j->name, sizeof(j->name), "%s", name);
	pthread_mutex_lock(&t->lock);
	j->next = t->first;
	t->first = j;
	pthread_mutex_unlock(&t->lock);
	fill_reply(&reply, &trace, 1);
	control_take_fd(call, &reply, on_file, on_gone, j);
}

void traces_stop_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct poold *d = ctx;
	struct trace_job *j = job_find(&d->traces, request->trace_stop->name);
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	if (!j) {
		control_error(call, CONTROL_NO_OBJECT, "it may have ended just now", "VM %s is not being traced",
			      request->trace_stop->name);
		return;
	}
	fill_reply(&reply, &trace, 3);
	if (job_withdraw(j))
		refuse(j, CONTROL_FAILED, "start it again", "stopped before it began");
	else
		job_stop(j);
	control_reply(call, &reply);
}
