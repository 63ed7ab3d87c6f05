/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU reads from the guest's current TSS: stacks of inner privilege levels and the I/O permission bitmap.
 * Sources: SDM vol. 3A 7.2.1 (32-bit), 7.6 (16-bit), 7.7 (64-bit); vol. 1 18.5.2 (I/O bitmap).
 * Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_TSS_H
#define SHADOWPOOL_TRAPD_TSS_H

#include "trapd/cpu/vcpu.h"

/* Legacy mode: SSn:ESPn of a privilege level 0 to 2. Beyond the limit: #TS(TR). */
int tss_stack(struct vcpu *v, unsigned level, uint16_t *ss, uint64_t *sp);
/* Long mode: RSPn. Beyond the limit: #TS(TR); not canonical: #SS(0). */
int tss_rsp(struct vcpu *v, unsigned level, uint64_t *rsp);
/* Long mode: interrupt stack ist, 1 to 7. Errors as tss_rsp(). */
int tss_ist(struct vcpu *v, unsigned ist, uint64_t *rsp);
/* May the guest use size ports from port? Looks at CPL, IOPL and, if they say no, the bitmap. 0; -EFAULT (#GP(0), #PF). */
int tss_check_io(struct vcpu *v, uint16_t port, unsigned size);

#endif
