/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HLT, INVLPG, INVD, WBINVD, FWAIT, and instructions that this CPU does not announce. Runs on the vCPU's thread.
 * Sources: SDM vol. 2A HLT, INVD, INVLPG; vol. 2B WBINVD.
 */
#include <errno.h>

#include "common/counters.h"
#include "trapd/cpu/machine.h"
#include "trapd/priv/priv.h"

int priv_hlt(struct vcpu *v, const struct insn *in)
{
	/* Only an interrupt could end it, or an INIT from another vCPU. */
	if (!(v->cpu.rflags & RFLAGS_IF) && v->machine->nvcpu <= 1)
		return vcpu_stop(v, VM_STOP_FAULT, "halted at %#llx with interrupts off: nothing can wake it",
				 (unsigned long long)v->cpu.rip);
	counter_add(&v->stat[TRAP_STAT_halts], 1);
	v->cpu.halted = true;
	return emulate_retire(v, in);
}

/* The address is not checked against the segment's limit, and one that is not canonical does nothing. */
int priv_invlpg(struct vcpu *v, const struct insn *in)
{
	const struct cpu_state *c = &v->cpu;
	const struct operand *op = insn_memory(in);
	bool has_base;
	uint64_t gva;
	int ret = 0;

	if (!op)
		return -EOPNOTSUPP;
	has_base = !cpu_code64(c) || op->segment == SREG_FS || op->segment == SREG_GS;
	gva = (insn_effective(v, in, op) + (has_base ? c->seg[op->segment].base : 0)) & cpu_linear_mask(c);
	if (x86_is_canonical(gva))
		ret = vcpu_invlpg(v, gva);
	return ret ? ret : emulate_retire(v, in);
}

/* Caches are coherent and the guest's memory is ordinary memory: nothing to do. */
int priv_cache(struct vcpu *v, const struct insn *in)
{
	return emulate_retire(v, in);
}

/*
 * Traps on no CPU but for #NM and #MF, and yet hosts without hardware virtualisation answer #UD in 32-bit code: KVM's emulator
 * does not know it. An x87 exception that is pending then shows at the next x87 instruction.
 */
int priv_wait(struct vcpu *v, const struct insn *in)
{
	const uint64_t both = CR0_MP | CR0_TS;

	if ((v->cpu.cr0 & both) == both)
		return vcpu_raise(v, VEC_NM, 0);
	return emulate_retire(v, in);
}

int priv_undefined(struct vcpu *v, const struct insn *in)
{
	return vcpu_raise(v, VEC_UD, 0);
}
