/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment loads, see seg.h. Runs on the vCPU's thread; touches no real register. */
#include "trapd/cpu/seg.h"

#include "trapd/cpu/gva.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/real_mode.h"

bool seg_contains(const struct segment *s, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;

	if (s->code_or_data && (s->type & (DESC_CODE | DESC_EXPAND_DOWN)) == DESC_EXPAND_DOWN)
		return offset > s->limit && last <= (s->db ? 0xffffffffu : 0xffffu);
	return last <= s->limit;
}

bool seg_rip_is_valid(const struct vcpu *v)
{
	const struct cpu_state *c = &v->cpu;

	return cpu_code64(c) ? x86_is_canonical(c->rip) : seg_contains(&c->seg[SREG_CS], c->rip, 1);
}

void seg_nullify(struct segment *s, uint16_t selector)
{
	*s = (struct segment){ .selector = selector, .base = s->base };
}

struct segment seg_null_stack(uint16_t selector)
{
	return (struct segment){ .selector = selector, .dpl = selector & SELECTOR_RPL };
}

static bool same_segment(const struct segment *s, uint16_t selector)
{
	return s->usable && s->dpl != 3 && !((s->selector ^ selector) & ~SELECTOR_RPL);
}

uint16_t seg_virtual_rpl(const struct vcpu *v, uint16_t selector)
{
	const struct segment *seg = v->cpu.seg;

	if (v->cpu.cpl != 0 || (selector & SELECTOR_RPL) != 3)
		return selector;
	if (!same_segment(&seg[SREG_CS], selector) && !same_segment(&seg[SREG_SS], selector))
		return selector;
	return selector & ~SELECTOR_RPL;
}

int seg_check_ring(struct vcpu *v, uint8_t cpl)
{
	if (cpl == 0 || cpl == 3)
		return 0;
	return vcpu_stop(v, VM_STOP_FAULT, "the guest runs code in ring %u, at %#llx: only rings 0 and 3 are supported", cpl,
			 (unsigned long long)v->cpu.rip);
}

int seg_read_stack(struct vcpu *v, uint16_t selector, uint8_t cpl, uint8_t vector, struct segment *out)
{
	struct descriptor d;
	int ret = desc_read(v, selector, vector, &d);

	if (ret)
		return ret;
	if ((selector & SELECTOR_RPL) != cpl || !segment_is_writable_data(&d.seg) || d.seg.dpl != cpl)
		return desc_raise(v, vector, selector);
	if (!d.seg.present)
		return desc_raise(v, VEC_SS, selector);
	ret = desc_set_accessed(v, &d);
	*out = d.seg;
	return ret;
}

static int load_stack(struct vcpu *v, uint16_t selector)
{
	struct cpu_state *c = &v->cpu;
	int ret;

	if (selector_is_null(selector)) {
		if (!cpu_code64(c) || c->cpl == 3 || (selector & SELECTOR_RPL) != c->cpl)
			return vcpu_raise(v, VEC_GP, 0);
		c->seg[SREG_SS] = seg_null_stack(selector);
		return 0;
	}
	ret = seg_read_stack(v, seg_virtual_rpl(v, selector), c->cpl, VEC_GP, &c->seg[SREG_SS]);
	return ret;
}

static int load_data(struct vcpu *v, struct segment *seg, uint16_t selector)
{
	struct descriptor d;
	uint8_t rpl;
	int ret;

	if (selector_is_null(selector)) {
		/* Intel clears the base, which only FS and GS in 64-bit mode can show. */
		*seg = (struct segment){ .selector = selector };
		return 0;
	}
	selector = seg_virtual_rpl(v, selector);
	rpl = selector & SELECTOR_RPL;
	ret = desc_read(v, selector, VEC_GP, &d);
	if (ret)
		return ret;
	if (!d.seg.code_or_data || (segment_is_code(&d.seg) && !(d.seg.type & DESC_READABLE)))
		return desc_raise(v, VEC_GP, selector);
	if (!segment_is_conforming(&d.seg) && (rpl > d.seg.dpl || v->cpu.cpl > d.seg.dpl))
		return desc_raise(v, VEC_GP, selector);
	if (!d.seg.present)
		return desc_raise(v, VEC_NP, selector);
	ret = desc_set_accessed(v, &d);
	if (!ret)
		*seg = d.seg;
	return ret;
}

int seg_load(struct vcpu *v, enum sreg sreg, uint16_t selector)
{
	int ret;

	if (real_mode(&v->cpu)) {
		real_mode_load(v, sreg, selector);
		return 0;
	}
	ret = sreg == SREG_SS ? load_stack(v, selector) : load_data(v, &v->cpu.seg[sreg], selector);
	if (!ret)
		v->sregs_dirty = true;
	return ret;
}

void seg_commit_cs(struct vcpu *v, const struct segment *cs, uint8_t cpl)
{
	v->cpu.seg[SREG_CS] = *cs;
	v->cpu.seg[SREG_CS].selector = (cs->selector & ~SELECTOR_RPL) | cpl;
	v->cpu.cpl = cpl;
	v->cs_detached = false;
	v->sregs_dirty = true;
}

/* The descriptor of the current CS as the guest's GDT has it now; looked at without a trace. */
static bool read_own_descriptor(const struct vcpu *v, uint64_t *descriptor)
{
	uint32_t at = v->cpu.seg[SREG_CS].selector & ~(SELECTOR_RPL | SELECTOR_TI);

	return at + 7 <= v->cpu.gdtr.limit && gva_peek(v, v->cpu.gdtr.base + at, descriptor, 8) == 8;
}

void seg_gdt_changed(struct vcpu *v)
{
	const struct segment *cs = &v->cpu.seg[SREG_CS];
	struct segment now = { 0 };
	uint64_t descriptor = 0;
	bool same;

	if (cs->selector & SELECTOR_TI)
		return;
	if (read_own_descriptor(v, &descriptor))
		desc_parse(descriptor, cs->selector, &now);
	same = now.present && segment_is_code(&now) && now.base == cs->base && now.limit == cs->limit && now.l == cs->l &&
	       now.db == cs->db && now.dpl == cs->dpl;
	if (same == v->cs_detached) {
		v->cs_detached = !same;
		v->sregs_dirty = true;
	}
}

/* The checks that LLDT and LTR share. types: allowed system types, a bit each. */
static int read_system(struct vcpu *v, uint16_t selector, uint32_t types, struct descriptor *d)
{
	int ret;

	if (selector & SELECTOR_TI)
		return desc_raise(v, VEC_GP, selector);
	ret = desc_read(v, selector, VEC_GP, d);
	if (ret)
		return ret;
	if (d->seg.code_or_data || !(types >> d->seg.type & 1))
		return desc_raise(v, VEC_GP, selector);
	if (!d->seg.present)
		return desc_raise(v, VEC_NP, selector);
	ret = desc_read_upper(v, VEC_GP, d);
	if (ret)
		return ret;
	return x86_is_canonical(d->seg.base) ? 0 : desc_raise(v, VEC_GP, selector);
}

int seg_load_ldt(struct vcpu *v, uint16_t selector)
{
	struct descriptor d;
	int ret;

	if (selector_is_null(selector)) {
		v->cpu.ldtr = (struct segment){ .selector = selector };
		return 0;
	}
	ret = read_system(v, selector, 1u << DESC_LDT, &d);
	if (!ret)
		v->cpu.ldtr = d.seg;
	return ret;
}

int seg_load_tr(struct vcpu *v, uint16_t selector)
{
	uint32_t types = 1u << DESC_TSS32 | (cpu_long_mode(&v->cpu) ? 0 : 1u << DESC_TSS16);
	struct descriptor d;
	int ret;

	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_GP, 0);
	ret = read_system(v, selector, types, &d);
	if (!ret)
		ret = desc_set_busy(v, &d);
	if (!ret)
		v->cpu.tr = d.seg;
	return ret;
}
