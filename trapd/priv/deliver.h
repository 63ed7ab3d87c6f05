/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery: exceptions, software interrupts and external interrupts go into the guest through its IDT.
 */
#ifndef SHADOWPOOL_TRAPD_DELIVER_H
#define SHADOWPOOL_TRAPD_DELIVER_H

#include "trapd/cpu/vcpu.h"

/*
 * Deliver v->exc: CR2 and DR6 are set, the frame is pushed, CS:RIP, SS:RSP, RFLAGS and the CPL change, v->exc.pending is cleared.
 * A fault on the way is combined with v->exc and delivered instead, up to the double fault. A triple fault stops the VM, and so
 * does what is not supported: task gates, rings 1 and 2. Returns 0, also if no exception is pending; -EAGAIN: the guest's tables
 * changed under the walk, nothing was done; -ECANCELED. Thread: the vCPU's own. Source: SDM vol. 3A 6.10 to 6.15, table 6-5; vol.
 * 2A INT n.
 */
int deliver_exception(struct vcpu *v);

/* Name of a vector for messages: "#PF" and its like, "interrupt" for a vector that is no exception. */
const char *deliver_exception_name(uint8_t vector);

#endif
