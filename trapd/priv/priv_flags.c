/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt flag and IOPL where the real CPU does not keep them for the guest (64-bit code on some hosts), and
 * STAC and CLAC, which never work at the real CPL 3. Runs on the vCPU's thread.
 * Sources: SDM vol. 2A CLI, STI, PUSHF, POPF, STAC, CLAC.
 */
#include "common/counters.h"
#include "trapd/cpu/stack.h"
#include "trapd/priv/priv.h"

static bool iopl_allows(const struct cpu_state *c)
{
	return c->cpl <= (c->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT;
}

int priv_cli(struct vcpu *v, const struct insn *in)
{
	if (!iopl_allows(&v->cpu))
		return vcpu_raise(v, VEC_GP, 0);
	v->cpu.rflags &= ~RFLAGS_IF;
	return emulate_retire(v, in);
}

int priv_sti(struct vcpu *v, const struct insn *in)
{
	bool was_clear = !(v->cpu.rflags & RFLAGS_IF);

	if (!iopl_allows(&v->cpu))
		return vcpu_raise(v, VEC_GP, 0);
	v->cpu.rflags |= RFLAGS_IF;
	v->cpu.inhibit = was_clear;
	return emulate_retire(v, in);
}

int priv_pushf(struct vcpu *v, const struct insn *in)
{
	uint64_t flags = (v->cpu.rflags & ~(RFLAGS_RF | RFLAGS_VM)) | RFLAGS_FIXED;
	struct stack s;
	int ret;

	stack_current(v, &s);
	ret = stack_push(v, &s, &flags, 1, insn_stack_width(v, in), WRITE_CLASS_REUSE);
	if (ret)
		return ret;
	stack_commit(v, &s);
	counter_add(&v->stat[TRAP_STAT_flags_emulated], 1);
	return emulate_retire(v, in);
}

int priv_popf(struct vcpu *v, const struct insn *in)
{
	struct cpu_state *c = &v->cpu;
	unsigned width = insn_stack_width(v, in);
	uint64_t mask = RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | RFLAGS_OF | RFLAGS_NT;
	uint64_t flags, tf = c->rflags & RFLAGS_TF;
	struct stack s;
	int ret;

	stack_current(v, &s);
	ret = stack_pop(v, &s, &flags, 1, width);
	if (ret)
		return ret;
	if (width != 2)
		mask |= RFLAGS_AC | RFLAGS_ID;
	if (iopl_allows(c))
		mask |= RFLAGS_IF;
	if (c->cpl == 0)
		mask |= RFLAGS_IOPL;
	stack_commit(v, &s);
	counter_add(&v->stat[TRAP_STAT_flags_emulated], 1);
	/* A TF that POPF sets takes effect after the next instruction, one that was set traps now. */
	emulate_retire(v, in);
	c->rflags = (c->rflags & ~mask) | (flags & mask) | RFLAGS_FIXED;
	return emulate_step_trap(v, tf);
}

/* The root that AC selects is compared and changed at the next trap. */
int priv_ac(struct vcpu *v, const struct insn *in)
{
	if (v->cpu.cpl != 0)
		return vcpu_raise(v, VEC_UD, 0);
	v->ac_is_native = false;
	if (in->id == X86_INS_STAC)
		v->cpu.rflags |= RFLAGS_AC;
	else
		v->cpu.rflags &= ~RFLAGS_AC;
	return emulate_retire(v, in);
}
