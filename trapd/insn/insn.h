/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One decoded guest instruction: what capstone says, reduced to what the emulator needs. Where capstone is wrong (operand sizes
 * of FXSAVE and XSAVE, moffs, prefixes; doc/spec/host-facts.md, Capstone) it is corrected here.
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
	char text[80];		/* mnemonic and operands, for reports; filled by insn_decode */
};

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

uint64_t insn_read_gpr(const struct vcpu *v, const struct operand *op);
/*
 * Write a general register as the CPU does: a 32-bit write clears the upper half, an 8- or 16-bit write leaves the rest as it
 * was.
 */
void insn_write_gpr(struct vcpu *v, const struct operand *op, uint64_t value);

/* Bytes of one paging entry in the guest's paging mode: 4 or 8. */
unsigned insn_entry_size(const struct vcpu *v);
/*
 * How an instruction writes memory, for the write policy (doc/spec/pool.md section 6): its class, the bytes of one store and
 * where they go, and whether emulate_memory() can carry it out. gva_fault: CR2 of the fault. entry_size: insn_entry_size().
 * Changes nothing.
 */
struct insn_write { enum write_class class; unsigned size; bool emulated; uint64_t gva; };
void insn_classify_write(struct vcpu *v, const struct insn *in, uint64_t gva_fault, unsigned entry_size, struct insn_write *out);

/*
 * Emulate an instruction that accesses memory: moves, arithmetic, bit operations, exchanges, strings. PUSH, POP and CALL are not
 * among them. Sets flags, posts write events and advances RIP; under REP the registers advance by whole iterations, and RIP only
 * after the last one (emulate_string.c). Return values: vcpu.h. Thread: the vCPU's own.
 */
int emulate_memory(struct vcpu *v, const struct insn *in);
/* Emulate a privileged or sensitive instruction after #GP or #UD. -EOPNOTSUPP: it is none; the exception is the guest's own. */
int emulate_privileged(struct vcpu *v, const struct insn *in);
/*
 * Emulate one of the instructions on registers and stack that emulate_memory() and emulate_privileged() do not know. -EOPNOTSUPP:
 * it is none.
 */
int emulate_plain(struct vcpu *v, const struct insn *in);
/*
 * The end of an emulated instruction: RIP behind it, RF cleared, #DB raised if TF is set. Returns 0, or -EFAULT: #DB, the
 * instruction is done.
 */
int emulate_retire(struct vcpu *v, const struct insn *in);

#endif
