/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See standing.h. poold: the main thread asks and answers, the session's thread carries out.
 *
 * QUIESCE goes to trapd, which stops the vCPUs and sends AUDIT; poold does what is wanted while it holds that request.
 */
#include "poold/control/standing.h"

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

struct standing_job {
	LIST_ENTRY(standing_job) entry;
	struct poold_control *control;
	struct session_wish wish;
	struct standing_want want;
	char name[33];
	struct control_call *call;	/* NULL: the client has gone */
	struct event *deadline;
	/* Under the lock. */
	enum job_state state;
	struct standing_result result;
};

void standing_init(struct standing_jobs *jobs)
{
	*jobs = (struct standing_jobs){ .closing = false };
	LIST_INIT(&jobs->list);
	pthread_mutex_init(&jobs->lock, NULL);
}

void standing_close(struct standing_jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->closing = true;
	pthread_mutex_unlock(&jobs->lock);
}

static void job_free(struct standing_job *j)
{
	LIST_REMOVE(j, entry);
	if (j->deadline)
		event_free(j->deadline);
	free(j);
}

/* struct session_wish, the session's thread: the last that it does with the job. */
static void on_done(struct session_wish *w, const struct pool_call_out *audit)
{
	struct standing_job *j = (struct standing_job *)((char *)w - offsetof(struct standing_job, wish));
	struct standing_jobs *jobs = &j->control->standing_jobs;

	pthread_mutex_lock(&jobs->lock);
	j->state = audit ? JOB_DONE : JOB_LOST;
	if (audit) {
		j->result = (struct standing_result){
			.status = w->status, .tables = w->tables, .entries = w->entries, .nviolations = audit->nviolations,
		};
		memcpy(j->result.violation, audit->violation, sizeof(j->result.violation));
	}
	if (!jobs->closing)
		control_server_wake(j->control->server);
	pthread_mutex_unlock(&jobs->lock);
}

/* Out of the session's reach. false: it is telling, or has told, and standing_woken() comes. */
static bool job_withdraw(struct standing_job *j)
{
	struct connections *all = j->control->connections;
	struct session *s;
	bool removed;

	connections_lock(all);
	s = connections_find(all, j->name);
	removed = s && wishes_remove(s, &j->wish);
	connections_unlock(all);
	return removed;
}

void standing_woken(struct poold_control *control)
{
	struct standing_jobs *jobs = &control->standing_jobs;
	struct standing_job *next;

	for (struct standing_job *j = LIST_FIRST(&jobs->list); j; j = next) {
		enum job_state state;

		next = LIST_NEXT(j, entry);
		pthread_mutex_lock(&jobs->lock);
		state = j->state;
		pthread_mutex_unlock(&jobs->lock);
		if (state == JOB_WAITING)
			continue;
		if (j->call && state == JOB_DONE)
			j->want.answer(j->call, j->name, &j->result);
		else if (j->call)
			control_error(j->call, CONTROL_FAILED, "try again; shadowctl list shows whether it is still there",
				      "VM %s was detached before it could be %s", j->name, j->want.done);
		job_free(j);
	}
}

static void on_gone(struct control_call *call, void *arg)
{
	struct standing_job *j = arg;

	j->call = NULL;
	if (job_withdraw(j))
		job_free(j);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct standing_job *j = arg;

	if (!job_withdraw(j))
		return;
	control_error(j->call, CONTROL_TIMED_OUT, "its trapd hangs: see its log", "VM %s does not stand still within %d s",
		      j->name, QUIESCE_S);
	job_free(j);
}

/* 0; -ENOENT: no such VM; or why trapd cannot be asked. */
static int job_start(struct standing_job *j)
{
	struct connections *all = j->control->connections;
	struct session *s;
	int rc = -ENOENT;

	connections_lock(all);
	s = connections_find(all, j->name);
	if (s) {
		wishes_add(s, &j->wish);
		rc = connections_quiesce(all, j->name);
		/* If it is not there any more, the answer is under way already. */
		if (rc && !wishes_remove(s, &j->wish))
			rc = 0;
	}
	connections_unlock(all);
	return rc;
}

void standing_ask(struct poold_control *control, struct control_call *call, const char *name, const struct standing_want *want)
{
	struct timeval after = { .tv_sec = QUIESCE_S };
	struct standing_job *j = calloc(1, sizeof(*j));
	int rc;

	if (!j) {
		control_error(call, CONTROL_FAILED, NULL, "poold is out of memory");
		return;
	}
	j->control = control;
	j->want = *want;
	j->wish = (struct session_wish){ .call = want->call, .full = want->full, .done = on_done };
	j->call = call;
	LIST_INSERT_HEAD(&control->standing_jobs.list, j, entry);
	snprintf(j->name, sizeof(j->name), "%s", name);
	j->deadline = evtimer_new(control->base, on_deadline, j);
	rc = !j->deadline || event_add(j->deadline, &after) ? -ENOMEM : job_start(j);
	if (!rc) {
		control_defer(call, on_gone, j);
		return;
	}
	if (rc == -ENOENT)
		control_no_such_vm(call, name);
	else
		control_error(call, CONTROL_FAILED, "its trapd hangs, or is just ending", "VM %s cannot be stopped: %s",
			      name, strerror(-rc));
	job_free(j);
}
