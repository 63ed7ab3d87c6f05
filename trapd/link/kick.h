/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a vCPU is kicked: made to look at what has changed, whether it runs guest code, handles a trap or sleeps in HLT. What has changed
 * is told elsewhere and before: a kick says nothing but "look".
 */
#ifndef SHADOWPOOL_TRAPD_KICK_H
#define SHADOWPOOL_TRAPD_KICK_H

#include "trapd/cpu/vcpu.h"

/*
 * The vCPU leaves KVM_RUN, or does not enter it, or ends its sleep; a kick that comes before it does either is not lost.
 * Thread: any, with any lock but sleep_lock.
 */
void vcpu_kick(struct vcpu *v);
/* Sleep until the next kick, which may have come already; the caller then looks at everything again. Thread: the vCPU's own. */
void vcpu_sleep(struct vcpu *v);
/* The calling thread is the one that vcpu_kick() interrupts, until the end. Look at stop_is_requested() after begin. */
void vcpu_kick_begin(struct vcpu *v);
void vcpu_kick_end(struct vcpu *v);

#endif
