/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the emulator share: a row for each instruction, handlers for each form of operands, arithmetic as pure
 * functions.
 */
#ifndef SHADOWPOOL_TRAPD_EMULATE_PRIV_H
#define SHADOWPOOL_TRAPD_EMULATE_PRIV_H

#include "trapd/emulate/emulate.h"

/*
 * An arithmetic operation on size bytes: dst and src are zero-extended, the result is cut to size. The six arithmetic flags in
 * *rflags change as the instruction changes them, all other bits are kept. Flags that the manual calls undefined are set as most
 * processors do, or kept. Pure.
 */
typedef uint64_t emulate_alu(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags);

struct emulate_row {
	/*
	 * Returns 0: done, the caller advances RIP; EMULATE_AGAIN: some iterations of a REP are done, RIP stays; else as in
	 * vcpu.h.
	 */
	int (*run)(struct vcpu *v, const struct insn *in, const struct emulate_row *row);
	emulate_alu *alu;
	uint8_t arg;		/* condition code of SETcc and CMOVcc; bytes of an operand of a string instruction */
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

/* Is condition cc (0 to 15, SDM vol. 1 appendix B) true under rflags? */
bool emulate_condition(unsigned cc, uint64_t rflags);
/* The class (enum write_class) of a store by this instruction at gva, for its write event. */
unsigned emulate_class(struct vcpu *v, const struct insn *in, uint64_t gva);

/* Load and store the value of an operand, zero-extended from its size. Return values for operands in memory: vcpu.h. */
int operand_load(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t *value);
int operand_store(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t value);
/*
 * Read-modify-write of memory at gva: v's flags change, *old gets the value that was there. An aligned operand in RAM is changed
 * by one host atomic; any other by a load and a store, or, with LOCK, not at all (-EOPNOTSUPP). Other return values: vcpu.h.
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
