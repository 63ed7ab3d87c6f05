// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unprivileged instructions that no trap leads to and that only look-ahead runs: LEA, NOP, PUSH and POP of registers and
 * immediates, near jumps and calls to where the instruction says, near returns. Process trapd, the vCPU's own thread.
 * Sources: SDM vol. 2A CALL, Jcc, JMP, LEA; vol. 2B NOP, POP, PUSH, RET.
 */
#include <errno.h>

#include "trapd/emulate_priv.h"
#include "trapd/priv.h"
#include "trapd/seg.h"
#include "trapd/stack.h"

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

static int plain_push(struct vcpu *v, const struct insn *in)
{
	unsigned width = priv_stack_width(v, in);
	uint64_t value;
	struct stack s;
	int ret;

	if (in->op[0].type == OPERAND_IMM)
		value = (uint64_t)(int32_t)in->op[0].imm;	/* sign-extended, also where capstone does not */
	else if (is_gpr(&in->op[0]))
		value = insn_read_gpr(v, &in->op[0]);
	else
		return -EOPNOTSUPP;
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
	ret = stack_pop(v, &s, &value, 1, priv_stack_width(v, in));
	if (ret)
		return ret;
	stack_commit(v, &s);
	insn_write_gpr(v, &in->op[0], value);	/* last: POP rSP keeps what was popped */
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
	return priv_branched(v, tf);
}

static int plain_jmp(struct vcpu *v, const struct insn *in)
{
	int ret = in->op[0].type == OPERAND_IMM ? branch_to(v, in, in->op[0].imm) : -EOPNOTSUPP;

	return ret ? ret : branch_retire(v);
}

static int plain_call(struct vcpu *v, const struct insn *in)
{
	uint64_t from = v->cpu.rip, next = from + in->length;
	struct stack s;
	int ret = in->op[0].type == OPERAND_IMM ? branch_to(v, in, in->op[0].imm) : -EOPNOTSUPP;

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

	if (in->noperands)
		return -EOPNOTSUPP;
	stack_current(v, &s);
	ret = stack_pop(v, &s, &target, 1, cpu_code64(&v->cpu) ? 8 : in->opsize);
	if (!ret)
		ret = branch_to(v, in, target);
	if (ret)
		return ret;
	stack_commit(v, &s);
	return branch_retire(v);
}

/* In the order of the condition codes, SDM vol. 1 appendix B. */
static const unsigned conditional[16] = {
	X86_INS_JO, X86_INS_JNO, X86_INS_JB, X86_INS_JAE, X86_INS_JE, X86_INS_JNE, X86_INS_JBE, X86_INS_JA,
	X86_INS_JS, X86_INS_JNS, X86_INS_JP, X86_INS_JNP, X86_INS_JL, X86_INS_JGE, X86_INS_JLE, X86_INS_JG,
};

static int plain_jcc(struct vcpu *v, const struct insn *in)
{
	for (unsigned cc = 0; cc < 16; cc++) {
		if (conditional[cc] != in->id)
			continue;
		if (!emulate_condition(cc, v->cpu.rflags))
			return emulate_retire(v, in);
		return plain_jmp(v, in);
	}
	return -EOPNOTSUPP;
}

static const struct plain_row { unsigned id; priv_handler *run; } rows[] = {
	{ X86_INS_LEA, plain_lea }, { X86_INS_NOP, plain_nop }, { X86_INS_PUSH, plain_push }, { X86_INS_POP, plain_pop },
	{ X86_INS_JMP, plain_jmp }, { X86_INS_CALL, plain_call }, { X86_INS_RET, plain_ret },
};

int emulate_plain(struct vcpu *v, const struct insn *in)
{
	priv_handler *run = plain_jcc;
	int ret;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].id == in->id)
			run = rows[i].run;
	if (in->lock || in->rep || in->repne)
		return -EOPNOTSUPP;
	ret = run(v, in);
	if (!ret)
		v->cpu.inhibit = false;
	return ret;
}
