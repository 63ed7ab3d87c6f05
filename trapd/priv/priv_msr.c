/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RDMSR, WRMSR and what else reads or swaps MSRs. Runs on the vCPU's thread. An MSR is a row; what has no row is #GP(0).
 * Sources: SDM vol. 2B RDMSR, WRMSR, SWAPGS; vol. 3A 2.2.1 (EFER), 11.12.4 (PAT), 10.4.4 (APIC base); vol. 4 table 2-2.
 */
#include <stddef.h>

#include "trapd/priv/priv.h"

#define EFER_WRITABLE	(EFER_SCE | EFER_LME | EFER_NXE)
#define EFER_IGNORED	EFER_LMA	/* a write does not change it */

/* Where the register lives and what may be written to it; write and read override the plain store and load. */
struct msr {
	uint32_t number;
	uint16_t offset;	/* of a uint64_t in struct cpu_state */
	bool canonical;		/* #GP(0) if the value is not */
	uint64_t reserved;	/* #GP(0) if one of these bits is set */
	int (*write)(struct vcpu *v, uint64_t value);
	uint64_t (*read)(struct vcpu *v);
};

/* XXX: the guest cannot set its TSC; hurts a guest with several vCPUs that synchronises them by writing it. */
static int write_ignored(struct vcpu *v, uint64_t value)
{
	return 0;
}

static int write_efer(struct vcpu *v, uint64_t value)
{
	struct cpu_state *c = &v->cpu;
	struct modes modes = modes_now(c);
	uint64_t changed;

	if (value & ~(EFER_WRITABLE | EFER_IGNORED))
		return vcpu_raise(v, VEC_GP, 0);
	value = (value & EFER_WRITABLE) | (c->efer & EFER_LMA);
	changed = value ^ c->efer;
	if ((changed & EFER_LME) && (c->cr0 & CR0_PG))
		return vcpu_raise(v, VEC_GP, 0);
	modes.efer = value;
	if (changed & ~EFER_SCE)
		return vcpu_set_modes(v, &modes);
	c->efer = value;	/* the real SCE stays 0 */
	return 0;
}

/* Each byte a memory type: 0, 1, 4, 5, 6, 7. */
static int write_pat(struct vcpu *v, uint64_t value)
{
	for (unsigned i = 0; i < 64; i += 8)
		if ((value >> i & 0xff) > 7 || (value >> i & 0xfe) == 2)
			return vcpu_raise(v, VEC_GP, 0);
	v->cpu.pat = value;
	return 0;
}

/* BSP and EN; x2APIC (10) is hidden. XXX: the address is fixed; hurts a guest that moves its local APIC. */
static int write_apic_base(struct vcpu *v, uint64_t value)
{
	if ((value & ~(APIC_BASE_BSP | APIC_BASE_EN)) != (v->cpu.apic_base & ~(APIC_BASE_BSP | APIC_BASE_EN)))
		return vcpu_raise(v, VEC_GP, 0);
	v->cpu.apic_base = value;
	vcpu_apic_base_changed(v);
	return 0;
}

static int write_tsc_deadline(struct vcpu *v, uint64_t value)
{
	vcpu_write_tsc_deadline(v, value);
	return 0;
}

static int write_base(struct vcpu *v, enum sreg sreg, uint64_t value)
{
	v->cpu.seg[sreg].base = value;
	v->sregs_dirty = true;
	return 0;
}

static int write_fs_base(struct vcpu *v, uint64_t value) { return write_base(v, SREG_FS, value); }
static int write_gs_base(struct vcpu *v, uint64_t value) { return write_base(v, SREG_GS, value); }
static uint64_t read_fs_base(struct vcpu *v) { return v->cpu.seg[SREG_FS].base; }
static uint64_t read_gs_base(struct vcpu *v) { return v->cpu.seg[SREG_GS].base; }

#define STATE(member)	offsetof(struct cpu_state, member)
#define HIGH_HALF	0xffffffff00000000ull

static const struct msr msr_table[] = {
	{ MSR_TSC, .read = vcpu_read_tsc, .write = write_ignored },
	{ MSR_APIC_BASE, STATE(apic_base), .write = write_apic_base },
	{ MSR_SYSENTER_CS, STATE(sysenter_cs), .reserved = HIGH_HALF },
	{ MSR_SYSENTER_ESP, STATE(sysenter_esp), .canonical = true },
	{ MSR_SYSENTER_EIP, STATE(sysenter_eip), .canonical = true },
	/* What it could enable is fixed: reads say how, writes change nothing. */
	{ MSR_MISC_ENABLE, STATE(misc_enable), .write = write_ignored },
	{ MSR_PAT, STATE(pat), .write = write_pat },
	{ MSR_TSC_DEADLINE, .write = write_tsc_deadline, .read = vcpu_read_tsc_deadline },
	{ MSR_EFER, STATE(efer), .write = write_efer },
	{ MSR_STAR, STATE(star) },
	{ MSR_LSTAR, STATE(lstar), .canonical = true },
	{ MSR_CSTAR, STATE(cstar), .canonical = true },
	{ MSR_SFMASK, STATE(sfmask), .reserved = HIGH_HALF },
	{ MSR_FS_BASE, .canonical = true, .write = write_fs_base, .read = read_fs_base },
	{ MSR_GS_BASE, .canonical = true, .write = write_gs_base, .read = read_gs_base },
	{ MSR_KERNEL_GS_BASE, STATE(kernel_gs_base), .canonical = true },
	{ MSR_TSC_AUX, STATE(tsc_aux), .reserved = HIGH_HALF },
};

static const struct msr *msr_find(uint32_t number)
{
	for (unsigned i = 0; i < sizeof(msr_table) / sizeof(msr_table[0]); i++)
		if (msr_table[i].number == number)
			return &msr_table[i];
	return NULL;
}

static uint64_t *msr_state(struct vcpu *v, const struct msr *m)
{
	return (uint64_t *)(void *)((char *)&v->cpu + m->offset);
}

static void set_edx_eax(struct cpu_state *c, uint64_t value)
{
	c->gpr[GPR_RAX] = value & 0xffffffff;
	c->gpr[GPR_RDX] = value >> 32;
}

int priv_rdmsr(struct vcpu *v, const struct insn *in)
{
	const struct msr *m = msr_find((uint32_t)v->cpu.gpr[GPR_RCX]);

	if (!m)
		return vcpu_raise(v, VEC_GP, 0);
	set_edx_eax(&v->cpu, m->read ? m->read(v) : *msr_state(v, m));
	return emulate_retire(v, in);
}

int priv_wrmsr(struct vcpu *v, const struct insn *in)
{
	const struct cpu_state *c = &v->cpu;
	uint64_t value = (c->gpr[GPR_RDX] << 32) | (uint32_t)c->gpr[GPR_RAX];
	const struct msr *m = msr_find((uint32_t)c->gpr[GPR_RCX]);
	int ret = 0;

	if (!m || (m->canonical && !x86_is_canonical(value)) || (value & m->reserved))
		return vcpu_raise(v, VEC_GP, 0);
	if (m->write)
		ret = m->write(v, value);
	else
		*msr_state(v, m) = value;
	return ret ? ret : emulate_retire(v, in);
}

int priv_swapgs(struct vcpu *v, const struct insn *in)
{
	struct cpu_state *c = &v->cpu;
	uint64_t base = c->seg[SREG_GS].base;
	int ret;

	if (!cpu_code64(c))
		return vcpu_raise(v, VEC_UD, 0);
	ret = priv_require_ring0(v);
	if (ret)
		return ret;
	write_base(v, SREG_GS, c->kernel_gs_base);
	c->kernel_gs_base = base;
	return emulate_retire(v, in);
}

/* Traps only where the real CR4.TSD is set. */
int priv_rdtsc(struct vcpu *v, const struct insn *in)
{
	int ret = v->cpu.cr4 & CR4_TSD ? priv_require_ring0(v) : 0;

	if (ret)
		return ret;
	set_edx_eax(&v->cpu, vcpu_read_tsc(v));
	if (in->id == X86_INS_RDTSCP)
		v->cpu.gpr[GPR_RCX] = v->cpu.tsc_aux;
	return emulate_retire(v, in);
}

/* No counters are announced. */
int priv_rdpmc(struct vcpu *v, const struct insn *in)
{
	return vcpu_raise(v, VEC_GP, 0);
}
