/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptor-table registers: LGDT, LIDT, LLDT, LTR and their stores, which trap because the real CR4.UMIP is set. Runs on
 * the vCPU's thread; the real tables are never touched.
 * Sources: SDM vol. 2A LGDT/LIDT, LLDT, LTR; vol. 2B SGDT, SIDT, SLDT, STR.
 */
#include "common/write_class.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/seg.h"
#include "trapd/priv/priv.h"

int priv_load16(struct vcpu *v, const struct insn *in, const struct operand *op, uint16_t *value)
{
	uint64_t gva;
	int ret;

	if (op->type == OPERAND_REG) {
		*value = insn_read_gpr(v, op) & 0xffff;
		return 0;
	}
	ret = insn_linear(v, in, op, 2, false, &gva);
	return ret ? ret : gva_read(v, gva, value, 2, 0);
}

int priv_store16(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t value)
{
	uint64_t gva;
	int ret;

	if (op->type == OPERAND_REG) {
		insn_write_gpr(v, op, value);
		return 0;
	}
	ret = insn_linear(v, in, op, 2, true, &gva);
	return ret ? ret : gva_write(v, gva, &value, 2, 0, WRITE_CLASS_SIMPLE);
}

/* Bytes of the base in a pseudo-descriptor. */
static unsigned base_size(const struct vcpu *v)
{
	return cpu_code64(&v->cpu) ? 8 : 4;
}

static int load_table(struct vcpu *v, const struct insn *in, struct desc_table *table)
{
	unsigned size = base_size(v);
	struct desc_table new = { 0 };
	uint64_t gva;
	int ret;

	ret = insn_linear(v, in, &in->op[0], 2 + size, false, &gva);
	if (!ret)
		ret = gva_read(v, gva, &new.limit, 2, 0);
	if (!ret)
		ret = gva_read(v, (gva + 2) & cpu_linear_mask(&v->cpu), &new.base, size, 0);
	if (ret)
		return ret;
	if (size == 8 && !x86_is_canonical(new.base))
		return vcpu_raise(v, VEC_GP, 0);
	if (size == 4 && in->opsize == 2)
		new.base &= 0xffffff;
	*table = new;
	return emulate_retire(v, in);
}

int priv_lgdt(struct vcpu *v, const struct insn *in)
{
	int ret = load_table(v, in, &v->cpu.gdtr);

	seg_gdt_changed(v);
	return ret;
}

int priv_lidt(struct vcpu *v, const struct insn *in)
{
	return load_table(v, in, &v->cpu.idtr);
}

static int require_umip(struct vcpu *v)
{
	return v->cpu.cr4 & CR4_UMIP ? priv_require_ring0(v) : 0;
}

/* Both parts are checked before the first is written. */
static int store_table(struct vcpu *v, const struct insn *in, const struct desc_table *table)
{
	unsigned size = base_size(v);
	uint64_t gva;
	int ret = require_umip(v);

	if (!ret)
		ret = insn_linear(v, in, &in->op[0], 2 + size, true, &gva);
	if (!ret)
		ret = gva_probe(v, gva, 2 + size, true, 0);
	if (!ret)
		ret = gva_write(v, gva, &table->limit, 2, 0, WRITE_CLASS_SIMPLE);
	if (!ret)
		ret = gva_write(v, (gva + 2) & cpu_linear_mask(&v->cpu), &table->base, size, 0, WRITE_CLASS_SIMPLE);
	return ret ? ret : emulate_retire(v, in);
}

int priv_sgdt(struct vcpu *v, const struct insn *in)
{
	return store_table(v, in, &v->cpu.gdtr);
}

int priv_sidt(struct vcpu *v, const struct insn *in)
{
	return store_table(v, in, &v->cpu.idtr);
}

static int load_system(struct vcpu *v, const struct insn *in, int (*load)(struct vcpu *v, uint16_t selector))
{
	uint16_t selector;
	int ret = priv_load16(v, in, &in->op[0], &selector);

	if (!ret)
		ret = load(v, selector);
	return ret ? ret : emulate_retire(v, in);
}

int priv_lldt(struct vcpu *v, const struct insn *in)
{
	return load_system(v, in, seg_load_ldt);
}

int priv_ltr(struct vcpu *v, const struct insn *in)
{
	return load_system(v, in, seg_load_tr);
}

static int store_system(struct vcpu *v, const struct insn *in, const struct segment *seg)
{
	int ret = require_umip(v);

	if (!ret)
		ret = priv_store16(v, in, &in->op[0], seg->selector);
	return ret ? ret : emulate_retire(v, in);
}

int priv_sldt(struct vcpu *v, const struct insn *in)
{
	return store_system(v, in, &v->cpu.ldtr);
}

int priv_str(struct vcpu *v, const struct insn *in)
{
	return store_system(v, in, &v->cpu.tr);
}
