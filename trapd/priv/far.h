/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control transfers between segments and privilege levels: what far RET and IRET share, and SYSCALL for hosts where it does
 * not fault at the instruction. Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_FAR_H
#define SHADOWPOOL_TRAPD_FAR_H

#include "trapd/cpu/desc.h"
#include "trapd/cpu/vcpu.h"

/* Where a transfer leads. */
struct far_target {
	struct descriptor cs;
	uint64_t rip;
	uint8_t cpl;
	bool switch_stack;	/* SS:rSP were popped */
	struct segment ss;
	uint64_t rsp;
};

/*
 * CS of a far RET or IRET: RPL not below the CPL, DPL rules, present, ring 0 or 3. t->cpl gets the RPL. Nothing is loaded.
 * 0, -EFAULT (#GP, #NP), -ECANCELED. Source: SDM vol. 2 RET, IRET.
 */
int far_read_return_cs(struct vcpu *v, uint16_t selector, struct far_target *t);
/* SS that comes with it; t->cs and t->cpl are set. 0, -EFAULT (#GP, #SS). */
int far_read_return_ss(struct vcpu *v, uint16_t selector, struct far_target *t);
/* Is t->rip within the limit of, or canonical for, t->cs? #GP(0) if not. The accessed bit of CS is set. */
int far_check_rip(struct vcpu *v, struct far_target *t);
/* Load CS, RIP and, if switch_stack, SS:rSP. An outward return clears data segments that the outer level may not use. */
void far_commit(struct vcpu *v, const struct far_target *t);

/*
 * SYSCALL, with the RIP of the next instruction: RCX, R11, CS, SS, RIP and RFLAGS. #UD unless long mode and EFER.SCE.
 * v->cpu.rip must be the SYSCALL instruction. 0, -EFAULT (#UD, #DB).
 */
int syscall_enter(struct vcpu *v, uint64_t next_rip);

#endif
