/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the memory emulator: one row per instruction id, handlers by form of the operands, arithmetic as pure functions.
 */
#ifndef SHADOWPOOL_TRAPD_EMULATE_PRIV_H
#define SHADOWPOOL_TRAPD_EMULATE_PRIV_H

#include "trapd/insn/insn.h"

/*
 * result = alu(dst, src) in size bytes; operands come zero-extended, the result is masked. *rflags: the six arithmetic
 * flags are changed as the instruction does, everything else is kept. Flags that the manual calls undefined are set as
 * most CPUs do, or kept.
 */
typedef uint64_t emulate_alu(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags);

struct emulate_row {
	/* 0: done, RIP is still to be advanced; EMULATE_AGAIN: done so far, RIP stays; else as in vcpu.h */
	int (*run)(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
	emulate_alu *alu;
	uint8_t arg;		/* condition code; string operand bytes */
	bool lockable;		/* LOCK is allowed with a memory destination */
};

#define EMULATE_AGAIN	1

#define RFLAGS_ARITHMETIC (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

emulate_alu alu_add, alu_adc, alu_sub, alu_sbb, alu_and, alu_or, alu_xor, alu_inc, alu_dec, alu_neg, alu_not, alu_second;
emulate_alu alu_shl, alu_shr, alu_sar, alu_rol, alu_ror, alu_rcl, alu_rcr;
emulate_alu alu_bt, alu_bts, alu_btr, alu_btc;

static inline uint64_t emulate_mask(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << size * 8) - 1;
}

/* NULL: not emulated in this form. */
const struct emulate_row *emulate_find(const struct insn *in);
/* Condition cc (0 to 15, SDM vol. 1 appendix B) under rflags. */
bool emulate_condition(unsigned cc, uint64_t rflags);
/* Event class of a store by this instruction at gva. */
unsigned emulate_class(struct vcpu *v, const struct insn *in, uint64_t gva);

/* Operand values, zero-extended from their size. Loads and stores of memory fault as vcpu.h says. */
int operand_load(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t *value);
int operand_store(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t value);
/*
 * Read-modify-write of memory at gva: flags are committed, *old gets the value before. One host atomic if aligned in RAM;
 * otherwise, without LOCK, a load and a store; -EOPNOTSUPP for a misaligned LOCK.
 */
int emulate_rmw(struct vcpu *v, const struct insn *in, uint64_t gva, unsigned size, emulate_alu *alu, uint64_t src,
		uint64_t *old);

int emulate_mov(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_movsx(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_movbe(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_cmov(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_setcc(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_binary(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_compare(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_bit(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_xchg(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_xadd(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_cmpxchg(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_cmpxchg8b(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_cmpxchg16b(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_movs(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_stos(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_lods(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_cmps(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
int emulate_scas(struct vcpu *v, const struct insn *in, const struct emulate_row *row);

#endif
