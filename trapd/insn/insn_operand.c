// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers and addresses of an instruction's operands. Process trapd, the vCPU's own thread.
 * Segment rules: SDM vol. 3A 5.3, 5.4.1 and 3.4.4 (64-bit), limits of expand-down segments 5.3.
 */
#include <errno.h>

#include "trapd/insn/insn.h"

static uint64_t size_mask(unsigned size)
{
	return size >= 8 ? ~0ull : (1ull << size * 8) - 1;
}

uint64_t insn_read_gpr(const struct vcpu *v, const struct operand *op)
{
	uint64_t value = v->cpu.gpr[op->reg & 15];

	if (op->high)
		value >>= 8;
	return value & size_mask(op->size);
}

void insn_write_gpr(struct vcpu *v, const struct operand *op, uint64_t value)
{
	uint64_t *gpr = &v->cpu.gpr[op->reg & 15];
	unsigned shift = op->high ? 8 : 0;
	uint64_t mask = size_mask(op->size) << shift;

	if (op->size == 4)
		*gpr = (uint32_t)value;
	else
		*gpr = (*gpr & ~mask) | (value << shift & mask);
}

uint64_t insn_effective(const struct vcpu *v, const struct insn *in, const struct operand *op)
{
	uint64_t ea = (uint64_t)op->disp;

	if (op->rip_relative)
		ea += v->cpu.rip + in->length;
	if (op->base != 0xff)
		ea += v->cpu.gpr[op->base];
	if (op->index != 0xff)
		ea += v->cpu.gpr[op->index] * op->scale;
	return ea & size_mask(in->addrsize);
}

int64_t insn_bit_displacement(const struct operand *offset, uint64_t index, unsigned size)
{
	unsigned unused = 64 - size * 8, word_shift = size == 2 ? 4 : size == 4 ? 5 : 6;

	if (offset->type != OPERAND_REG)
		return 0;
	return ((int64_t)(index << unused) >> unused >> word_shift) * (int64_t)size;
}

/* Does [ea, ea + size) lie within the segment? The top of an expand-down segment is 64 KiB or 4 GiB by D/B. */
static bool within_limit(const struct segment *s, uint64_t ea, unsigned size)
{
	uint64_t last = ea + size - 1;
	bool expand_down = s->code_or_data && (s->type & 0xc) == 4;

	if (!expand_down)
		return last <= s->limit;
	return ea > s->limit && last <= (s->db ? 0xffffffffull : 0xffffull);
}

/* May the segment be read or written as data? type bits: 8 code, 2 writable (data) or readable (code). */
static bool access_allowed(const struct segment *s, bool write)
{
	if (!s->usable)
		return false;
	if (write)
		return (s->type & 0xa) == 2;
	return (s->type & 0xa) != 8;
}

int insn_linear(struct vcpu *v, const struct insn *in, const struct operand *op, unsigned size, bool write, uint64_t *gva)
{
	const struct segment *s = &v->cpu.seg[op->segment];
	uint8_t vector = op->segment == SREG_SS ? VEC_SS : VEC_GP;
	uint64_t ea = insn_effective(v, in, op);

	if (cpu_code64(&v->cpu)) {
		*gva = ea + (op->segment == SREG_FS || op->segment == SREG_GS ? s->base : 0);
		if (!x86_is_canonical(*gva) || !x86_is_canonical(*gva + size - 1))
			return vcpu_raise(v, vector, 0);
		return 0;
	}
	if (!access_allowed(s, write))
		return vcpu_raise(v, VEC_GP, 0);
	if (!within_limit(s, ea, size))
		return vcpu_raise(v, vector, 0);
	*gva = (s->base + ea) & 0xffffffffull;
	return 0;
}
