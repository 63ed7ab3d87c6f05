/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One decoded guest instruction: what capstone says, reduced to what the emulator needs. Where capstone is wrong (operand sizes
 * of FXSAVE and XSAVE, moffs, prefixes; doc/spec/host-facts.md, Capstone) it is corrected here.
 */
#ifndef SHADOWPOOL_TRAPD_INSN_H
#define SHADOWPOOL_TRAPD_INSN_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trapd/cpu/vcpu.h"

enum operand_type { OPERAND_NONE, OPERAND_REG, OPERAND_MEM, OPERAND_IMM };

struct operand {
	enum operand_type type;
	uint8_t size;		/* bytes */
	uint8_t reg;		/* enum gpr; 0xff: a register of x87, SSE or another kind */
	bool high;		/* the operand is AH, CH, DH or BH */
	bool is_sreg, is_creg, is_dreg;	/* reg is the number of a segment, control or debug register, and no enum gpr */
	uint64_t imm;
	/* OPERAND_MEM: parts of the effective address; base and index are enum gpr, 0xff: none */
	uint8_t base, index, scale;
	bool rip_relative;
	int64_t disp;
	enum sreg segment;	/* segment register in force: the default one, or that of an override prefix */
};

struct insn {
	unsigned id;		/* X86_INS_* */
	uint8_t bytes[15];
	uint8_t length;
	uint8_t opsize;		/* effective operand size: 2, 4, 8 */
	uint8_t addrsize;	/* 2, 4, 8 */
	bool lock, rep, repne;
	uint8_t noperands;
	struct operand op[4];
};

/* A function that carries out the instructions of one row of a table. Return values: vcpu.h. */
typedef int insn_handler(struct vcpu *v, const struct insn *in);

/*
 * Fetch the instruction at CS:RIP (v->cpu.rip) through the guest's tables, up to 15 bytes, and decode it. Returns 0; -EFAULT: the
 * fetch itself faults, and #PF, or #GP for bytes beyond the limit of CS, is raised; -EOPNOTSUPP: capstone does not know the
 * instruction. Thread: the vCPU's own.
 */
int insn_fetch(struct vcpu *v, struct insn *out);
/*
 * Decode n bytes. code_bits: 16, 32 or 64, by the code segment. rip: where the bytes lie in the guest, for RIP-relative operands.
 * Returns 0, or -EOPNOTSUPP if capstone does not know the instruction. Thread: any; each has its own decoder.
 */
int insn_decode(const uint8_t *bytes, unsigned n, unsigned code_bits, uint64_t rip, struct insn *out);
/*
 * Mnemonic and operands of an instruction that insn_decode() has decoded with these code_bits and rip, for reports: in->bytes is
 * decoded once more, because the text is wanted so seldom. text: at least 1 byte, INSN_TEXT for all of it. Thread: any.
 */
#define INSN_TEXT	80u
void insn_text(const struct insn *in, unsigned code_bits, uint64_t rip, char *text, size_t size);

/*
 * insn_linear(): the linear address of a memory operand of size bytes, with the base of its segment, cut to the width of the
 * mode; the segment's limit and type are checked, or in 64-bit code that the address is canonical. Returns 0, or -EFAULT (#GP or
 * #SS raised). insn_effective(): the offset in the segment alone, unchecked.
 */
int insn_linear(struct vcpu *v, const struct insn *in, const struct operand *op, unsigned size, bool write, uint64_t *gva);
uint64_t insn_effective(const struct vcpu *v, const struct insn *in, const struct operand *op);
/*
 * Bytes between the memory operand of a BT, BTS, BTR or BTC and the word that it really accesses: a bit offset in a register is
 * signed and selects the word (SDM vol. 2A BT). offset: operand 1 of the instruction; index: its value; size: bytes of a word.
 * Returns 0 for an immediate offset.
 */
int64_t insn_bit_displacement(const struct operand *offset, uint64_t index, unsigned size);

/* The instruction's memory operand, or NULL. */
static inline const struct operand *insn_memory(const struct insn *in)
{
	for (unsigned i = 0; i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM)
			return &in->op[i];
	return NULL;
}

/* Bytes that PUSH, POP, PUSHF, POPF and LEAVE move (SDM vol. 1 6.2.3). */
static inline unsigned insn_stack_width(const struct vcpu *v, const struct insn *in)
{
	return cpu_code64(&v->cpu) && in->opsize != 2 ? 8 : in->opsize;
}

uint64_t insn_read_gpr(const struct vcpu *v, const struct operand *op);
/*
 * Write a general register as the CPU does: a 32-bit write clears the upper half, an 8- or 16-bit write leaves the rest as it
 * was.
 */
void insn_write_gpr(struct vcpu *v, const struct operand *op, uint64_t value);

#endif
