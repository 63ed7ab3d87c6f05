/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traces on demand: what the client is told, and when. poold, main thread. What sessions do with a job is
 * poold/serve/trace_jobs.c. Nothing here opens a file or waits.
 */
#include "poold/control/trace_verbs.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "poold/control/control.h"
#include "poold/serve/connections.h"
#include "poold/serve/trace_jobs.h"

#define REATTACH_S 10			/* trapd looks for poold every 10 ms */

/* A client's request for a trace, for as long as the trace lives, whether or not the client does. */
struct trace_request {
	struct trace_job job;
	struct poold_control *control;
	struct control_call *call;	/* NULL: the client has gone */
	struct event *deadline;		/* while the job waits for the VM's next session */
	bool stopped;			/* by request */
	uint64_t count;			/* records that are enough; 0: none */
};

static struct trace_request *request_of(struct trace_job *j)
{
	return (struct trace_request *)((char *)j - offsetof(struct trace_request, job));
}

/* No session has it, or will have it. */
static void request_free(struct trace_request *r)
{
	trace_jobs_remove(&r->job);
	if (r->deadline)
		event_free(r->deadline);
	recorder_destroy(r->job.recorder);
	free(r);
}

/* The VM goes on without it. Either this ends the trace, or the session's own end does at the same moment. */
static void request_stop(struct trace_request *r)
{
	struct connections *all = r->control->connections;
	struct session *s;

	r->stopped = true;
	connections_lock(all);
	s = connections_find(all, r->job.name);
	if (s) {
		pthread_mutex_lock(&s->lock);
		if (s->trace.recorder == r->job.recorder)
			session_trace_end(s);
		pthread_mutex_unlock(&s->lock);
	}
	connections_unlock(all);
}

static void fill_reply(Shadowpool__Reply *reply, Shadowpool__TraceReply *trace, uint32_t phase)
{
	shadowpool__reply__init(reply);
	shadowpool__trace_reply__init(trace);
	trace->phase = phase;
	reply->result_case = SHADOWPOOL__REPLY__RESULT_TRACE;
	reply->trace = trace;
}

static void request_answer(struct trace_request *r)
{
	static char requested[] = "requested", detached[] = "detached", count[] = "count";
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	if (r->job.error) {
		control_error(r->call, CONTROL_FAILED, r->job.error == -ENOSPC || r->job.error == -EDQUOT || r->job.error == -EFBIG ?
			      "make room; the file holds what was recorded before" :
			      "the file holds what was recorded before",
			      "the trace of VM %s is not complete: %s", r->job.name, strerror(-r->job.error));
		return;
	}
	fill_reply(&reply, &trace, 3);
	trace.records = r->job.totals.records;
	trace.calls = r->job.totals.calls;
	trace.bytes = r->job.totals.bytes;
	trace.reason = r->job.full ? count : r->stopped ? requested : detached;
	control_reply(r->call, &reply);
}

static void request_begun(struct trace_request *r)
{
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	trace_job_noticed(&r->job);
	event_del(r->deadline);
	fill_reply(&reply, &trace, 2);
	if (r->call)
		control_progress(r->call, &reply);
	/* Stopped while the attach was under way, when there was no session to stop. */
	if (r->stopped)
		request_stop(r);
}

void trace_verbs_woken(struct poold_control *control)
{
	struct trace_job *next;

	/* Only this thread takes jobs out of the list. */
	for (struct trace_job *j = LIST_FIRST(&control->trace_jobs->list); j; j = next) {
		enum trace_job_state state = trace_job_state(j);
		struct trace_request *r = request_of(j);

		next = LIST_NEXT(j, entry);
		if (state == TRACE_JOB_BEGUN)
			request_begun(r);
		if (state != TRACE_JOB_ENDED)
			continue;
		if (r->call)
			request_answer(r);
		request_free(r);
	}
}

/* The client has gone, wherever the job stands: a trace that runs gets its end mark. */
static void on_gone(struct control_call *call, void *arg)
{
	struct trace_request *r = arg;

	r->call = NULL;
	if (trace_job_withdraw(&r->job))
		request_free(r);
	else
		request_stop(r);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct trace_request *r = arg;

	if (!trace_job_withdraw(&r->job))
		return;
	control_error(r->call, CONTROL_TIMED_OUT, "is its trapd alive?", "VM %s did not attach again within %d s",
		      r->job.name, REATTACH_S);
	request_free(r);
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

static void refuse(struct trace_request *r, enum control_code code, const char *hint, const char *why)
{
	control_error(r->call, code, hint, "VM %s is not traced: %s", r->job.name, why);
	request_free(r);
}

static void on_file(struct control_call *call, int fd, void *arg)
{
	struct timeval after = { .tv_sec = REATTACH_S };
	struct trace_request *r = arg;
	struct connections *all = r->control->connections;
	const char *bad = check_file(fd);
	bool found;

	if (bad) {
		close(fd);
		refuse(r, CONTROL_USAGE, "name a file on a disk", bad);
		return;
	}
	r->deadline = evtimer_new(r->control->base, on_deadline, r);
	if (recorder_create(&r->job.recorder, fd) || !r->deadline || event_add(r->deadline, &after)) {
		refuse(r, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	recorder_limit(r->job.recorder, r->count);
	trace_job_offer(&r->job);
	connections_lock(all);
	found = connections_hang_up(all, r->job.name);
	connections_unlock(all);
	/* It may be on its way back already. */
	if (!found && trace_job_withdraw(&r->job))
		refuse(r, CONTROL_NO_OBJECT, "shadowctl list shows those that are", "it is not attached to poold");
}

/* Why name cannot be traced now; NULL: it can. */
static const char *check_vm(struct poold_control *control, const char *name, enum control_code *code)
{
	struct session *s;
	bool traced = false;

	connections_lock(control->connections);
	s = connections_find(control->connections, name);
	if (s) {
		pthread_mutex_lock(&s->lock);
		traced = s->trace.recorder != NULL;
		pthread_mutex_unlock(&s->lock);
	}
	connections_unlock(control->connections);
	*code = CONTROL_NO_OBJECT;
	if (!s)
		return "is not attached to poold";
	*code = CONTROL_FAILED;
	if (trace_jobs_find(control->trace_jobs, name))
		return "is being traced already";
	return traced ? "is traced by poold itself (--trace)" : NULL;
}

void trace_verbs_start(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const char *name = request->trace->name, *bad;
	struct poold_control *control = ctx;
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;
	enum control_code code;
	struct trace_request *r;

	bad = check_vm(control, name, &code);
	if (bad) {
		control_error(call, code, code == CONTROL_FAILED ? "wait until that trace has ended" :
			      "shadowctl list shows those that are", "VM %s %s", name, bad);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	r->control = control;
	r->call = call;
	r->count = request->trace->count;
	trace_jobs_add(control->trace_jobs, &r->job, name);
	fill_reply(&reply, &trace, 1);
	control_take_fd(call, &reply, on_file, on_gone, r);
}

void trace_verbs_stop(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	struct poold_control *control = ctx;
	struct trace_job *j = trace_jobs_find(control->trace_jobs, request->trace_stop->name);
	Shadowpool__TraceReply trace;
	Shadowpool__Reply reply;

	if (!j) {
		control_error(call, CONTROL_NO_OBJECT, "it may have ended just now", "VM %s is not being traced",
			      request->trace_stop->name);
		return;
	}
	fill_reply(&reply, &trace, 3);
	if (trace_job_withdraw(j))
		refuse(request_of(j), CONTROL_FAILED, "start it again", "stopped before it began");
	else
		request_stop(request_of(j));
	control_reply(call, &reply);
}
