/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An audit of a running VM. poold: the main thread asks and answers, the session's thread makes the full audit.
 *
 * What the lists of the pool say about each other (the cheap audit) holds whenever nobody changes them: the VM's lock is
 * enough. Whether the shadow says what the guest's tables say can only be asked when the guest stands and has told of all
 * its stores. So QUIESCE goes to trapd, which stops the vCPU and sends AUDIT; poold audits while it holds that request.
 */
#include "poold/control/verify.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poold/control/control.h"
#include "poold/serve/connections.h"

#define QUIESCE_S 10		/* a vCPU is at its trap within microseconds, one that waits for its pool within seconds */

enum job_state { JOB_WAITING, JOB_DONE, JOB_LOST };

struct verify_job {
	LIST_ENTRY(verify_job) entry;
	struct poold_control *control;
	struct session_verify wait;
	char name[33];
	struct control_call *call;	/* NULL: the client has gone */
	struct event *deadline;
	/* Under the lock. */
	enum job_state state;
	uint32_t nviolations;
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

void verify_init(struct verify_jobs *jobs)
{
	*jobs = (struct verify_jobs){ .closing = false };
	LIST_INIT(&jobs->list);
	pthread_mutex_init(&jobs->lock, NULL);
}

void verify_close(struct verify_jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->closing = true;
	pthread_mutex_unlock(&jobs->lock);
}

static void job_free(struct verify_job *j)
{
	LIST_REMOVE(j, entry);
	if (j->deadline)
		event_free(j->deadline);
	free(j);
}

/* struct session_verify, the session's thread: the last that it does with the job. */
static void on_audit(struct session_verify *v, const struct pool_call_out *audit)
{
	struct verify_job *j = (struct verify_job *)((char *)v - offsetof(struct verify_job, wait));
	struct verify_jobs *jobs = &j->control->verify_jobs;

	pthread_mutex_lock(&jobs->lock);
	j->state = audit ? JOB_DONE : JOB_LOST;
	if (audit) {
		j->nviolations = audit->nviolations;
		memcpy(j->violation, audit->violation, sizeof(j->violation));
	}
	if (!jobs->closing)
		control_server_wake(j->control->server);
	pthread_mutex_unlock(&jobs->lock);
}

/* Out of the session's reach. false: it is telling, or has told, and verify_woken() comes. */
static bool job_withdraw(struct verify_job *j)
{
	struct connections *all = j->control->connections;
	struct session *s;
	bool removed;

	connections_lock(all);
	s = connections_find(all, j->name);
	removed = s && session_verify_remove(s, &j->wait);
	connections_unlock(all);
	return removed;
}

static void reply_verify(struct control_call *call, uint32_t n, const struct pool_violation *list)
{
	Shadowpool__Violation violations[POOL_CALL_MAX_VIOLATIONS], *listed[POOL_CALL_MAX_VIOLATIONS];
	Shadowpool__VerifyReply verify;
	Shadowpool__Reply reply;

	shadowpool__verify_reply__init(&verify);
	shadowpool__reply__init(&reply);
	for (uint32_t i = 0; i < n && i < POOL_CALL_MAX_VIOLATIONS; i++) {
		shadowpool__violation__init(&violations[i]);
		violations[i].rule = list[i].rule;
		violations[i].page = list[i].page;
		violations[i].slot = list[i].slot;
		violations[i].expected = list[i].expected;
		violations[i].found = list[i].found;
		listed[verify.n_violations++] = &violations[i];
	}
	verify.audits = 1;
	verify.total = n;
	verify.violations = listed;
	reply.result_case = SHADOWPOOL__REPLY__RESULT_VERIFY;
	reply.verify = &verify;
	control_reply(call, &reply);
}

static void no_such_vm(struct control_call *call, const char *name)
{
	control_error(call, CONTROL_NO_OBJECT, "shadowctl list shows those that are", "VM %s is not attached to poold",
		      name);
}

void verify_woken(struct poold_control *control)
{
	struct verify_jobs *jobs = &control->verify_jobs;
	struct verify_job *next;

	for (struct verify_job *j = LIST_FIRST(&jobs->list); j; j = next) {
		enum job_state state;

		next = LIST_NEXT(j, entry);
		pthread_mutex_lock(&jobs->lock);
		state = j->state;
		pthread_mutex_unlock(&jobs->lock);
		if (state == JOB_WAITING)
			continue;
		if (j->call && state == JOB_DONE)
			reply_verify(j->call, j->nviolations, j->violation);
		else if (j->call)
			control_error(j->call, CONTROL_FAILED, "try again; shadowctl list shows whether it is still there",
				      "VM %s was detached before it could be verified", j->name);
		job_free(j);
	}
}

static void on_gone(struct control_call *call, void *arg)
{
	struct verify_job *j = arg;

	j->call = NULL;
	if (job_withdraw(j))
		job_free(j);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct verify_job *j = arg;

	if (!job_withdraw(j))
		return;
	control_error(j->call, CONTROL_TIMED_OUT, "its trapd hangs: see its log", "VM %s does not stand still within %d s",
		      j->name, QUIESCE_S);
	job_free(j);
}

/* 0; -ENOENT: no such VM; or why trapd cannot be asked. */
static int job_start(struct verify_job *j)
{
	struct connections *all = j->control->connections;
	struct session *s;
	int rc = -ENOENT;

	connections_lock(all);
	s = connections_find(all, j->name);
	if (s) {
		session_verify_add(s, &j->wait);
		rc = connections_quiesce(all, j->name);
		/* If it is not there any more, the answer is under way already. */
		if (rc && !session_verify_remove(s, &j->wait))
			rc = 0;
	}
	connections_unlock(all);
	return rc;
}

static void verify_full(struct control_call *call, const char *name, struct poold_control *control)
{
	struct timeval after = { .tv_sec = QUIESCE_S };
	struct verify_job *j = calloc(1, sizeof(*j));
	int rc;

	if (!j) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	j->control = control;
	j->wait.full = true;
	j->wait.done = on_audit;
	j->call = call;
	LIST_INSERT_HEAD(&control->verify_jobs.list, j, entry);
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->deadline = evtimer_new(control->base, on_deadline, j);
	rc = !j->deadline || event_add(j->deadline, &after) ? -ENOMEM : job_start(j);
	if (!rc) {
		control_defer(call, on_gone, j);
		return;
	}
	if (rc == -ENOENT)
		no_such_vm(call, name);
	else
		control_error(call, CONTROL_FAILED, "its trapd hangs, or is just ending", "VM %s cannot be stopped: %s",
			      name, strerror(-rc));
	job_free(j);
}

static void verify_cheap(struct control_call *call, const char *name, struct connections *all)
{
	struct pool_call audit = { .op = POOL_CALL_AUDIT };
	struct pool_call_out out;
	struct session *s;

	connections_lock(all);
	s = connections_find(all, name);
	if (s)
		session_call_out(s, &audit, &out);
	connections_unlock(all);
	if (s)
		reply_verify(call, out.nviolations, out.violation);
	else
		no_such_vm(call, name);
}

void verify_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__VerifyRequest *r = request->verify;
	struct poold_control *control = ctx;

	if (r->full)
		verify_full(call, r->name, control);
	else
		verify_cheap(call, r->name, control->connections);
}
