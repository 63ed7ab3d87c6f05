/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a vCPU is kicked: made to look at what has changed, whether it runs guest code, handles a trap or sleeps in HLT. What has
 * changed is told elsewhere and before: a kick says nothing but "look".
 */
#ifndef SHADOWPOOL_TRAPD_KICK_H
#define SHADOWPOOL_TRAPD_KICK_H

#include "trapd/cpu/vcpu.h"

/*
 * Make the vCPU leave KVM_RUN or end its sleep. A kick that comes before the vCPU enters KVM_RUN or goes to sleep is not lost: it
 * then does neither. Thread: any, with any lock but sleep_lock.
 */
void vcpu_kick(struct vcpu *v);
/* Kick every vCPU of the VM. Thread: any, with any lock but a sleep_lock. */
void vcpu_kick_all(struct machine *m);
/* Sleep until the next kick, which may have come already; the caller then looks at everything again. Thread: the vCPU's own. */
void vcpu_sleep(struct vcpu *v);
/*
 * Between these two the calling thread is the one that vcpu_kick() interrupts. After vcpu_kick_begin() the caller looks at
 * stop_is_requested(), because kicks of before were lost. Thread: the vCPU's own.
 */
void vcpu_kick_begin(struct vcpu *v);
void vcpu_kick_end(struct vcpu *v);

#endif
