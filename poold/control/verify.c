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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poold/daemon.h"

#define QUIESCE_S 10		/* a vCPU is at its trap within microseconds, one that waits for its pool within seconds */

enum job_state { JOB_WAITING, JOB_DONE, JOB_LOST };

struct verify_job {
	struct verify_job *next;
	struct verifies *all;
	struct session_verify wait;
	char name[33];
	struct control_call *call;	/* NULL: the client has gone */
	struct event *deadline;
	/* Under the lock. */
	enum job_state state;
	uint32_t nviolations;
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

void verifies_init(struct verifies *v, struct poold *daemon)
{
	*v = (struct verifies){ .daemon = daemon };
	pthread_mutex_init(&v->lock, NULL);
}

void verifies_close(struct verifies *v)
{
	pthread_mutex_lock(&v->lock);
	v->closing = true;
	pthread_mutex_unlock(&v->lock);
}

static void job_free(struct verify_job *j)
{
	for (struct verify_job **p = &j->all->first; *p; p = &(*p)->next)
		if (*p == j) {
			*p = j->next;
			break;
		}
	if (j->deadline)
		event_free(j->deadline);
	free(j);
}

/* struct session_verify, the session's thread: the last that it does with the job. */
static void on_audit(struct session_verify *v, const struct pool_call_out *audit)
{
	struct verify_job *j = (struct verify_job *)((char *)v - offsetof(struct verify_job, wait));
	struct verifies *all = j->all;

	pthread_mutex_lock(&all->lock);
	j->state = audit ? JOB_DONE : JOB_LOST;
	if (audit) {
		j->nviolations = audit->nviolations;
		memcpy(j->violation, audit->violation, sizeof(j->violation));
	}
	if (!all->closing)
		control_server_wake(all->daemon->control);
	pthread_mutex_unlock(&all->lock);
}

/* Out of the session's reach. false: it is telling, or has told, and verifies_woken() comes. */
static bool job_withdraw(struct verify_job *j)
{
	struct poold *d = j->all->daemon;
	struct session *s;
	bool removed;

	connections_lock(&d->connections);
	s = connections_find(&d->connections, j->name);
	removed = s && session_verify_remove(s, &j->wait);
	connections_unlock(&d->connections);
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

void verifies_woken(struct poold *d)
{
	struct verify_job *next;

	for (struct verify_job *j = d->verifies.first; j; j = next) {
		enum job_state state;

		next = j->next;
		pthread_mutex_lock(&d->verifies.lock);
		state = j->state;
		pthread_mutex_unlock(&d->verifies.lock);
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
	struct poold *d = j->all->daemon;
	struct session *s;
	int rc = -ENOENT;

	connections_lock(&d->connections);
	s = connections_find(&d->connections, j->name);
	if (s) {
		session_verify_add(s, &j->wait);
		rc = connections_quiesce(&d->connections, j->name);
		/* If it is not there any more, the answer is under way already. */
		if (rc && !session_verify_remove(s, &j->wait))
			rc = 0;
	}
	connections_unlock(&d->connections);
	return rc;
}

static void verify_full(struct control_call *call, const char *name, struct poold *d)
{
	struct timeval after = { .tv_sec = QUIESCE_S };
	struct verify_job *j = calloc(1, sizeof(*j));
	int rc;

	if (!j) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	j->all = &d->verifies;
	j->wait.full = true;
	j->wait.done = on_audit;
	j->call = call;
	j->next = d->verifies.first;
	d->verifies.first = j;
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->deadline = evtimer_new(d->base, on_deadline, j);
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

static void verify_cheap(struct control_call *call, const char *name, struct poold *d)
{
	struct pool_call audit = { .op = POOL_CALL_AUDIT };
	struct pool_call_out out;
	struct session *s;

	connections_lock(&d->connections);
	s = connections_find(&d->connections, name);
	if (s)
		session_call_out(s, &audit, &out);
	connections_unlock(&d->connections);
	if (s)
		reply_verify(call, out.nviolations, out.violation);
	else
		no_such_vm(call, name);
}

void verify_handler(struct control_call *call, const Shadowpool__Request *request, void *ctx)
{
	const Shadowpool__VerifyRequest *r = request->verify;

	if (r->full)
		verify_full(call, r->name, ctx);
	else
		verify_cheap(call, r->name, ctx);
}
