// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Emulated arithmetic on memory: two-operand and one-operand forms, comparisons, bit tests. Process trapd, the vCPU's own
 * thread.
 */
#include "trapd/cpu/gva.h"
#include "trapd/emulate/emulate_priv.h"

/* op[0] = alu(op[0], op[1]); what has no op[1] (INC, DEC, NOT, NEG) ignores the source. Shifts by D0 and D1 have the 1 as op[1]. */
int emulate_binary(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	const struct operand *to = &in->op[0];
	uint64_t src = 0, old, rflags, gva;
	int err = in->noperands > 1 ? operand_load(v, in, &in->op[1], &src) : 0;

	if (err)
		return err;
	src &= emulate_mask(to->size);
	if (to->type == OPERAND_REG) {
		rflags = v->cpu.rflags;
		insn_write_gpr(v, to, row->alu(insn_read_gpr(v, to), src, to->size, &rflags));
		v->cpu.rflags = rflags;
		return 0;
	}
	err = insn_linear(v, in, to, to->size, true, &gva);
	return err ? err : emulate_rmw(v, in, gva, to->size, row->alu, src, &old);
}

/* CMP, TEST: flags only. */
int emulate_compare(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t first, second, rflags = v->cpu.rflags;
	int err = operand_load(v, in, &in->op[0], &first);

	if (!err)
		err = operand_load(v, in, &in->op[1], &second);
	if (err)
		return err;
	row->alu(first, second & emulate_mask(in->op[0].size), in->op[0].size, &rflags);
	v->cpu.rflags = rflags;
	return 0;
}

/*
 * BT, BTS, BTR, BTC. A bit offset in a register is signed and reaches beyond the operand: the word that holds the bit is
 * accessed. An immediate one is taken modulo the operand size (SDM vol. 2A BT).
 */
int emulate_bit(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	struct operand to = in->op[0];
	uint64_t index, old = 0, rflags = v->cpu.rflags, gva;
	int err = operand_load(v, in, &in->op[1], &index);

	if (err)
		return err;
	if (to.type == OPERAND_REG) {
		old = row->alu(insn_read_gpr(v, &to), index, to.size, &rflags);
		if (row->alu != alu_bt)
			insn_write_gpr(v, &to, old);
		v->cpu.rflags = rflags;
		return 0;
	}
	to.disp += insn_bit_displacement(&in->op[1], index, to.size);
	err = insn_linear(v, in, &to, to.size, row->alu != alu_bt, &gva);
	if (err)
		return err;
	if (row->alu != alu_bt)
		return emulate_rmw(v, in, gva, to.size, row->alu, index, &old);
	err = gva_read(v, gva, &old, to.size, 0);
	if (err)
		return err;
	alu_bt(old, index, to.size, &rflags);
	v->cpu.rflags = rflags;
	return 0;
}
