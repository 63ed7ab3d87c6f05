/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One decoded guest instruction: what capstone says, reduced to what the emulator needs, with capstone's known errors
 * (access flags, operand sizes of fxsave and friends, moffs) corrected by our own table.
 */
#ifndef SHADOWPOOL_TRAPD_INSN_H
#define SHADOWPOOL_TRAPD_INSN_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/write_class.h"
#include "trapd/cpu/vcpu.h"

enum operand_type { OPERAND_NONE, OPERAND_REG, OPERAND_MEM, OPERAND_IMM };

struct operand {
	enum operand_type type;
	uint8_t size;		/* bytes */
	uint8_t reg;		/* enum gpr; for 8-bit registers high says AH..BH; 0xff: x87, SSE or another file */
	bool high;
	bool is_sreg, is_creg, is_dreg;	/* reg is then the number of the segment, control or debug register */
	uint64_t imm;
	/* memory: effective address parts; GPR numbers, 0xff none */
	uint8_t base, index, scale;
	bool rip_relative;
	int64_t disp;
	enum sreg segment;	/* default or override */
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
	char text[80];		/* mnemonic and operands, for reports; filled by insn_decode */
};

/*
 * Fetch up to 15 bytes at CS:RIP through the guest's tables and decode. v->cpu.rip is the instruction.
 * 0; -EFAULT: the fetch itself faults (#PF, or #GP beyond the CS limit), raised; -EOPNOTSUPP: capstone does not know it.
 */
int insn_fetch(struct vcpu *v, struct insn *out);
/* Decode from bytes; code_bytes 16, 32, 64 is the mode's width in bits. -EOPNOTSUPP if not decodable. */
int insn_decode(const uint8_t *bytes, unsigned n, unsigned code_bits, uint64_t rip, struct insn *out);

/* Linear address of a memory operand (segment base applied, truncated to the mode), and its limit / canonical check. */
int insn_linear(struct vcpu *v, const struct insn *in, const struct operand *op, unsigned size, bool write, uint64_t *gva);
uint64_t insn_effective(const struct vcpu *v, const struct insn *in, const struct operand *op);
/*
 * How far from its memory operand of size bytes a BT, BTS, BTR or BTC reaches: a bit offset in a register is signed and
 * selects the word (SDM vol. 2A BT). offset: operand 1 of the instruction, index its value. 0 for an immediate.
 */
int64_t insn_bit_displacement(const struct operand *offset, uint64_t index, unsigned size);

uint64_t insn_read_gpr(const struct vcpu *v, const struct operand *op);
/* 32-bit writes clear the upper half, 8- and 16-bit ones merge. */
void insn_write_gpr(struct vcpu *v, const struct operand *op, uint64_t value);

/* Bytes of a guest paging entry in the vCPU's paging mode: 4 or 8. */
unsigned insn_entry_size(const struct vcpu *v);
/* How this instruction writes memory (for the write policy), and whether our emulator knows it. gva_fault: CR2. */
struct insn_write { enum write_class class; unsigned size; bool emulated; uint64_t gva; };
void insn_classify_write(struct vcpu *v, const struct insn *in, uint64_t gva_fault, unsigned entry_size, struct insn_write *out);

/*
 * Emulate an instruction that accesses memory (mov family, ALU, bit, xchg family, string, push/pop/call where a table is
 * their stack is *not* included). Advances RIP (REP: by whole iterations, see emulate_mem.c), sets flags, posts events.
 * Return values: vcpu.h.
 */
int emulate_memory(struct vcpu *v, const struct insn *in);
/* Emulate a privileged or sensitive instruction after #GP or #UD. -EOPNOTSUPP: the guest gets its own exception. */
int emulate_privileged(struct vcpu *v, const struct insn *in);
/* The few unprivileged ones that neither of them knows: emulate_plain.c. -EOPNOTSUPP: none of them. */
int emulate_plain(struct vcpu *v, const struct insn *in);
/* RIP past the instruction, RF cleared, single-step #DB when TF is set. 0 or -EFAULT (#DB raised, instruction done). */
int emulate_retire(struct vcpu *v, const struct insn *in);

#endif
