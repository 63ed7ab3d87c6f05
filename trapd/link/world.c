/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See world.h. Process trapd, vCPU threads. One lock for all of it: it is taken twice for each exit of a VM with several vCPUs. */
#include "trapd/link/world.h"

#include "common/barrier.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"
#include "trapd/link/kick.h"

void world_init(struct world *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->holder = w->leader = NULL;
	w->depth = 0;
}

void world_destroy(struct world *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
}

static bool alone(const struct vcpu *v)
{
	return v->machine->nvcpu == 1;
}

static void wait_change(struct world *w)
{
	pthread_cond_wait(&w->changed, &w->lock);
}

static void announce(struct world *w)
{
	pthread_cond_broadcast(&w->changed);
}

/* With nothing half done: world_stand() counts on it. */
static void wait_for_holder(struct world *w, struct vcpu *v)
{
	if (!w->holder || w->holder == v)
		return;
	v->parked = true;
	announce(w);
	while (w->holder && w->holder != v)
		wait_change(w);
	v->parked = false;
}

bool world_enter(struct vcpu *v)
{
	struct world *w = v->world;
	bool flush;

	if (alone(v))
		return true;
	pthread_mutex_lock(&w->lock);
	wait_for_holder(w, v);
	flush = v->flush_demanded;
	v->in_guest = !flush;
	pthread_mutex_unlock(&w->lock);
	return !flush;
}

void world_leave(struct vcpu *v)
{
	struct world *w = v->world;

	if (alone(v))
		return;
	pthread_mutex_lock(&w->lock);
	v->in_guest = false;
	announce(w);
	pthread_mutex_unlock(&w->lock);
}

bool world_wants_state(struct vcpu *v)
{
	struct world *w = v->world;
	bool wants;

	if (alone(v))
		return false;
	pthread_mutex_lock(&w->lock);
	wants = v->flush_demanded || (w->holder && w->holder != v);
	pthread_mutex_unlock(&w->lock);
	return wants;
}

bool world_take_flush(struct vcpu *v)
{
	struct world *w = v->world;
	bool flush;

	if (alone(v))
		return false;
	pthread_mutex_lock(&w->lock);
	flush = v->flush_demanded;
	v->flush_demanded = false;
	pthread_mutex_unlock(&w->lock);
	return flush;
}

void world_hold(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct world *w = v->world;

	if (alone(v))
		return;
	vcpu_write_end(v);
	pthread_mutex_lock(&w->lock);
	wait_for_holder(w, v);
	w->holder = v;
	w->depth++;
	for (uint32_t i = 0; i < m->nvcpu; i++) {
		struct vcpu *other = &m->vcpu[i];

		if (other == v || !other->in_guest)
			continue;
		vcpu_kick(other);	/* one that comes before KVM_RUN is not lost */
		while (other->in_guest)
			wait_change(w);
	}
	pthread_mutex_unlock(&w->lock);
}

static void let_go(struct world *w, const struct vcpu *v)
{
	if (w->holder == v) {
		w->holder = NULL;
		w->depth = 0;
		announce(w);
	}
}

void world_release(struct vcpu *v)
{
	struct world *w = v->world;

	if (alone(v))
		return;
	pthread_mutex_lock(&w->lock);
	if (w->holder == v && --w->depth == 0)
		let_go(w, v);
	pthread_mutex_unlock(&w->lock);
}

void world_shootdown(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct world *w = v->world;

	if (alone(v))
		return;
	world_hold(v);
	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < m->nvcpu; i++)
		if (&m->vcpu[i] != v)
			m->vcpu[i].flush_demanded = true;
	pthread_mutex_unlock(&w->lock);
	world_release(v);
}

static bool others_stand(const struct vcpu *v)
{
	const struct machine *m = v->machine;

	for (uint32_t i = 0; i < m->nvcpu; i++)
		if (&m->vcpu[i] != v && !m->vcpu[i].parked && !m->vcpu[i].at_rest)
			return false;
	return true;
}

void world_stand(struct vcpu *v)
{
	struct world *w = v->world;

	if (alone(v))
		return;
	world_hold(v);
	pthread_mutex_lock(&w->lock);
	while (w->holder == v && !others_stand(v))
		wait_change(w);
	pthread_mutex_unlock(&w->lock);
}

static bool others_rest(const struct vcpu *v)
{
	const struct machine *m = v->machine;

	for (uint32_t i = 0; i < m->nvcpu; i++)
		if (&m->vcpu[i] != v && !m->vcpu[i].at_rest)
			return false;
	return true;
}

bool world_lead(struct vcpu *v)
{
	struct world *w = v->world;
	bool lead;

	vcpu_write_end(v);
	pthread_mutex_lock(&w->lock);
	let_go(w, v);
	v->at_rest = true;
	announce(w);
	lead = !w->leader;
	if (lead)
		w->leader = v;
	while (lead ? !others_rest(v) : w->leader != NULL)
		wait_change(w);
	v->at_rest = lead;
	pthread_mutex_unlock(&w->lock);
	return lead;
}

void world_led(struct vcpu *v)
{
	struct world *w = v->world;

	pthread_mutex_lock(&w->lock);
	v->at_rest = false;
	w->leader = NULL;
	announce(w);
	pthread_mutex_unlock(&w->lock);
}

void world_rest(struct vcpu *v)
{
	struct world *w = v->world;

	if (alone(v))
		return;
	vcpu_write_end(v);
	pthread_mutex_lock(&w->lock);
	let_go(w, v);
	v->at_rest = true;
	announce(w);
	pthread_mutex_unlock(&w->lock);
}

void world_resume(struct vcpu *v)
{
	struct world *w = v->world;

	if (alone(v))
		return;
	pthread_mutex_lock(&w->lock);
	/* a holder may count on all that rest: world_stand() */
	while ((w->leader && w->leader != v) || (w->holder && w->holder != v))
		wait_change(w);
	v->at_rest = false;
	pthread_mutex_unlock(&w->lock);
}
