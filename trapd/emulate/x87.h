/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 instructions that KVM does not carry out: hosts without hardware virtualisation emulate 32-bit code and know hardly any
 * of them, so they raise #UD. trapd carries them out with its own FPU on the guest's state. Sources: SDM vol. 1 chapter 8,
 * vol. 2A FADD to FYL2XP1, vol. 2D table A-7 to A-22 (escape opcodes), vol. 1 10.5.1 (FXSAVE image).
 */
#ifndef SHADOWPOOL_TRAPD_X87_H
#define SHADOWPOOL_TRAPD_X87_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/insn/insn.h"

#define X87_SW_IE	(1u << 0)
#define X87_SW_OE	(1u << 3)
#define X87_SW_UE	(1u << 4)
#define X87_SW_ES	(1u << 7)	/* an exception that is not masked is pending */
#define X87_MEMORY_MAX	108		/* bytes: FNSAVE, FRSTOR */

/* The head of an FXSAVE64 image, up to the registers. */
struct x87_image {
	uint16_t control, status;
	uint8_t tags, zero;		/* tags: one bit a register, 1: not empty */
	uint16_t opcode;
	uint64_t ip, data;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
};

struct x87_form {
	uint8_t opcode, modrm;		/* D8 to DF */
	uint8_t size;			/* bytes of the memory operand, 0: none */
	bool stores;			/* it is written, else read */
	bool waits;			/* a pending exception raises #MF first */
	bool control;			/* does not touch the last instruction's pointers */
};

/* Is this an x87 instruction that is defined, with a 32-bit (or 64-bit) image if it has one? Pure. */
bool x87_form(uint8_t opcode, uint8_t modrm, struct x87_form *out);
/*
 * Carry it out on the calling thread's FPU, whose own state stays as it is. image, memory (form.size bytes: read or written),
 * rax (FNSTSW) and rflags (FCMOVcc, FCOMI) are the guest's, and are changed as the instruction does. The caller has made sure
 * that no exception is pending in image if the form waits. form comes from x87_form().
 */
void x87_execute(const struct x87_form *form, struct x87_image *image, void *memory, uint64_t *rax, uint64_t *rflags);
/* x87_run.S */
struct x87_run;
void x87_run(struct x87_run *run, const void *code);
extern const uint8_t x87_code[8][72][4];

/*
 * The guest's instruction at RIP, after #UD. Thread: the vCPU's. 0; -EFAULT: its fault, raised; -EOPNOTSUPP: no x87
 * instruction, or not defined; other: vcpu.h.
 */
int x87_emulate(struct vcpu *v, const struct insn *in);

#endif
