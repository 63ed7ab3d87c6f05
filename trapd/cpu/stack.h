/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames on a guest stack: what delivery, far calls and returns push and pop, with the stack-size, limit and canonical
 * rules of the stack's mode. Source: SDM vol. 1 6.2, vol. 3A 6.12.1, 6.14.2.
 * Thread: the vCPU's own. Return values: vcpu.h.
 */
#ifndef SHADOWPOOL_TRAPD_STACK_H
#define SHADOWPOOL_TRAPD_STACK_H

#include "common/write_class.h"
#include "trapd/cpu/vcpu.h"

#define STACK_FRAME_MAX 40u	/* words: a call gate's 31 parameters and what goes with them */

struct stack {
	struct segment ss;
	uint64_t sp;		/* whole register; the bits in mask take part */
	uint64_t mask;		/* 0xffff, 0xffffffff or ~0 */
	bool flat;		/* 64-bit mode: no base, no limit, canonical addresses */
	unsigned gva_flags;	/* 0: the current CPL; GVA_SUPERVISOR: a stack switched to */
	uint16_t error;		/* error code of #SS */
};

/* The stack that SS:rSP name now. */
void stack_current(const struct vcpu *v, struct stack *s);
/* The 64-bit stack of a handler at privilege level cpl. */
void stack_flat(struct stack *s, uint64_t rsp, uint8_t cpl);
/*
 * The stack of an inner privilege level, from the TSS; *ss gets what SS will be (null in long mode). Nothing is loaded.
 * 0, -EFAULT (#TS, #SS, #PF).
 */
int stack_inner(struct vcpu *v, uint8_t cpl, struct segment *ss, struct stack *s);

/*
 * Push n words of 2, 4 or 8 bytes, word[0] first, checked whole before the first store; s->sp moves on success.
 * 0, -EFAULT (#SS, #PF).
 */
int stack_push(struct vcpu *v, struct stack *s, const uint64_t *word, unsigned n, unsigned size, enum write_class class);
/* Pop n words, zero-extended; s->sp moves on success. 0, -EFAULT. */
int stack_pop(struct vcpu *v, struct stack *s, uint64_t *word, unsigned n, unsigned size);
/* Store s->sp in rSP: bits outside the mask of a 16-bit stack are kept. */
void stack_commit(struct vcpu *v, const struct stack *s);

#endif
