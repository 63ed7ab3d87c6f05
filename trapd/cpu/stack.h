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
	uint64_t sp;		/* the stack pointer register as a whole */
	uint64_t mask;		/* bits of it that address the stack: 0xffff, 0xffffffff or all */
	bool flat;		/* 64-bit mode: there is no base and no limit, addresses must be canonical */
	unsigned gva_flags;	/* 0: accesses are made at the virtual CPL; GVA_SUPERVISOR: it is the stack of an inner ring */
	uint16_t error;		/* error code of an #SS that an access to it raises */
};

/* The stack at SS:rSP. */
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
/* Load the stack pointer register with s->sp; of a 16-bit stack only the low 16 bits change. */
void stack_commit(struct vcpu *v, const struct stack *s);

#endif
