// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See multiply.h. Process trapd, the vCPU's own thread. Flags that the manual calls undefined are kept.
 * Sources: SDM vol. 2A CBW, CWD, DIV, IDIV, IMUL; vol. 2B MUL.
 */
#include "trapd/emulate/multiply.h"

#include <errno.h>

#include "trapd/emulate/emulate_priv.h"

static int64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned unused = 64 - size * 8;

	return (int64_t)(value << unused) >> unused;
}

static struct operand gpr_operand(unsigned reg, unsigned size)
{
	return (struct operand){ .type = OPERAND_REG, .size = (uint8_t)size, .reg = (uint8_t)reg };
}

static void write_gpr(struct vcpu *v, unsigned reg, unsigned size, uint64_t value)
{
	const struct operand to = gpr_operand(reg, size);

	insn_write_gpr(v, &to, value);
}

static uint64_t read_gpr(const struct vcpu *v, unsigned reg, unsigned size)
{
	const struct operand from = gpr_operand(reg, size);

	return insn_read_gpr(v, &from);
}

/* The pair that holds twice the operand's size: AX, or rDX:rAX. */
static uint64_t pair_read(const struct vcpu *v, unsigned size)
{
	if (size == 1)
		return read_gpr(v, GPR_RAX, 2);
	return read_gpr(v, GPR_RDX, size) << size * 8 | read_gpr(v, GPR_RAX, size);
}

static void pair_write(struct vcpu *v, unsigned size, uint64_t low, uint64_t high)
{
	if (size == 1) {
		write_gpr(v, GPR_RAX, 2, (low & 0xff) | (high & 0xff) << 8);
		return;
	}
	write_gpr(v, GPR_RAX, size, low);
	write_gpr(v, GPR_RDX, size, high);
}

static void set_overflow(struct vcpu *v, bool overflow)
{
	v->cpu.rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	if (overflow)
		v->cpu.rflags |= RFLAGS_CF | RFLAGS_OF;
}

int multiply_unsigned(struct vcpu *v, const struct insn *in)
{
	unsigned size = in->op[0].size;
	uint64_t factor, product;
	int err;

	if (size > 4 || in->noperands != 1)
		return -EOPNOTSUPP;
	err = operand_load(v, in, &in->op[0], &factor);
	if (err)
		return err;
	product = factor * read_gpr(v, GPR_RAX, size);
	pair_write(v, size, product, product >> size * 8);
	set_overflow(v, product >> size * 8);
	return emulate_retire(v, in);
}

/* One operand: into the pair. Two: op[0] *= op[1]. Three: op[0] = op[1] * op[2]. */
int multiply_signed(struct vcpu *v, const struct insn *in)
{
	unsigned size = in->op[0].size;
	const struct operand *last = &in->op[in->noperands - 1];
	uint64_t first, second;
	int64_t product;
	int err;

	if (size > 4 || !in->noperands || in->noperands > 3)
		return -EOPNOTSUPP;
	err = operand_load(v, in, last, &second);
	if (err)
		return err;
	first = read_gpr(v, GPR_RAX, size);
	if (in->noperands > 1)
		err = operand_load(v, in, &in->op[in->noperands - 2], &first);
	if (err)
		return err;
	product = sign_extend(first, size) * sign_extend(second, size);
	if (in->noperands == 1)
		pair_write(v, size, (uint64_t)product, (uint64_t)product >> size * 8);
	else
		insn_write_gpr(v, &in->op[0], (uint64_t)product);
	set_overflow(v, product != sign_extend((uint64_t)product, size));
	return emulate_retire(v, in);
}

/* Is the quotient too large for its register? |dividend| < 2^63 but for the smallest one, which no divisor of 32 bits brings down. */
static bool divide_signed(uint64_t pair, uint64_t by, unsigned size, uint64_t *quotient, uint64_t *rest)
{
	int64_t dividend = sign_extend(pair, size * 2), divisor = sign_extend(by, size);

	if (!divisor || dividend == INT64_MIN)
		return false;
	*quotient = (uint64_t)(dividend / divisor);
	*rest = (uint64_t)(dividend % divisor);
	return dividend / divisor == sign_extend(*quotient, size);
}

static bool divide_unsigned(uint64_t pair, uint64_t by, unsigned size, uint64_t *quotient, uint64_t *rest)
{
	if (!by)
		return false;
	*quotient = pair / by;
	*rest = pair % by;
	return !(*quotient >> size * 8);
}

int multiply_divide(struct vcpu *v, const struct insn *in)
{
	unsigned size = in->op[0].size;
	uint64_t by, quotient, rest;
	bool fits;
	int err;

	if (size > 4 || in->noperands != 1)
		return -EOPNOTSUPP;
	err = operand_load(v, in, &in->op[0], &by);
	if (err)
		return err;
	if (in->id == X86_INS_IDIV)
		fits = divide_signed(pair_read(v, size), by, size, &quotient, &rest);
	else
		fits = divide_unsigned(pair_read(v, size), by, size, &quotient, &rest);
	if (!fits)
		return vcpu_raise(v, VEC_DE, 0);
	pair_write(v, size, quotient, rest);
	return emulate_retire(v, in);
}

int multiply_extend_low(struct vcpu *v, const struct insn *in)
{
	unsigned size = in->opsize;

	write_gpr(v, GPR_RAX, size, (uint64_t)sign_extend(read_gpr(v, GPR_RAX, size / 2), size / 2));
	return emulate_retire(v, in);
}

int multiply_extend_high(struct vcpu *v, const struct insn *in)
{
	unsigned size = in->opsize;

	write_gpr(v, GPR_RDX, size, sign_extend(read_gpr(v, GPR_RAX, size), size) < 0 ? ~0ull : 0);
	return emulate_retire(v, in);
}
