/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87 instructions that KVM does not carry out. Hosts without hardware virtualisation emulate 32-bit code and raise #UD for most
 * x87 instructions (doc/hosts.md, kind P). trapd carries these out with its own FPU on the guest's state. Sources: SDM vol. 1
 * chapter 8, vol. 2A FADD to FYL2XP1, vol. 2D table A-7 to A-22 (escape opcodes), vol. 1 10.5.1 (FXSAVE image).
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
#define X87_MEMORY_MAX	108		/* bytes of the largest memory operand, that of FNSAVE and FRSTOR */

/* The head of an FXSAVE64 image, up to the registers. */
struct x87_image {
	uint16_t control, status;
	uint8_t tags, zero;		/* tags: one bit for each register, 1: it is not empty */
	uint16_t opcode;
	uint64_t ip, data;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
};

struct x87_form {
	uint8_t opcode, modrm;		/* opcode: D8 to DF */
	uint8_t size;			/* bytes of the memory operand, 0: there is none */
	bool stores;			/* the memory operand is written; else it is read */
	bool waits;			/* an exception that is pending raises #MF before the instruction */
	bool control;			/* leaves the pointers to the last instruction and operand as they are */
};

/* Fill *out for an x87 instruction; false: these bytes are no defined one. Pure. */
bool x87_form(uint8_t opcode, uint8_t modrm, struct x87_form *out);
/*
 * Carry an instruction out on the calling thread's FPU, whose own state is saved and restored. The guest's state is image, memory
 * (form->size bytes, read or written), *rax (FNSTSW) and *rflags (FCMOVcc, FCOMI): all change as the instruction changes them.
 * form comes from x87_form(). If form->waits, the caller has made sure that no exception is pending in image.
 */
void x87_execute(const struct x87_form *form, struct x87_image *image, void *memory, uint64_t *rax, uint64_t *rflags);
/* x87_run.S: run one instruction of x87_code[] between loading and saving the guest's registers. For x87_execute() alone. */
struct x87_run;
void x87_run(struct x87_run *run, const void *code);
extern const uint8_t x87_code[8][72][4];

/*
 * Emulate the guest's x87 instruction at RIP, after #UD. Returns 0; -EFAULT: the instruction faults, its exception is raised;
 * -EOPNOTSUPP: it is no defined x87 instruction; others: vcpu.h. Thread: the vCPU's own.
 */
int x87_emulate(struct vcpu *v, const struct insn *in);

#endif
