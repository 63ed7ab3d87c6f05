/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions and software interrupts into the guest, through its IDT.
 */
#ifndef SHADOWPOOL_TRAPD_DELIVER_H
#define SHADOWPOOL_TRAPD_DELIVER_H

#include "trapd/cpu/vcpu.h"

/*
 * Deliver v->exc: CR2 and DR6 are set, the frame is pushed, CS:RIP, SS:RSP, RFLAGS and the CPL changed, v->exc.pending
 * cleared. Faults on the way are combined and delivered instead, up to the double fault; a triple fault and what is not
 * supported (task gates, rings 1 and 2) stop the VM.
 * Returns 0 or -ECANCELED. Nothing happens if no exception is pending.
 * Thread: the vCPU's own. Source: SDM vol. 3A 6.10 to 6.15, table 6-5; vol. 2A INT n.
 */
int deliver_exception(struct vcpu *v);

/* "#PF" and so on, "interrupt" for vectors that are no exception. For messages. */
const char *exception_name(uint8_t vector);

#endif
