// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unprivileged instructions that no trap leads to and that only look-ahead runs: LEA, NOP, PUSH and POP, PUSHA and POPA, LEAVE,
 * near jumps, calls and returns, the flags CF and DF. Process trapd, the vCPU's own thread.
 * Sources: SDM vol. 2A CALL, CLD, Jcc, JMP, LEA, LEAVE; vol. 2B NOP, POP, POPA, PUSH, PUSHA, RET.
 */
#include <errno.h>

#include "trapd/cpu/seg.h"
#include "trapd/cpu/stack.h"
#include "trapd/emulate/emulate_priv.h"
#include "trapd/emulate/multiply.h"

static bool is_gpr(const struct operand *op)
{
	return op->type == OPERAND_REG && op->reg < GPR_COUNT && !op->is_sreg && !op->is_creg && !op->is_dreg;
}

static int plain_lea(struct vcpu *v, const struct insn *in)
{
	if (!is_gpr(&in->op[0]) || in->op[1].type != OPERAND_MEM)
		return -EOPNOTSUPP;
	insn_write_gpr(v, &in->op[0], insn_effective(v, in, &in->op[1]));
	return emulate_retire(v, in);
}

/* Capstone takes 90 with REX.B, which is XCHG with R8, for a NOP too. */
static int plain_nop(struct vcpu *v, const struct insn *in)
{
	const uint8_t *last = &in->bytes[in->length - 1];

	if (*last == 0x90 && in->length > 1 && (last[-1] & 0xf0) == 0x40)
		return -EOPNOTSUPP;
	return emulate_retire(v, in);
}

/* Capstone's sizes of what PUSH and branches read are wrong under redundant prefixes. */
static int sized_load(struct vcpu *v, const struct insn *in, unsigned size, uint64_t *value)
{
	struct operand from = in->op[0];

	if (from.type == OPERAND_REG && !is_gpr(&from))
		return -EOPNOTSUPP;
	from.size = (uint8_t)size;
	return operand_load(v, in, &from, value);
}

static int plain_push(struct vcpu *v, const struct insn *in)
{
	unsigned width = insn_stack_width(v, in);
	uint64_t value;
	struct stack s;
	int ret = 0;

	if (in->op[0].type == OPERAND_IMM)
		value = (uint64_t)(int32_t)in->op[0].imm;	/* sign-extended, also where capstone does not */
	else
		ret = sized_load(v, in, width, &value);
	if (ret)
		return ret;
	value &= emulate_mask(width);
	stack_current(v, &s);
	ret = stack_push(v, &s, &value, 1, width, WRITE_CLASS_REUSE);
	if (ret)
		return ret;
	stack_commit(v, &s);
	return emulate_retire(v, in);
}

static int plain_pop(struct vcpu *v, const struct insn *in)
{
	struct stack s;
	uint64_t value;
	int ret;

	if (!is_gpr(&in->op[0]))
		return -EOPNOTSUPP;
	stack_current(v, &s);
	ret = stack_pop(v, &s, &value, 1, insn_stack_width(v, in));
	if (ret)
		return ret;
	stack_commit(v, &s);
	insn_write_gpr(v, &in->op[0], value);	/* last: POP rSP keeps what was popped */
	return emulate_retire(v, in);
}

/* The registers from rAX to rDI, rSP as it was before (PUSHA), or passed over (POPA). */
static int plain_pusha(struct vcpu *v, const struct insn *in)
{
	uint64_t word[8];
	struct stack s;
	int ret;

	for (unsigned i = 0; i < 8; i++)
		word[i] = v->cpu.gpr[i] & emulate_mask(in->opsize);
	stack_current(v, &s);
	ret = stack_push(v, &s, word, 8, in->opsize, WRITE_CLASS_REUSE);
	if (ret)
		return ret;
	stack_commit(v, &s);
	return emulate_retire(v, in);
}

static int plain_popa(struct vcpu *v, const struct insn *in)
{
	uint64_t word[8];
	struct stack s;
	int ret;

	stack_current(v, &s);
	ret = stack_pop(v, &s, word, 8, in->opsize);
	if (ret)
		return ret;
	stack_commit(v, &s);
	for (unsigned i = 0; i < 8; i++) {
		const struct operand to = { .type = OPERAND_REG, .size = in->opsize, .reg = (uint8_t)(7 - i) };

		if (to.reg != GPR_RSP)
			insn_write_gpr(v, &to, word[i]);
	}
	return emulate_retire(v, in);
}

static int plain_leave(struct vcpu *v, const struct insn *in)
{
	unsigned width = insn_stack_width(v, in);
	const struct operand to = { .type = OPERAND_REG, .size = (uint8_t)width, .reg = GPR_RBP };
	struct stack s;
	uint64_t value;
	int ret;

	stack_current(v, &s);
	s.sp = v->cpu.gpr[GPR_RBP];
	ret = stack_pop(v, &s, &value, 1, width);
	if (ret)
		return ret;
	stack_commit(v, &s);
	insn_write_gpr(v, &to, value);
	return emulate_retire(v, in);
}

static int plain_flag(struct vcpu *v, const struct insn *in)
{
	uint64_t *flags = &v->cpu.rflags;

	switch (in->id) {
	case X86_INS_CLC: *flags &= ~RFLAGS_CF; break;
	case X86_INS_STC: *flags |= RFLAGS_CF; break;
	case X86_INS_CMC: *flags ^= RFLAGS_CF; break;
	case X86_INS_CLD: *flags &= ~RFLAGS_DF; break;
	default: *flags |= RFLAGS_DF; break;
	}
	return emulate_retire(v, in);
}

/*
 * Go to target. One that is not valid is left to the CPU, which raises #GP at the instruction, and so are 16-bit operand sizes:
 * CPUs differ there in 64-bit code.
 */
static int branch_to(struct vcpu *v, const struct insn *in, uint64_t target)
{
	uint64_t from = v->cpu.rip;

	v->cpu.rip = target & cpu_linear_mask(&v->cpu);
	if (in->opsize == 2 || cpu_operand_size(&v->cpu) == 2 || !seg_rip_is_valid(v)) {
		v->cpu.rip = from;
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The tail of a branch: RF, and #DB under TF, as for any instruction. */
static int branch_retire(struct vcpu *v)
{
	uint64_t tf = v->cpu.rflags & RFLAGS_TF;

	v->cpu.rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, tf);
}

/* Where a near branch leads: what it says, or what a register or memory holds. */
static int branch_operand(struct vcpu *v, const struct insn *in, uint64_t *target)
{
	if (in->op[0].type != OPERAND_IMM)
		return sized_load(v, in, cpu_code64(&v->cpu) ? 8 : in->opsize, target);
	*target = in->op[0].imm;
	return 0;
}

static int plain_jmp(struct vcpu *v, const struct insn *in)
{
	uint64_t target;
	int ret = branch_operand(v, in, &target);

	if (!ret)
		ret = branch_to(v, in, target);
	return ret ? ret : branch_retire(v);
}

static int plain_call(struct vcpu *v, const struct insn *in)
{
	uint64_t from = v->cpu.rip, next = from + in->length, target;
	struct stack s;
	int ret = branch_operand(v, in, &target);

	if (!ret)
		ret = branch_to(v, in, target);
	if (ret)
		return ret;
	stack_current(v, &s);
	next &= cpu_linear_mask(&v->cpu);
	ret = stack_push(v, &s, &next, 1, cpu_code64(&v->cpu) ? 8 : in->opsize, WRITE_CLASS_REUSE);
	if (ret) {
		v->cpu.rip = from;
		return ret;
	}
	stack_commit(v, &s);
	return branch_retire(v);
}

static int plain_ret(struct vcpu *v, const struct insn *in)
{
	struct stack s;
	uint64_t target;
	int ret;

	stack_current(v, &s);
	ret = stack_pop(v, &s, &target, 1, cpu_code64(&v->cpu) ? 8 : in->opsize);
	if (!ret)
		ret = branch_to(v, in, target);
	if (ret)
		return ret;
	if (in->noperands)
		s.sp += in->op[0].imm & 0xffff;
	stack_commit(v, &s);
	return branch_retire(v);
}

static const struct plain_row { insn_handler *run; bool conditional; uint8_t cc; } rows[X86_INS_ENDING] = {
	[X86_INS_LEA] = { plain_lea }, [X86_INS_NOP] = { plain_nop }, [X86_INS_PAUSE] = { plain_nop },
	[X86_INS_PUSH] = { plain_push }, [X86_INS_POP] = { plain_pop }, [X86_INS_LEAVE] = { plain_leave },
	[X86_INS_PUSHAL] = { plain_pusha }, [X86_INS_PUSHAW] = { plain_pusha },
	[X86_INS_POPAL] = { plain_popa }, [X86_INS_POPAW] = { plain_popa },
	[X86_INS_JMP] = { plain_jmp }, [X86_INS_CALL] = { plain_call }, [X86_INS_RET] = { plain_ret },
	[X86_INS_CLC] = { plain_flag }, [X86_INS_STC] = { plain_flag }, [X86_INS_CMC] = { plain_flag },
	[X86_INS_CLD] = { plain_flag }, [X86_INS_STD] = { plain_flag },
	[X86_INS_MUL] = { multiply_unsigned }, [X86_INS_IMUL] = { multiply_signed },
	[X86_INS_DIV] = { multiply_divide }, [X86_INS_IDIV] = { multiply_divide },
	[X86_INS_CBW] = { multiply_extend_low }, [X86_INS_CWDE] = { multiply_extend_low },
	[X86_INS_CDQE] = { multiply_extend_low },
	[X86_INS_CWD] = { multiply_extend_high }, [X86_INS_CDQ] = { multiply_extend_high },
	[X86_INS_CQO] = { multiply_extend_high },

	/* SDM vol. 1 appendix B */
	[X86_INS_JO] = { plain_jmp, true, 0 }, [X86_INS_JNO] = { plain_jmp, true, 1 },
	[X86_INS_JB] = { plain_jmp, true, 2 }, [X86_INS_JAE] = { plain_jmp, true, 3 },
	[X86_INS_JE] = { plain_jmp, true, 4 }, [X86_INS_JNE] = { plain_jmp, true, 5 },
	[X86_INS_JBE] = { plain_jmp, true, 6 }, [X86_INS_JA] = { plain_jmp, true, 7 },
	[X86_INS_JS] = { plain_jmp, true, 8 }, [X86_INS_JNS] = { plain_jmp, true, 9 },
	[X86_INS_JP] = { plain_jmp, true, 10 }, [X86_INS_JNP] = { plain_jmp, true, 11 },
	[X86_INS_JL] = { plain_jmp, true, 12 }, [X86_INS_JGE] = { plain_jmp, true, 13 },
	[X86_INS_JLE] = { plain_jmp, true, 14 }, [X86_INS_JG] = { plain_jmp, true, 15 },
};

int emulate_plain(struct vcpu *v, const struct insn *in)
{
	const struct plain_row *row = &rows[in->id < X86_INS_ENDING ? in->id : X86_INS_INVALID];
	int ret;

	/* PAUSE is NOP with F3. */
	if (!row->run || in->lock || in->repne || (in->rep && in->id != X86_INS_PAUSE))
		return -EOPNOTSUPP;
	if (row->conditional && !emulate_condition(row->cc, v->cpu.rflags))
		ret = emulate_retire(v, in);
	else
		ret = row->run(v, in);
	if (!ret)
		v->cpu.inhibit = false;
	return ret;
}
