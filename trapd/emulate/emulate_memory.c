// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which instructions that access memory are emulated, and what all of them have in common. Process trapd, the vCPU's own
 * thread. SSE, AVX and x87 are absent on purpose: those registers live in the real CPU, the caller steps or unshadows.
 */
#include <errno.h>

#include "trapd/emulate/emulate_priv.h"
#include "trapd/emulate/insn_writes.h"

#define MOVE(handler)		{ emulate_##handler, NULL, 0, false }
#define CONDITION(handler, cc)	{ emulate_##handler, NULL, cc, false }
#define BINARY(op)		{ emulate_binary, alu_##op, 0, true }
#define SHIFT(op)		{ emulate_binary, alu_##op, 0, false }
#define COMPARE(op)		{ emulate_compare, alu_##op, 0, false }
#define BIT(op, lockable)	{ emulate_bit, alu_##op, 0, lockable }
#define EXCHANGE(handler)	{ emulate_##handler, NULL, 0, true }
#define STRING(handler, bytes)	{ emulate_##handler, NULL, bytes, false }

static const struct emulate_row rows[X86_INS_ENDING] = {
	[X86_INS_MOV] = MOVE(mov), [X86_INS_MOVABS] = MOVE(mov), [X86_INS_MOVZX] = MOVE(mov),
	[X86_INS_MOVSX] = MOVE(movsx), [X86_INS_MOVSXD] = MOVE(movsx), [X86_INS_MOVBE] = MOVE(movbe),
	[X86_INS_MOVNTI] = MOVE(mov),

	[X86_INS_ADD] = BINARY(add), [X86_INS_ADC] = BINARY(adc), [X86_INS_SUB] = BINARY(sub), [X86_INS_SBB] = BINARY(sbb),
	[X86_INS_AND] = BINARY(and), [X86_INS_OR] = BINARY(or), [X86_INS_XOR] = BINARY(xor),
	[X86_INS_INC] = BINARY(inc), [X86_INS_DEC] = BINARY(dec), [X86_INS_NEG] = BINARY(neg), [X86_INS_NOT] = BINARY(not),
	[X86_INS_SHL] = SHIFT(shl), [X86_INS_SAL] = SHIFT(shl), [X86_INS_SHR] = SHIFT(shr), [X86_INS_SAR] = SHIFT(sar),
	[X86_INS_ROL] = SHIFT(rol), [X86_INS_ROR] = SHIFT(ror), [X86_INS_RCL] = SHIFT(rcl), [X86_INS_RCR] = SHIFT(rcr),
	[X86_INS_CMP] = COMPARE(sub), [X86_INS_TEST] = COMPARE(and),
	[X86_INS_BT] = BIT(bt, false), [X86_INS_BTS] = BIT(bts, true), [X86_INS_BTR] = BIT(btr, true),
	[X86_INS_BTC] = BIT(btc, true),

	[X86_INS_XCHG] = EXCHANGE(xchg), [X86_INS_XADD] = EXCHANGE(xadd), [X86_INS_CMPXCHG] = EXCHANGE(cmpxchg),
	[X86_INS_CMPXCHG8B] = EXCHANGE(cmpxchg8b), [X86_INS_CMPXCHG16B] = EXCHANGE(cmpxchg16b),

	[X86_INS_SETO] = CONDITION(setcc, 0), [X86_INS_SETNO] = CONDITION(setcc, 1), [X86_INS_SETB] = CONDITION(setcc, 2),
	[X86_INS_SETAE] = CONDITION(setcc, 3), [X86_INS_SETE] = CONDITION(setcc, 4), [X86_INS_SETNE] = CONDITION(setcc, 5),
	[X86_INS_SETBE] = CONDITION(setcc, 6), [X86_INS_SETA] = CONDITION(setcc, 7), [X86_INS_SETS] = CONDITION(setcc, 8),
	[X86_INS_SETNS] = CONDITION(setcc, 9), [X86_INS_SETP] = CONDITION(setcc, 10), [X86_INS_SETNP] = CONDITION(setcc, 11),
	[X86_INS_SETL] = CONDITION(setcc, 12), [X86_INS_SETGE] = CONDITION(setcc, 13), [X86_INS_SETLE] = CONDITION(setcc, 14),
	[X86_INS_SETG] = CONDITION(setcc, 15),
	[X86_INS_CMOVO] = CONDITION(cmov, 0), [X86_INS_CMOVNO] = CONDITION(cmov, 1), [X86_INS_CMOVB] = CONDITION(cmov, 2),
	[X86_INS_CMOVAE] = CONDITION(cmov, 3), [X86_INS_CMOVE] = CONDITION(cmov, 4), [X86_INS_CMOVNE] = CONDITION(cmov, 5),
	[X86_INS_CMOVBE] = CONDITION(cmov, 6), [X86_INS_CMOVA] = CONDITION(cmov, 7), [X86_INS_CMOVS] = CONDITION(cmov, 8),
	[X86_INS_CMOVNS] = CONDITION(cmov, 9), [X86_INS_CMOVP] = CONDITION(cmov, 10), [X86_INS_CMOVNP] = CONDITION(cmov, 11),
	[X86_INS_CMOVL] = CONDITION(cmov, 12), [X86_INS_CMOVGE] = CONDITION(cmov, 13), [X86_INS_CMOVLE] = CONDITION(cmov, 14),
	[X86_INS_CMOVG] = CONDITION(cmov, 15),

	[X86_INS_MOVSB] = STRING(movs, 1), [X86_INS_MOVSW] = STRING(movs, 2), [X86_INS_MOVSD] = STRING(movs, 4),
	[X86_INS_MOVSQ] = STRING(movs, 8),
	[X86_INS_STOSB] = STRING(stos, 1), [X86_INS_STOSW] = STRING(stos, 2), [X86_INS_STOSD] = STRING(stos, 4),
	[X86_INS_STOSQ] = STRING(stos, 8),
	[X86_INS_LODSB] = STRING(lods, 1), [X86_INS_LODSW] = STRING(lods, 2), [X86_INS_LODSD] = STRING(lods, 4),
	[X86_INS_LODSQ] = STRING(lods, 8),
	[X86_INS_CMPSB] = STRING(cmps, 1), [X86_INS_CMPSW] = STRING(cmps, 2), [X86_INS_CMPSD] = STRING(cmps, 4),
	[X86_INS_CMPSQ] = STRING(cmps, 8),
	[X86_INS_SCASB] = STRING(scas, 1), [X86_INS_SCASW] = STRING(scas, 2), [X86_INS_SCASD] = STRING(scas, 4),
	[X86_INS_SCASQ] = STRING(scas, 8),
};

/* Segment, control, debug, SSE and x87 registers are not what these handlers move. */
static bool operand_reachable(const struct operand *op)
{
	if (op->type != OPERAND_REG)
		return op->type == OPERAND_IMM || op->size <= 8;
	return op->reg < GPR_COUNT && !op->is_sreg && !op->is_creg && !op->is_dreg;
}

/* NULL: it is not emulated with these operands. */
static const struct emulate_row *find_row(const struct insn *in)
{
	if (in->id >= X86_INS_ENDING || !rows[in->id].run)
		return NULL;
	for (unsigned i = 0; i < in->noperands; i++)
		if (!operand_reachable(&in->op[i]) && in->id != X86_INS_CMPXCHG16B)
			return NULL;
	return &rows[in->id];
}

bool emulate_knows(const struct insn *in)
{
	return find_row(in);
}

unsigned emulate_class(struct vcpu *v, const struct insn *in, uint64_t gva)
{
	struct insn_write write;

	insn_classify_write(v, in, gva, insn_entry_size(v), &write);
	return write.class;
}

int emulate_memory(struct vcpu *v, const struct insn *in)
{
	const struct emulate_row *row = find_row(in);
	int err;

	if (!row)
		return -EOPNOTSUPP;
	if (in->lock && !(row->lockable && in->op[0].type == OPERAND_MEM))
		return vcpu_raise(v, VEC_UD, 0);
	err = row->run(v, in, row);
	if (err < 0)
		return err;
	v->cpu.inhibit = false;
	if (!err)
		return emulate_retire(v, in);
	/* Between two iterations of REP: the CPU traps with RIP at the instruction (SDM vol. 3B 17.3.1.4). */
	return emulate_step_trap(v, v->cpu.rflags & RFLAGS_TF);
}
