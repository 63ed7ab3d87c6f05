/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of traces that were asked for, see trace_jobs.h. poold: the main thread adds, offers and removes; threads of
 * connections take and give back. Nothing here opens a file or waits.
 */
#include "poold/serve/trace_jobs.h"

#include <stdio.h>
#include <string.h>

void trace_jobs_init(struct trace_jobs *t)
{
	*t = (struct trace_jobs){ .wake = NULL };
	LIST_INIT(&t->list);
	pthread_mutex_init(&t->lock, NULL);
}

void trace_jobs_tell(struct trace_jobs *t, void (*wake)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&t->lock);
	t->wake = wake;
	t->ctx = ctx;
	pthread_mutex_unlock(&t->lock);
}

void trace_jobs_add(struct trace_jobs *t, struct trace_job *j, const char *name)
{
	j->all = t;
	snprintf(j->name, sizeof(j->name), "%s", name);
	pthread_mutex_lock(&t->lock);
	LIST_INSERT_HEAD(&t->list, j, entry);
	pthread_mutex_unlock(&t->lock);
}

struct trace_job *trace_jobs_find(struct trace_jobs *t, const char *name)
{
	struct trace_job *j;

	LIST_FOREACH(j, &t->list, entry)
		if (!strcmp(j->name, name))
			break;
	return j;
}

void trace_jobs_remove(struct trace_job *j)
{
	pthread_mutex_lock(&j->all->lock);
	LIST_REMOVE(j, entry);
	pthread_mutex_unlock(&j->all->lock);
}

enum trace_job_state trace_job_state(struct trace_job *j)
{
	enum trace_job_state state;

	pthread_mutex_lock(&j->all->lock);
	state = j->state;
	pthread_mutex_unlock(&j->all->lock);
	return state;
}

void trace_job_offer(struct trace_job *j)
{
	pthread_mutex_lock(&j->all->lock);
	j->state = TRACE_JOB_WAITING;
	pthread_mutex_unlock(&j->all->lock);
}

bool trace_job_withdraw(struct trace_job *j)
{
	bool free;

	pthread_mutex_lock(&j->all->lock);
	free = j->state == TRACE_JOB_ASKED || j->state == TRACE_JOB_WAITING;
	if (free)
		j->state = TRACE_JOB_ASKED;
	pthread_mutex_unlock(&j->all->lock);
	return free;
}

void trace_job_noticed(struct trace_job *j)
{
	pthread_mutex_lock(&j->all->lock);
	if (j->state == TRACE_JOB_BEGUN)
		j->state = TRACE_JOB_RUNNING;
	pthread_mutex_unlock(&j->all->lock);
}

/* With the lock held. */
static void job_is_now(struct trace_job *j, enum trace_job_state state)
{
	j->state = state;
	if (j->all->wake)
		j->all->wake(j->all->ctx);
}

/* The ended() of struct session_trace. Afterwards only the main thread uses the job. */
static void job_ended(void *ctx, int error)
{
	struct trace_job *j = ctx;
	struct trace_jobs *t = j->all;

	pthread_mutex_lock(&t->lock);
	j->error = error;
	j->full = recorder_is_full(j->recorder);
	recorder_totals(j->recorder, &j->totals);
	job_is_now(j, TRACE_JOB_ENDED);
	pthread_mutex_unlock(&t->lock);
}

void trace_jobs_take(struct trace_jobs *t, const char *name, struct session_trace *trace)
{
	struct trace_job *j;

	pthread_mutex_lock(&t->lock);
	j = trace_jobs_find(t, name);
	if (j && j->state == TRACE_JOB_WAITING) {
		*trace = (struct session_trace){ .recorder = j->recorder, .ended = job_ended, .ctx = j };
		j->state = TRACE_JOB_TAKEN;
	}
	pthread_mutex_unlock(&t->lock);
}

void trace_jobs_attached(struct trace_jobs *t, const char *name)
{
	struct trace_job *j;

	pthread_mutex_lock(&t->lock);
	j = trace_jobs_find(t, name);
	if (j && j->state == TRACE_JOB_TAKEN)
		job_is_now(j, TRACE_JOB_BEGUN);
	pthread_mutex_unlock(&t->lock);
}
