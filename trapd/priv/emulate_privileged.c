/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of privileged and sensitive instructions. Runs on the vCPU's thread after a #GP, #UD, #NP or #SS of guest code.
 */
#include "trapd/priv/emulate_privileged.h"

#include <errno.h>

#include "trapd/priv/priv.h"

struct priv_row {
	insn_handler *run;
	bool ring0;		/* #GP(0) unless the virtual CPL is 0, before anything else */
};

static int priv_mov(struct vcpu *v, const struct insn *in)
{
	if (in->noperands != 2)
		return -EOPNOTSUPP;
	if (in->op[0].is_creg || in->op[1].is_creg)
		return priv_mov_cr(v, in);
	if (in->op[0].is_dreg || in->op[1].is_dreg)
		return priv_mov_dr(v, in);
	return priv_mov_sreg(v, in);
}

static const struct priv_row priv_table[X86_INS_ENDING] = {
	[X86_INS_MOV] = { priv_mov }, [X86_INS_POP] = { priv_pop_sreg },
	[X86_INS_LDS] = { priv_load_far }, [X86_INS_LES] = { priv_load_far }, [X86_INS_LFS] = { priv_load_far },
	[X86_INS_LGS] = { priv_load_far }, [X86_INS_LSS] = { priv_load_far },
	[X86_INS_IRET] = { iret_insn }, [X86_INS_IRETD] = { iret_insn }, [X86_INS_IRETQ] = { iret_insn },
	[X86_INS_LJMP] = { far_jmp }, [X86_INS_LCALL] = { far_call }, [X86_INS_RETF] = { far_ret }, [X86_INS_RETFQ] = { far_ret },
	[X86_INS_INT] = { far_int }, [X86_INS_INT1] = { far_int }, [X86_INS_INT3] = { far_int }, [X86_INS_INTO] = { far_int },
	[X86_INS_SYSCALL] = { syscall_insn }, [X86_INS_SYSRET] = { syscall_sysret },
	[X86_INS_RDMSR] = { priv_rdmsr, true }, [X86_INS_WRMSR] = { priv_wrmsr, true }, [X86_INS_SWAPGS] = { priv_swapgs },
	[X86_INS_RDTSC] = { priv_rdtsc }, [X86_INS_RDTSCP] = { priv_rdtsc }, [X86_INS_RDPMC] = { priv_rdpmc },
	[X86_INS_LGDT] = { priv_lgdt, true }, [X86_INS_LIDT] = { priv_lidt, true }, [X86_INS_LLDT] = { priv_lldt, true },
	[X86_INS_LTR] = { priv_ltr, true }, [X86_INS_LMSW] = { priv_lmsw, true }, [X86_INS_CLTS] = { priv_clts, true },
	[X86_INS_SGDT] = { priv_sgdt }, [X86_INS_SIDT] = { priv_sidt }, [X86_INS_SLDT] = { priv_sldt }, [X86_INS_STR] = { priv_str },
	[X86_INS_SMSW] = { priv_smsw },
	[X86_INS_CLI] = { priv_cli }, [X86_INS_STI] = { priv_sti },
	[X86_INS_PUSHF] = { priv_pushf }, [X86_INS_PUSHFD] = { priv_pushf }, [X86_INS_PUSHFQ] = { priv_pushf },
	[X86_INS_POPF] = { priv_popf }, [X86_INS_POPFD] = { priv_popf }, [X86_INS_POPFQ] = { priv_popf },
	[X86_INS_CPUID] = { priv_cpuid }, [X86_INS_XSETBV] = { priv_xsetbv },
	[X86_INS_STAC] = { priv_ac }, [X86_INS_CLAC] = { priv_ac },
	[X86_INS_IN] = { priv_in }, [X86_INS_OUT] = { priv_out },
	[X86_INS_INSB] = { priv_ins }, [X86_INS_INSW] = { priv_ins }, [X86_INS_INSD] = { priv_ins },
	[X86_INS_OUTSB] = { priv_outs }, [X86_INS_OUTSW] = { priv_outs }, [X86_INS_OUTSD] = { priv_outs },
	[X86_INS_HLT] = { priv_hlt, true }, [X86_INS_INVLPG] = { priv_invlpg, true }, [X86_INS_WAIT] = { priv_wait },
	[X86_INS_INVPCID] = { priv_invpcid, true }, [X86_INS_INVD] = { priv_cache, true }, [X86_INS_WBINVD] = { priv_cache, true },
	/* Not announced by CPUID (SYSENTER: doc/spec/guest-cpu.md, Interrupt flag and I/O), or nothing a guest may do. */
	[X86_INS_SYSENTER] = { priv_undefined }, [X86_INS_SYSEXIT] = { priv_undefined }, [X86_INS_MONITOR] = { priv_undefined },
	[X86_INS_MWAIT] = { priv_undefined },
	[X86_INS_GETSEC] = { priv_undefined }, [X86_INS_RSM] = { priv_undefined },
};

static const struct priv_row *priv_find(unsigned id)
{
	return id < X86_INS_ENDING && priv_table[id].run ? &priv_table[id] : NULL;
}

int emulate_privileged(struct vcpu *v, const struct insn *in)
{
	const struct priv_row *row = priv_find(in->id);
	bool inhibit = v->cpu.inhibit;
	int ret;

	/* None of them may be locked: the #UD is the guest's own. */
	if (!row || in->lock)
		return -EOPNOTSUPP;
	if (row->ring0 && v->cpu.cpl != 0)
		return vcpu_raise(v, VEC_GP, 0);
	v->cpu.inhibit = false;		/* a shadow covers one instruction; STI and loads of SS begin a new one */
	ret = row->run(v, in);
	if (ret && ret != -EFAULT)
		v->cpu.inhibit = inhibit;
	return ret;
}
