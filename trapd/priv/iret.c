/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IRET in all modes but virtual-8086 and task returns, which stop the VM. Runs on the vCPU's thread.
 * Source: SDM vol. 2A IRET/IRETD/IRETQ; vol. 3A 6.12.1, 6.14.3.
 */
#include "common/counters.h"
#include "trapd/cpu/stack.h"
#include "trapd/cpu/stop.h"
#include "trapd/priv/far.h"
#include "trapd/priv/priv.h"

#define FLAGS_ALWAYS	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_DF | RFLAGS_OF | RFLAGS_NT)

/* Which flags IRET loads: by operand size, CPL and IOPL before the return. */
static uint64_t loaded_flags(const struct cpu_state *c, unsigned size)
{
	uint64_t mask = FLAGS_ALWAYS;

	if (size != 2)
		mask |= RFLAGS_RF | RFLAGS_AC | RFLAGS_ID;
	if (c->cpl <= (c->rflags & RFLAGS_IOPL) >> RFLAGS_IOPL_SHIFT)
		mask |= RFLAGS_IF;
	if (c->cpl == 0)
		mask |= RFLAGS_IOPL;
	return mask;
}

/* Nested tasks and virtual-8086 mode. */
static int check_unsupported(struct vcpu *v)
{
	if (!(v->cpu.rflags & RFLAGS_NT))
		return 0;
	if (cpu_long_mode(&v->cpu))
		return vcpu_raise(v, VEC_GP, 0);
	return vcpu_stop(v, VM_STOP_FAULT, "IRET with NT=1 at %#llx: hardware task switches are not supported",
			 (unsigned long long)v->cpu.rip);
}

int iret_insn(struct vcpu *v, const struct insn *in)
{
	struct cpu_state *c = &v->cpu;
	bool tf = c->rflags & RFLAGS_TF, long_mode = cpu_long_mode(c);
	struct far_target t = { 0 };
	uint64_t word[3], stack_word[2], mask;
	struct stack s;
	int ret = check_unsupported(v);

	if (ret)
		return ret;
	stack_current(v, &s);
	ret = stack_pop(v, &s, word, 3, in->opsize);
	if (ret)
		return ret;
	if (!long_mode && c->cpl == 0 && (word[2] & RFLAGS_VM))
		return vcpu_stop(v, VM_STOP_FAULT, "IRET to virtual-8086 mode at %#llx is not supported",
				 (unsigned long long)c->rip);
	ret = far_read_return_cs(v, word[1] & 0xffff, &t);
	if (ret)
		return ret;
	t.rip = word[0];
	if (t.cpl > c->cpl || cpu_code64(c)) {
		ret = stack_pop(v, &s, stack_word, 2, in->opsize);
		if (!ret)
			ret = far_read_return_ss(v, stack_word[1] & 0xffff, &t);
		if (ret)
			return ret;
		t.rsp = stack_word[0];
	}
	ret = far_check_rip(v, &t);
	if (ret)
		return ret;
	mask = loaded_flags(c, in->opsize);
	stack_commit(v, &s);
	far_commit(v, &t);
	/* The #GP that brought us here left RF set: it is never the guest's. */
	c->rflags = (c->rflags & ~mask & ~RFLAGS_RF) | (word[2] & mask) | RFLAGS_FIXED;
	counter_add(&v->stat[TRAP_STAT_iret_emulated], 1);
	return emulate_step_trap(v, tf);
}
