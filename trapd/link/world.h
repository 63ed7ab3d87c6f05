/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the vCPUs of one VM do together: keep the others out of the guest (a step, a TLB shootdown), and come to rest while one
 * of them attaches to a pool. With one vCPU all of it does nothing. doc/smp.md.
 * Thread: a vCPU's own, with itself as v.
 */
#ifndef SHADOWPOOL_TRAPD_WORLD_H
#define SHADOWPOOL_TRAPD_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vcpu;

struct world {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	struct vcpu *holder;	/* nobody else may be in the guest */
	unsigned depth;
	struct vcpu *leader;	/* attaches: nobody else may do anything */
};

void world_init(struct world *w);
void world_destroy(struct world *w);

/* About to enter the guest. Waits while another vCPU holds the world. false: flush first, take the state over. */
bool world_enter(struct vcpu *v);
/* Out of the guest. */
void world_leave(struct vcpu *v);
/* Must the guest's registers be taken over, because a flush is demanded or another vCPU holds the world? */
bool world_wants_state(struct vcpu *v);
/* Is a flush demanded? The caller makes it before the next guest instruction. */
bool world_take_flush(struct vcpu *v);

/* What follows publishes the vCPU's events first where it may wait for another one. */

/*
 * Keep every other vCPU out of the guest until world_release(); may be nested. The others go on handling their traps. A vCPU
 * that waits here is out of the guest as well. Held in vain if the link is lost meanwhile: world_lead() takes it away.
 */
void world_hold(struct vcpu *v);
void world_release(struct vcpu *v);
/* The same, and every other vCPU has handled its trap: it waits to enter, to hold the world, or is at rest, and stays so. */
void world_stand(struct vcpu *v);
/* Every other vCPU is out of the guest once, and loads CR3 before its next guest instruction. SDM vol. 3A 4.10.5. */
void world_shootdown(struct vcpu *v);

/*
 * The link is lost or not there yet. true: all others are at rest and stay so until world_led(), the caller attaches. false:
 * another vCPU has done so meanwhile, look again.
 */
bool world_lead(struct vcpu *v);
void world_led(struct vcpu *v);
/* Between these two the vCPU touches nothing that an attach replaces: it sleeps, or its thread ends. The second waits for a holder. */
void world_rest(struct vcpu *v);
void world_resume(struct vcpu *v);

#endif
