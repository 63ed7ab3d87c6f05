// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shifts and rotates with the CPU's flags. Pure functions; process trapd, any thread.
 * Source: SDM vol. 2B SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR: the count is masked to 5 bits (6 for 8-byte operands); a masked
 * count of 0 changes no flag; OF is defined for a count of 1 only.
 */
#include "trapd/emulate/emulate_priv.h"

static unsigned count_masked(uint64_t src, unsigned size)
{
	return (unsigned)(src & (size == 8 ? 63 : 31));
}

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static void set_carry_overflow(uint64_t *rflags, bool carry, bool overflow)
{
	*rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	*rflags |= (carry ? RFLAGS_CF : 0) | (overflow ? RFLAGS_OF : 0);
}

static void set_shifted(uint64_t *rflags, uint64_t result, unsigned size, bool carry, bool overflow)
{
	alu_and(result, result, size, rflags);
	set_carry_overflow(rflags, carry, overflow);
}

uint64_t alu_shl(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), bits = size * 8;
	uint64_t result;
	bool carry;

	if (!count)
		return dst;
	result = dst << count & emulate_mask(size);
	carry = count <= bits && bit(dst, bits - count);
	set_shifted(rflags, result, size, carry, bit(result, bits - 1) != carry);
	return result;
}

uint64_t alu_shr(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size);
	uint64_t result;

	if (!count)
		return dst;
	result = dst >> count;
	set_shifted(rflags, result, size, bit(dst, count - 1), bit(dst, size * 8 - 1));
	return result;
}

uint64_t alu_sar(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), unused = 64 - size * 8;
	int64_t wide = (int64_t)(dst << unused) >> unused;
	uint64_t result;

	if (!count)
		return dst;
	result = (uint64_t)(wide >> count) & emulate_mask(size);
	set_shifted(rflags, result, size, wide >> (count - 1) & 1, false);
	return result;
}

uint64_t alu_rol(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), bits = size * 8, n = count % bits;
	uint64_t result = n ? (dst << n | dst >> (bits - n)) & emulate_mask(size) : dst;

	if (count)
		set_carry_overflow(rflags, bit(result, 0), bit(result, bits - 1) != bit(result, 0));
	return result;
}

uint64_t alu_ror(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), bits = size * 8, n = count % bits;
	uint64_t result = n ? (dst >> n | dst << (bits - n)) & emulate_mask(size) : dst;

	if (count)
		set_carry_overflow(rflags, bit(result, bits - 1), bit(result, bits - 1) != bit(result, bits - 2));
	return result;
}

/* Through the carry: a rotation of size * 8 + 1 bits, one at a time (at most 63 steps). */
uint64_t alu_rcl(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), bits = size * 8;
	bool carry = *rflags & RFLAGS_CF;

	for (unsigned i = 0; i < count % (bits + 1); i++) {
		bool out = bit(dst, bits - 1);

		dst = (dst << 1 | carry) & emulate_mask(size);
		carry = out;
	}
	if (count)
		set_carry_overflow(rflags, carry, bit(dst, bits - 1) != carry);
	return dst;
}

uint64_t alu_rcr(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	unsigned count = count_masked(src, size), bits = size * 8;
	bool carry = *rflags & RFLAGS_CF;

	for (unsigned i = 0; i < count % (bits + 1); i++) {
		bool out = bit(dst, 0);

		dst = dst >> 1 | (uint64_t)carry << (bits - 1);
		carry = out;
	}
	if (count)
		set_carry_overflow(rflags, carry, bit(dst, bits - 1) != bit(dst, bits - 2));
	return dst;
}
