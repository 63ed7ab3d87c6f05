/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control registers: MOV CRn, LMSW, SMSW, CLTS. Runs on the vCPU's thread. What changes the address translation goes to
 * poold first (vcpu_set_modes) and is stored only when it has answered, so a lost link leaves the instruction undone.
 * Sources: SDM vol. 2B MOV (control registers); vol. 3A 2.5, 4.1.2, 4.4.1, 9.8.5; vol. 2A LMSW, CLTS.
 */
#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/cpu/machine.h"
#include "trapd/priv/priv.h"

#define CR0_DEFINED	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_LMSW	(CR0_PE | CR0_MP | CR0_EM | CR0_TS)
/* What the translation, and so the shadow root, depends on. */
#define CR0_MODES	(CR0_PG | CR0_WP)
#define CR4_MODES	(CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)
/*
 * Process-context identifiers: the shadow roots are kept per root table and stay true without flushes, so the identifier and
 * the wish not to flush (bit 63) change nothing but what the guest reads back. SDM vol. 3A 4.10.1, 4.10.4.1.
 */
#define CR3_PCID	0xfffull
#define CR3_NOFLUSH	(1ull << 63)
/* Changes that make the CPU read the PDPTEs anew under PAE paging (SDM vol. 3A 4.4.1). */
#define CR0_PDPTE	(CR0_CD | CR0_NW | CR0_PG)
#define CR4_PDPTE	(CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)

/* Let poold know, with PDPTEs read anew if reload says that the CPU would. */
static int set_modes(struct vcpu *v, struct modes *m, bool reload)
{
	if (reload && modes_are_pae(m) && walk_load_pdptes(&v->machine->ram, m->cr3, v->machine->facts.maxphyaddr, m->pdpte))
		return vcpu_raise(v, VEC_GP, 0);
	return vcpu_set_modes(v, m);
}

/* Turning paging on or off with EFER.LME set enters or leaves long mode. */
static int switch_long_mode(struct vcpu *v, struct modes *m)
{
	const struct cpu_state *c = &v->cpu;
	bool paging = m->cr0 & CR0_PG;

	if (paging && (m->efer & EFER_LME)) {
		if (!(m->cr4 & CR4_PAE) || c->seg[SREG_CS].l || (c->tr.usable && !(c->tr.type & 8)))
			return vcpu_raise(v, VEC_GP, 0);
		m->efer |= EFER_LMA;
	} else if (!paging) {
		if (cpu_code64(c))
			return vcpu_raise(v, VEC_GP, 0);
		m->efer &= ~EFER_LMA;
	}
	return 0;
}

static int write_cr0(struct vcpu *v, uint64_t value)
{
	struct modes m = modes_now(&v->cpu);
	uint64_t changed;
	int ret = 0;

	if (value >> 32)
		return vcpu_raise(v, VEC_GP, 0);
	m.cr0 = (value & CR0_DEFINED) | CR0_ET;
	changed = m.cr0 ^ v->cpu.cr0;
	if (((m.cr0 & CR0_PG) && !(m.cr0 & CR0_PE)) || ((m.cr0 & CR0_NW) && !(m.cr0 & CR0_CD)))
		return vcpu_raise(v, VEC_GP, 0);
	if ((changed & ~m.cr0 & CR0_PG) && (m.cr4 & CR4_PCIDE))
		return vcpu_raise(v, VEC_GP, 0);
	if (changed & CR0_PG)
		ret = switch_long_mode(v, &m);
	if (ret)
		return ret;
	if (v->cpu.cr0 & ~m.cr0 & CR0_PE)
		return vcpu_stop(v, VM_STOP_FAULT, "the guest leaves protected mode at %#llx: real mode is not supported",
				 (unsigned long long)v->cpu.rip);
	if ((changed & CR0_MODES) || ((changed & CR0_PDPTE) && modes_are_pae(&m)))
		ret = set_modes(v, &m, changed & CR0_PDPTE);
	else
		v->cpu.cr0 = m.cr0;
	if (!ret && changed)
		v->sregs_dirty = true;
	return ret;
}

static int write_cr3(struct vcpu *v, uint64_t value)
{
	struct modes m = modes_now(&v->cpu);

	if (m.cr4 & CR4_PCIDE)
		value &= ~CR3_NOFLUSH;
	/* Without CR4.PCIDE bit 63 is reserved as well. Legacy modes have 32 bits and check none. */
	if (cpu_long_mode(&v->cpu) && value >> v->machine->facts.maxphyaddr)
		return vcpu_raise(v, VEC_GP, 0);
	m.cr3 = value;
	return set_modes(v, &m, true);
}

static int write_cr4(struct vcpu *v, uint64_t value)
{
	struct modes m = modes_now(&v->cpu);
	uint64_t changed = value ^ m.cr4;
	int ret = 0;

	if ((value & ~(CR4_GUEST_BITS | (v->machine->facts.xcr0 ? CR4_OSXSAVE : 0))) || (cpu_long_mode(&v->cpu) && !(value & CR4_PAE)))
		return vcpu_raise(v, VEC_GP, 0);
	if ((changed & value & CR4_PCIDE) && (!cpu_long_mode(&v->cpu) || (m.cr3 & CR3_PCID)))
		return vcpu_raise(v, VEC_GP, 0);
	m.cr4 = value;
	if (changed & CR4_MODES)
		ret = set_modes(v, &m, changed & CR4_PDPTE);
	else
		v->cpu.cr4 = value;
	if (!ret && changed)
		v->sregs_dirty = true;
	return ret;
}

static int write_cr8(struct vcpu *v, uint64_t value)
{
	if (value >> 4)
		return vcpu_raise(v, VEC_GP, 0);
	vcpu_write_cr8(v, (uint8_t)value);
	return 0;
}

/* CR2 takes any value, canonical or not. */
static int write_cr2(struct vcpu *v, uint64_t value)
{
	v->cpu.cr2 = value;
	return 0;
}

static uint64_t read_cr0(struct vcpu *v) { return v->cpu.cr0; }
static uint64_t read_cr2(struct vcpu *v) { return v->cpu.cr2; }
static uint64_t read_cr3(struct vcpu *v) { return v->cpu.cr3; }
static uint64_t read_cr4(struct vcpu *v) { return v->cpu.cr4; }
static uint64_t read_cr8(struct vcpu *v) { return vcpu_read_cr8(v); }

static const struct control_register {
	uint64_t (*read)(struct vcpu *v);
	int (*write)(struct vcpu *v, uint64_t value);
} control_register[16] = {
	[0] = { read_cr0, write_cr0 }, [2] = { read_cr2, write_cr2 }, [3] = { read_cr3, write_cr3 },
	[4] = { read_cr4, write_cr4 }, [8] = { read_cr8, write_cr8 },
};

int priv_mov_cr(struct vcpu *v, const struct insn *in)
{
	bool write = in->op[0].is_creg;
	const struct operand *cr = &in->op[write ? 0 : 1], *gpr = &in->op[write ? 1 : 0];
	const struct control_register *row = &control_register[cr->reg & 15];
	int ret;

	if (!row->read)
		return vcpu_raise(v, VEC_UD, 0);
	ret = priv_require_ring0(v);
	if (ret)
		return ret;
	if (write)
		ret = row->write(v, insn_read_gpr(v, gpr));
	else
		insn_write_gpr(v, gpr, row->read(v));
	return ret ? ret : emulate_retire(v, in);
}

int priv_lmsw(struct vcpu *v, const struct insn *in)
{
	uint16_t value;
	int ret = priv_load16(v, in, &in->op[0], &value);

	if (ret)
		return ret;
	/* LMSW sets PE but never clears it. */
	ret = write_cr0(v, (v->cpu.cr0 & ~(CR0_LMSW & ~CR0_PE)) | (value & CR0_LMSW));
	return ret ? ret : emulate_retire(v, in);
}

int priv_smsw(struct vcpu *v, const struct insn *in)
{
	int ret = v->cpu.cr4 & CR4_UMIP ? priv_require_ring0(v) : 0;

	if (!ret)
		ret = priv_store16(v, in, &in->op[0], v->cpu.cr0);
	return ret ? ret : emulate_retire(v, in);
}

int priv_clts(struct vcpu *v, const struct insn *in)
{
	int ret = write_cr0(v, v->cpu.cr0 & ~CR0_TS);

	return ret ? ret : emulate_retire(v, in);
}
