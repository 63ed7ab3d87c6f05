/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that load a data or stack segment register. Runs on the vCPU's thread; seg.c has the rules.
 * Sources: SDM vol. 2B MOV, POP; vol. 2A LDS/LES/LFS/LGS/LSS; vol. 3A 6.8.3 (masking after a load of SS).
 */
#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/cpu/seg.h"
#include "trapd/cpu/stack.h"
#include "trapd/priv/priv.h"

/* After MOV SS and POP SS interrupts and the single-step trap wait for the end of the next instruction. */
static int retire_load(struct vcpu *v, const struct insn *in, enum sreg sreg)
{
	uint64_t tf = v->cpu.rflags & RFLAGS_TF;

	if (sreg != SREG_SS)
		return emulate_retire(v, in);
	v->cpu.rflags &= ~RFLAGS_TF;
	emulate_retire(v, in);
	v->cpu.rflags |= tf;
	v->cpu.inhibit = true;
	return 0;
}

int priv_mov_sreg(struct vcpu *v, const struct insn *in)
{
	uint16_t selector;
	int ret;

	/* The other direction does not trap; MOV CS is undefined. */
	if (!in->op[0].is_sreg || in->op[0].reg == SREG_CS)
		return -EOPNOTSUPP;
	ret = priv_load16(v, in, &in->op[1], &selector);
	if (!ret)
		ret = seg_load(v, in->op[0].reg, selector);
	return ret ? ret : retire_load(v, in, in->op[0].reg);
}

int priv_pop_sreg(struct vcpu *v, const struct insn *in)
{
	struct stack s;
	uint64_t word;
	int ret;

	if (!in->op[0].is_sreg)
		return -EOPNOTSUPP;
	stack_current(v, &s);
	ret = stack_pop(v, &s, &word, 1, insn_stack_width(v, in));
	if (!ret)
		ret = seg_load(v, in->op[0].reg, word & 0xffff);
	if (ret)
		return ret;
	stack_commit(v, &s);
	return retire_load(v, in, in->op[0].reg);
}

int priv_load_far(struct vcpu *v, const struct insn *in)
{
	static const struct { unsigned id; enum sreg sreg; } target[] = {
		{ X86_INS_LDS, SREG_DS }, { X86_INS_LES, SREG_ES }, { X86_INS_LFS, SREG_FS }, { X86_INS_LGS, SREG_GS },
		{ X86_INS_LSS, SREG_SS },
	};
	uint64_t gva, offset = 0;
	uint16_t selector;
	unsigned i = 0;
	int ret;

	while (target[i].id != in->id)
		if (++i == sizeof(target) / sizeof(target[0]))
			return -EOPNOTSUPP;
	if (in->op[0].type != OPERAND_REG || in->op[1].type != OPERAND_MEM)
		return -EOPNOTSUPP;
	ret = insn_linear(v, in, &in->op[1], in->opsize + 2, false, &gva);
	if (!ret)
		ret = gva_read(v, gva, &offset, in->opsize, 0);
	if (!ret)
		ret = gva_read(v, (gva + in->opsize) & cpu_linear_mask(&v->cpu), &selector, 2, 0);
	if (!ret)
		ret = seg_load(v, target[i].sreg, selector);
	if (ret)
		return ret;
	insn_write_gpr(v, &in->op[0], offset);
	/* LSS loads SS and SP in one instruction: it needs no shadow. */
	return emulate_retire(v, in);
}
