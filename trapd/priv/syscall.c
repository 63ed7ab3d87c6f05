/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYSCALL and SYSRET. Runs on the vCPU's thread. The real EFER.SCE is 0, so both fault (or arrive at LSTAR, see
 * syscall_enter). Sources: SDM vol. 2B SYSCALL, SYSRET; APM vol. 3 for SYSCALL from compatibility mode (CSTAR), which only
 * AMD's processors have.
 */
#include "common/counters.h"
#include "trapd/cpu/seg.h"
#include "trapd/priv/far.h"
#include "trapd/priv/priv.h"

#define STAR_SYSCALL_SHIFT	32
#define STAR_SYSRET_SHIFT	48
/* SYSRET: all flags but RF, VM and what is reserved. */
#define SYSRET_FLAGS		0x3c7fd7ull

/* The fixed descriptors that both load without looking at the GDT. */
static struct segment flat_code(uint16_t selector, uint8_t dpl, bool code64)
{
	return (struct segment){ .selector = selector, .usable = true, .type = 11, .code_or_data = true, .dpl = dpl,
				 .present = true, .l = code64, .db = !code64, .g = true, .limit = 0xffffffff };
}

static struct segment flat_stack(uint16_t selector, uint8_t dpl)
{
	return (struct segment){ .selector = selector, .usable = true, .type = 3, .code_or_data = true, .dpl = dpl,
				 .present = true, .db = true, .g = true, .limit = 0xffffffff };
}

static bool has_compat_syscall(void)
{
	return __builtin_cpu_is("amd");
}

int syscall_enter(struct vcpu *v, uint64_t next_rip)
{
	struct cpu_state *c = &v->cpu;
	uint16_t selector = c->star >> STAR_SYSCALL_SHIFT;
	bool code64 = cpu_code64(c);
	struct segment cs;

	if (!cpu_long_mode(c) || !(c->efer & EFER_SCE) || (!code64 && !has_compat_syscall()))
		return vcpu_raise(v, VEC_UD, 0);
	cs = flat_code(selector & ~SELECTOR_RPL, 0, true);
	c->gpr[GPR_RCX] = next_rip;
	c->gpr[GPR_R11] = c->rflags & ~RFLAGS_RF;
	c->rip = code64 ? c->lstar : c->cstar;
	c->rflags = (c->rflags & ~c->sfmask & ~(RFLAGS_RF | RFLAGS_VM)) | RFLAGS_FIXED;
	c->inhibit = false;
	c->seg[SREG_SS] = flat_stack((selector & ~SELECTOR_RPL) + 8, 0);
	seg_commit_cs(v, &cs, 0);
	counter_add(&v->stat[TRAP_STAT_syscall_emulated], 1);
	/* The single-step trap after SYSCALL and SYSRET goes by the flags that they load. */
	return emulate_step_trap(v, c->rflags & RFLAGS_TF);
}

int syscall_insn(struct vcpu *v, const struct insn *in)
{
	return syscall_enter(v, (v->cpu.rip + in->length) & cpu_linear_mask(&v->cpu));
}

int syscall_sysret(struct vcpu *v, const struct insn *in)
{
	struct cpu_state *c = &v->cpu;
	uint16_t selector = c->star >> STAR_SYSRET_SHIFT;
	bool to64 = in->opsize == 8;
	struct segment cs;

	if (!cpu_code64(c) || !(c->efer & EFER_SCE))
		return vcpu_raise(v, VEC_UD, 0);
	if (c->cpl != 0 || (to64 && !x86_is_canonical(c->gpr[GPR_RCX])))
		return vcpu_raise(v, VEC_GP, 0);
	cs = flat_code((selector + (to64 ? 16 : 0)) | 3, 3, to64);
	c->rip = to64 ? c->gpr[GPR_RCX] : c->gpr[GPR_RCX] & 0xffffffff;
	c->rflags = (c->gpr[GPR_R11] & SYSRET_FLAGS) | RFLAGS_FIXED;
	c->seg[SREG_SS] = flat_stack((selector + 8) | 3, 3);
	seg_commit_cs(v, &cs, 3);
	counter_add(&v->stat[TRAP_STAT_syscall_emulated], 1);
	return emulate_step_trap(v, c->rflags & RFLAGS_TF);
}
