/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPUID, where it does not exit by itself: in copies of code pages (doc/flags-patcher.md), and behind a trap. Runs on the vCPU's
 * thread. Source: SDM vol. 2A CPUID.
 */
#include "common/counters.h"
#include "trapd/cpu/machine.h"
#include "trapd/kvm/cpuid.h"
#include "trapd/priv/priv.h"

#define OSXSAVE (1u << 27)	/* of leaf 1, ECX: CR4.OSXSAVE as user code may see it */

int priv_cpuid(struct vcpu *v, const struct insn *in)
{
	uint64_t *gpr = v->cpu.gpr;
	uint32_t leaf = (uint32_t)gpr[GPR_RAX], out[4];

	cpuid_look_up(v->machine->cpuid, leaf, (uint32_t)gpr[GPR_RCX], out);
	if (leaf == 1) {
		out[1] = (out[1] & 0x00ffffff) | v->index << 24;	/* the table has the APIC ID of one vCPU */
		out[2] |= v->cpu.cr4 & CR4_OSXSAVE ? OSXSAVE : 0;
	}
	gpr[GPR_RAX] = out[0];
	gpr[GPR_RBX] = out[1];
	gpr[GPR_RCX] = out[2];
	gpr[GPR_RDX] = out[3];
	counter_add(&v->stat[TRAP_STAT_cpuid_emulated], 1);
	return emulate_retire(v, in);
}
