/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the CPU reads from the guest's current TSS: stacks of inner privilege levels and the I/O permission bitmap.
 * Sources: SDM vol. 3A 7.2.1 (32-bit), 7.6 (16-bit), 7.7 (64-bit); vol. 1 18.5.2 (I/O bitmap).
 * Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_TSS_H
#define SHADOWPOOL_TRAPD_TSS_H

#include "trapd/cpu/vcpu.h"

/* Legacy mode: SS and ESP of privilege level 0, 1 or 2. #TS with TR as error code if they lie beyond the TSS's limit. */
int tss_stack(struct vcpu *v, unsigned level, uint16_t *ss, uint64_t *sp);
/*
 * Long mode: RSP of a privilege level. #TS with TR as error code if it lies beyond the TSS's limit; #SS(0) if it is not
 * canonical.
 */
int tss_rsp(struct vcpu *v, unsigned level, uint64_t *rsp);
/* Long mode: stack pointer of interrupt stack ist, 1 to 7. Exceptions as for tss_rsp(). */
int tss_ist(struct vcpu *v, unsigned ist, uint64_t *rsp);
/*
 * May guest code access size ports from port on? By CPL and IOPL, or else by the I/O permission bitmap. Returns 0, -EFAULT
 * (#GP(0) if it may not, #PF).
 */
int tss_check_io(struct vcpu *v, uint16_t port, unsigned size);

#endif
