/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the privileged emulator share: a handler for each instruction or group of instructions, reached through the
 * table in emulate_privileged.c. Handlers run on the vCPU's own thread and return as vcpu.h says; after 0 RIP and RSP are final.
 */
#ifndef SHADOWPOOL_TRAPD_PRIV_H
#define SHADOWPOOL_TRAPD_PRIV_H

#include "trapd/cpu/vcpu.h"
#include "trapd/emulate/emulate.h"

/*
 * CR4 bits that a guest may set. CPUID must hide the features whose bit is missing here: VME, PVI, FSGSBASE, XSAVE, LA57, PKU.
 * VME and PVI would have the real CPU interpret IF; OSXSAVE is added where guest code has XSAVE anyway (host_facts.xcr0).
 */
#define CR4_GUEST_BITS	(CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | \
			 CR4_UMIP | CR4_PCIDE | CR4_SMEP | CR4_SMAP)

/* far.c, iret.c, syscall.c */
insn_handler far_jmp, far_call, far_ret, far_int, iret_insn, syscall_insn, syscall_sysret;
/* priv_cr.c */
insn_handler priv_mov_cr, priv_lmsw, priv_smsw, priv_clts;
/* priv_invpcid.c */
insn_handler priv_invpcid;
/* priv_msr.c */
insn_handler priv_rdmsr, priv_wrmsr, priv_swapgs, priv_rdtsc, priv_rdpmc;
/* priv_desc.c */
insn_handler priv_lgdt, priv_lidt, priv_lldt, priv_ltr, priv_sgdt, priv_sidt, priv_sldt, priv_str;
/* priv_sreg.c */
insn_handler priv_mov_sreg, priv_pop_sreg, priv_load_far;
/* priv_flags.c */
insn_handler priv_cli, priv_sti, priv_pushf, priv_popf, priv_ac;
insn_handler priv_cpuid, priv_xsetbv;
/* priv_io.c */
insn_handler priv_in, priv_out, priv_ins, priv_outs;
/* priv_debug.c */
insn_handler priv_mov_dr;
/* priv_misc.c */
insn_handler priv_hlt, priv_invlpg, priv_cache, priv_wait, priv_undefined;

/* Raises #GP(0) unless the virtual CPL is 0. Returns 0 or -EFAULT. */
static inline int priv_require_ring0(struct vcpu *v)
{
	return v->cpu.cpl == 0 ? 0 : vcpu_raise(v, VEC_GP, 0);
}

/* Load the low 16 bits of a register, or 16 bits of memory. Returns 0, -EFAULT. */
int priv_load16(struct vcpu *v, const struct insn *in, const struct operand *op, uint16_t *value);
/* Store value in a register with the operand's size, or 16 bits of it in memory. Returns 0, -EFAULT. */
int priv_store16(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t value);

#endif
