/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See kick.h. Process trapd. A vCPU that sleeps waits for a condition variable. A vCPU that runs is interrupted by a signal,
 * whose handler makes KVM_RUN exit (kvm/kcpu.c). The kicker cannot know which of the two the vCPU does, so a kick does both.
 */
#include "trapd/link/kick.h"

#include <signal.h>

#include "trapd/cpu/machine.h"
#include "trapd/kvm/kcpu.h"

void vcpu_kick(struct vcpu *v)
{
	pthread_mutex_lock(&v->sleep_lock);
	v->woken = true;
	pthread_cond_signal(&v->sleep_cond);
	if (v->alive && !pthread_equal(pthread_self(), v->self))
		pthread_kill(v->self, KCPU_KICK_SIGNAL);
	pthread_mutex_unlock(&v->sleep_lock);
}

void vcpu_kick_all(struct machine *m)
{
	for (uint32_t i = 0; i < m->nvcpu; i++)
		vcpu_kick(&m->vcpu[i]);
}

void vcpu_sleep(struct vcpu *v)
{
	pthread_mutex_lock(&v->sleep_lock);
	while (!v->woken)
		pthread_cond_wait(&v->sleep_cond, &v->sleep_lock);
	v->woken = false;
	pthread_mutex_unlock(&v->sleep_lock);
}

void vcpu_kick_begin(struct vcpu *v)
{
	pthread_mutex_lock(&v->sleep_lock);
	v->self = pthread_self();
	v->alive = true;
	pthread_mutex_unlock(&v->sleep_lock);
}

void vcpu_kick_end(struct vcpu *v)
{
	pthread_mutex_lock(&v->sleep_lock);
	v->alive = false;
	pthread_mutex_unlock(&v->sleep_lock);
}
