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
 * Read and check the code segment that a far RET or IRET returns to: RPL not below the CPL, DPL rules, present, ring 0 or 3.
 * t->cs and t->cpl (the RPL) are set; nothing is loaded. Returns 0, -EFAULT (#GP, #NP), -ECANCELED (ring 1 or 2). Source: SDM
 * vol. 2 RET, IRET.
 */
int far_read_return_cs(struct vcpu *v, uint16_t selector, struct far_target *t);
/*
 * Read and check the stack segment that is popped with the code segment; t->cs and t->cpl must be set. Returns 0, -EFAULT (#GP,
 * #SS).
 */
int far_read_return_ss(struct vcpu *v, uint16_t selector, struct far_target *t);
/*
 * Check that t->rip is within the limit of t->cs, or canonical, and set the accessed bit of CS. Returns 0, -EFAULT (#GP(0), #PF).
 */
int far_check_rip(struct vcpu *v, struct far_target *t);
/* Load CS and RIP and, if t->switch_stack, SS:rSP. A return to an outer ring clears the data segments that it may not use. */
void far_commit(struct vcpu *v, const struct far_target *t);

/*
 * Carry out SYSCALL: RCX (gets next_rip, the address behind the instruction), R11, CS, SS, RIP and RFLAGS. v->cpu.rip must be
 * that of the instruction. Returns 0, or -EFAULT: #UD outside long mode or without EFER.SCE, or #DB of the single step.
 */
int syscall_enter(struct vcpu *v, uint64_t next_rip);

#endif
