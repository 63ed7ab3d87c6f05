/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the vCPUs of one VM do together: one keeps the others out of the guest (for a step or a TLB shootdown), or all come to
 * rest while one of them attaches to a pool. With a single vCPU every function here returns at once. doc/smp.md. Thread: a vCPU's
 * own; v is the caller's vCPU.
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
	struct vcpu *holder;	/* the only vCPU that may be in the guest; NULL: all may */
	unsigned depth;		/* times that the holder has called world_hold() and not yet world_release() */
	struct vcpu *leader;	/* the vCPU that attaches while all others rest; NULL: none does */
};

void world_init(struct world *w);
void world_destroy(struct world *w);

/*
 * Called before each entry. Waits while another vCPU is the holder. false: do not enter; a flush is demanded, so take the state
 * over first.
 */
bool world_enter(struct vcpu *v);
/* Called after each exit. */
void world_leave(struct vcpu *v);
/* Must the guest's registers be taken over now, because a flush is demanded of this vCPU or another one is the holder? */
bool world_wants_state(struct vcpu *v);
/* Is a flush demanded of this vCPU? If so, the demand is taken: the caller loads CR3 before the next guest instruction. */
bool world_take_flush(struct vcpu *v);

/* The functions from here on publish the caller's events before they wait for another vCPU. */

/*
 * Become the holder: on return every other vCPU is out of the guest and stays so until world_release(). Calls may be nested. The
 * others go on handling their traps. Waits for an earlier holder; the caller counts as out of the guest then. If the link is lost
 * meanwhile, world_lead() ends the hold.
 */
void world_hold(struct vcpu *v);
void world_release(struct vcpu *v);
/*
 * Become the holder as by world_hold(); on return every other vCPU has also handled its trap: it waits to enter the guest or to
 * become the holder, or it is at rest, and stays so until world_release().
 */
void world_stand(struct vcpu *v);
/*
 * TLB shootdown: on return every other vCPU has left the guest and will load CR3 before its next guest instruction. SDM vol. 3A
 * 4.10.5.
 */
void world_shootdown(struct vcpu *v);

/*
 * The caller has found no link to poold. true: all other vCPUs are at rest until world_led(), and the caller attaches. false:
 * another vCPU has attached meanwhile, look at the link again.
 */
bool world_lead(struct vcpu *v);
void world_led(struct vcpu *v);
/*
 * Between these two the vCPU is at rest: it sleeps or its thread ends, and it touches nothing that an attach replaces.
 * world_resume() waits while another vCPU attaches or is the holder.
 */
void world_rest(struct vcpu *v);
void world_resume(struct vcpu *v);

#endif
