// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Integer arithmetic with the CPU's flags. Pure functions; process trapd, any thread.
 * Source: SDM vol. 1 3.4.3.1 and the instructions in vol. 2.
 */
#include "trapd/emulate/emulate_priv.h"

static uint64_t top_bit(unsigned size)
{
	return 1ull << (size * 8 - 1);
}

/* SF, ZF, PF of a result; keep says which of the other arithmetic flags survive. */
static void set_result(uint64_t *rflags, uint64_t keep, uint64_t result, unsigned size)
{
	*rflags &= ~RFLAGS_ARITHMETIC | keep;
	if (!result)
		*rflags |= RFLAGS_ZF;
	if (result & top_bit(size))
		*rflags |= RFLAGS_SF;
	if (!__builtin_parity((unsigned)(result & 0xff)))
		*rflags |= RFLAGS_PF;
}

/* carries: bit n is the carry (or borrow) out of bit n. */
static void set_carries(uint64_t *rflags, uint64_t carries, unsigned size, bool with_cf)
{
	bool out = carries & top_bit(size), into = carries & top_bit(size) >> 1;

	if (with_cf && out)
		*rflags |= RFLAGS_CF;
	if (out != into)
		*rflags |= RFLAGS_OF;
	if (carries & 8)
		*rflags |= RFLAGS_AF;
}

static uint64_t add_common(uint64_t dst, uint64_t src, bool carry, unsigned size, uint64_t *rflags, bool keep_cf)
{
	uint64_t result = (dst + src + carry) & emulate_mask(size);

	set_result(rflags, keep_cf ? RFLAGS_CF : 0, result, size);
	set_carries(rflags, (dst & src) | ((dst | src) & ~result), size, !keep_cf);
	return result;
}

static uint64_t sub_common(uint64_t dst, uint64_t src, bool borrow, unsigned size, uint64_t *rflags, bool keep_cf)
{
	uint64_t result = (dst - src - borrow) & emulate_mask(size);

	set_result(rflags, keep_cf ? RFLAGS_CF : 0, result, size);
	set_carries(rflags, (~dst & src) | ((~dst | src) & result), size, !keep_cf);
	return result;
}

uint64_t alu_add(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return add_common(dst, src, false, size, rflags, false);
}

uint64_t alu_adc(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return add_common(dst, src, *rflags & RFLAGS_CF, size, rflags, false);
}

uint64_t alu_sub(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return sub_common(dst, src, false, size, rflags, false);
}

uint64_t alu_sbb(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return sub_common(dst, src, *rflags & RFLAGS_CF, size, rflags, false);
}

uint64_t alu_inc(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return add_common(dst, 1, false, size, rflags, true);
}

uint64_t alu_dec(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return sub_common(dst, 1, false, size, rflags, true);
}

uint64_t alu_neg(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return sub_common(0, dst, false, size, rflags, false);
}

uint64_t alu_not(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return ~dst & emulate_mask(size);
}

uint64_t alu_and(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	set_result(rflags, 0, dst & src, size);
	return dst & src;
}

uint64_t alu_or(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	set_result(rflags, 0, dst | src, size);
	return dst | src;
}

uint64_t alu_xor(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	set_result(rflags, 0, dst ^ src, size);
	return dst ^ src;
}

uint64_t alu_second(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return src;
}

static uint64_t bit_mask(uint64_t index, unsigned size)
{
	return 1ull << (index & (size * 8 - 1));
}

uint64_t alu_bt(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	*rflags = (*rflags & ~RFLAGS_CF) | (dst & bit_mask(src, size) ? RFLAGS_CF : 0);
	return dst;
}

uint64_t alu_bts(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return alu_bt(dst, src, size, rflags) | bit_mask(src, size);
}

uint64_t alu_btr(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return alu_bt(dst, src, size, rflags) & ~bit_mask(src, size);
}

uint64_t alu_btc(uint64_t dst, uint64_t src, unsigned size, uint64_t *rflags)
{
	return alu_bt(dst, src, size, rflags) ^ bit_mask(src, size);
}
