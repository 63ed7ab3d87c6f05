// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Emulated moves: MOV, MOVZX, MOVSX, MOVSXD, MOVBE, CMOVcc, SETcc. Process trapd, the vCPU's own thread.
 */
#include "trapd/emulate/emulate_priv.h"

static uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned unused = 64 - size * 8;

	return (uint64_t)((int64_t)(value << unused) >> unused);
}

static uint64_t byte_swap(uint64_t value, unsigned size)
{
	return __builtin_bswap64(value) >> (64 - size * 8);
}

/* Also MOVZX: a load is zero-extended already. */
int emulate_mov(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t value;
	int err = operand_load(v, in, &in->op[1], &value);

	return err ? err : operand_store(v, in, &in->op[0], value);
}

int emulate_movsx(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t value;
	int err = operand_load(v, in, &in->op[1], &value);

	return err ? err : operand_store(v, in, &in->op[0], sign_extend(value, in->op[1].size));
}

int emulate_movbe(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t value;
	int err = operand_load(v, in, &in->op[1], &value);

	return err ? err : operand_store(v, in, &in->op[0], byte_swap(value, in->op[1].size));
}

/* The source is read, and a 32-bit destination zero-extended, whatever the condition (SDM vol. 2A CMOVcc). */
int emulate_cmov(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t value;
	int err = operand_load(v, in, &in->op[1], &value);

	if (err)
		return err;
	if (!emulate_condition(row->arg, v->cpu.rflags))
		value = insn_read_gpr(v, &in->op[0]);
	insn_write_gpr(v, &in->op[0], value);
	return 0;
}

int emulate_setcc(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return operand_store(v, in, &in->op[0], emulate_condition(row->arg, v->cpu.rflags));
}

bool emulate_condition(unsigned cc, uint64_t rflags)
{
	bool sf = rflags & RFLAGS_SF, of = rflags & RFLAGS_OF, zf = rflags & RFLAGS_ZF, cf = rflags & RFLAGS_CF;
	const bool base[8] = {
		of, cf, zf, cf || zf, sf, rflags & RFLAGS_PF, sf != of, zf || sf != of,
	};

	return base[cc >> 1 & 7] != (bool)(cc & 1);
}
