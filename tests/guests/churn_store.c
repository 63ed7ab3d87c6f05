/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * churn.elf: the ways in which kernels write page-table entries, and some in which only hostile ones do. Nothing accesses
 * what an entry maps between the parts of a change in several stores. 64-bit code, the guest's kernel; SSE is on.
 */
#include "tests/guests/churn.h"

#define E	volatile uint64_t *e
#define V	uint64_t old, uint64_t value

static bool in_page(const volatile void *from, const volatile void *to)
{
	return ((unsigned long)from & PAGE_MASK) == (((unsigned long)to - 1) & PAGE_MASK);
}

static bool store_mov(E, V)
{
	*e = value;
	return true;
}

static bool store_halves(E, V)
{
	volatile uint32_t *half = (volatile uint32_t *)e;

	half[0] = (uint32_t)value;
	half[1] = (uint32_t)(value >> 32);
	return true;
}

static bool store_halves_reversed(E, V)
{
	volatile uint32_t *half = (volatile uint32_t *)e;

	half[1] = (uint32_t)(value >> 32);
	half[0] = (uint32_t)value;
	return true;
}

static bool store_bytes(E, V)
{
	unsigned i;

	for (i = 0; i < 8; i++)
		((volatile uint8_t *)e)[i] = (uint8_t)(value >> 8 * i);
	return true;
}

static bool store_low_byte(E, V)
{
	if ((old ^ value) >> 8)
		return false;
	*(volatile uint8_t *)e = (uint8_t)value;
	return true;
}

static bool store_words(E, V)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		((volatile uint16_t *)e)[i] = (uint16_t)(value >> 16 * i);
	return true;
}

static bool store_xchg(E, V)
{
	uint64_t was = value;

	__asm__ volatile("xchg %0, %1" : "+r"(was), "+m"(*e) : : "memory");
	EXPECT_EQ(was, old, "value that XCHG gave back");
	return true;
}

static bool store_cmpxchg(E, V)
{
	uint64_t was = old;

	__asm__ volatile("lock cmpxchg %2, %1" : "+a"(was), "+m"(*e) : "r"(value) : "memory", "cc");
	EXPECT_EQ(was, old, "value that CMPXCHG compared");
	return true;
}

static bool store_cmpxchg_fails_first(E, V)
{
	uint64_t was = ~old;

	__asm__ volatile("cmpxchg %2, %1" : "+a"(was), "+m"(*e) : "r"(value) : "memory", "cc");
	EXPECT_EQ(was, old, "value that a failing CMPXCHG loads");
	EXPECT_EQ(*e, old, "entry after a failing CMPXCHG");
	__asm__ volatile("cmpxchg %2, %1" : "+a"(was), "+m"(*e) : "r"(value) : "memory", "cc");
	return true;
}

static bool store_xadd(E, V)
{
	uint64_t n = value - old;

	__asm__ volatile("lock xadd %0, %1" : "+r"(n), "+m"(*e) : : "memory", "cc");
	EXPECT_EQ(n, old, "value that XADD gave back");
	return true;
}

static bool store_add(E, V)
{
	__asm__ volatile("add %1, %0" : "+m"(*e) : "r"(value - old) : "memory", "cc");
	return true;
}

static bool store_sub(E, V)
{
	__asm__ volatile("sub %1, %0" : "+m"(*e) : "r"(old - value) : "memory", "cc");
	return true;
}

static bool store_xor(E, V)
{
	__asm__ volatile("lock xor %1, %0" : "+m"(*e) : "r"(old ^ value) : "memory", "cc");
	return true;
}

static bool store_and(E, V)
{
	if (value & ~old)
		return false;
	__asm__ volatile("lock and %1, %0" : "+m"(*e) : "r"(value) : "memory", "cc");
	return true;
}

static bool store_or(E, V)
{
	if (old & ~value)
		return false;
	__asm__ volatile("or %1, %0" : "+m"(*e) : "r"(value) : "memory", "cc");
	return true;
}

static bool store_dec(E, V)
{
	if (value != old - 1)
		return false;
	__asm__ volatile("decq %0" : "+m"(*e) : : "memory", "cc");
	return true;
}

static bool store_inc(E, V)
{
	if (value != old + 1)
		return false;
	__asm__ volatile("lock incq %0" : "+m"(*e) : : "memory", "cc");
	return true;
}

/* One bit at a time with BTS and BTR, as kernels do for P, W, A and D. */
static bool store_bits(E, V)
{
	uint64_t bit, left;

	for (left = old ^ value; left; left &= left - 1) {
		bit = (uint64_t)__builtin_ctzll(left);
		if (value >> bit & 1)
			__asm__ volatile("lock btsq %1, %0" : "+m"(*e) : "Jr"(bit) : "memory", "cc");
		else
			__asm__ volatile("lock btrq %1, %0" : "+m"(*e) : "Jr"(bit) : "memory", "cc");
	}
	return true;
}

static bool store_btc(E, V)
{
	uint64_t change = old ^ value;

	if (!change || change & (change - 1))
		return false;
	__asm__ volatile("btcq %1, %0" : "+m"(*e) : "r"((uint64_t)__builtin_ctzll(change)) : "memory", "cc");
	return true;
}

static bool store_stos(E, V)
{
	store_fill(e, value, 1);
	return true;
}

static bool store_movs(E, V)
{
	store_copy(e, &value, 1);
	return true;
}

static bool store_movs_bytes(E, V)
{
	const void *from = &value;
	volatile void *to = e;
	uint64_t n = 8;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return true;
}

static bool store_movnti(E, V)
{
	__asm__ volatile("movnti %1, %0" : "=m"(*e) : "r"(value) : "memory");
	return true;
}

/* 16 bytes that begin with the entry; its neighbour is written as it is. */
static bool store_movups(E, V)
{
	uint64_t pair[2] = { value, 0 };

	if (!in_page(e, e + 2))
		return false;
	pair[1] = e[1];
	__asm__ volatile("movups (%0), %%xmm0; movups %%xmm0, (%1)" : : "r"(pair), "r"(e) : "memory");
	return true;
}

/* 16 bytes that end with the entry. */
static bool store_movdqu(E, V)
{
	uint64_t pair[2] = { 0, value };

	if (!in_page(e - 1, e + 1))
		return false;
	pair[0] = e[-1];
	__asm__ volatile("movdqu (%0), %%xmm0; movdqu %%xmm0, (%1)" : : "r"(pair), "r"(e - 1) : "memory");
	return true;
}

static bool store_movaps(E, V)
{
	volatile uint64_t *at = (volatile uint64_t *)((unsigned long)e & ~15ul);
	uint64_t pair[2] = { at[0], at[1] };

	pair[e - at] = value;
	__asm__ volatile("movups (%0), %%xmm0; movaps %%xmm0, (%1)" : : "r"(pair), "r"(at) : "memory");
	return true;
}

static bool store_movq_xmm(E, V)
{
	__asm__ volatile("movq %1, %%xmm0; movq %%xmm0, %0" : "=m"(*e) : "r"(value) : "memory");
	return true;
}

/* A store across two entries: the high half of this one, the low half of the next as it is; then the low half. */
static bool store_across(E, V)
{
	volatile uint32_t *half = (volatile uint32_t *)e;

	if (!in_page(e, e + 2))
		return false;
	*(volatile uint64_t *)(half + 1) = value >> 32 | (uint64_t)half[2] << 32;
	half[0] = (uint32_t)value;
	return true;
}

/* As above but off by three bytes, the other way round. */
static bool store_odd(E, V)
{
	volatile uint8_t *at = (volatile uint8_t *)e - 3;
	uint64_t before;

	if (!in_page(e - 1, e + 1))
		return false;
	before = e[-1] >> 40;
	*(volatile uint64_t *)at = before | value << 24;
	*(volatile uint32_t *)((volatile uint8_t *)e + 4) = (uint32_t)(value >> 32);
	return true;
}

static const struct {
	const char *name;
	bool (*store)(E, V);		/* false: cannot say this change */
	bool atomic;			/* one store of the whole entry */
} ways[] = {
	{ "mov", store_mov, true },
	{ "mov halves", store_halves, false },
	{ "mov halves high first", store_halves_reversed, false },
	{ "mov bytes", store_bytes, false },
	{ "mov low byte", store_low_byte, true },
	{ "mov words", store_words, false },
	{ "xchg", store_xchg, true },
	{ "lock cmpxchg", store_cmpxchg, true },
	{ "cmpxchg", store_cmpxchg_fails_first, true },
	{ "lock xadd", store_xadd, true },
	{ "add", store_add, true },
	{ "sub", store_sub, true },
	{ "lock xor", store_xor, true },
	{ "lock and", store_and, true },
	{ "or", store_or, true },
	{ "dec", store_dec, true },
	{ "inc", store_inc, true },
	{ "bts/btr", store_bits, false },
	{ "btc", store_btc, true },
	{ "rep stosq", store_stos, true },
	{ "rep movsq", store_movs, true },
	{ "rep movsb", store_movs_bytes, false },
	{ "movnti", store_movnti, true },
	{ "movups", store_movups, true },
	{ "movdqu", store_movdqu, true },
	{ "movaps", store_movaps, true },
	{ "movq xmm", store_movq_xmm, true },
	{ "across two", store_across, false },
	{ "odd address", store_odd, false },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static uint64_t used[WAYS];

static void store_by(volatile uint64_t *e, uint64_t value, bool atomic)
{
	uint64_t old = *e;
	unsigned w;

	do
		w = churn_random(WAYS);
	while ((atomic && !ways[w].atomic) || !ways[w].store(e, old, value));
	used[w]++;
	churn.stats.edits++;
}

void store_entry(volatile uint64_t *e, uint64_t value)
{
	store_by(e, value, false);
}

void store_entry_atomic(volatile uint64_t *e, uint64_t value)
{
	store_by(e, value, true);
}

void store_fill(volatile uint64_t *e, uint64_t value, unsigned n)
{
	uint64_t left = n;

	__asm__ volatile("rep stosq" : "+D"(e), "+c"(left) : "a"(value) : "memory");
}

void store_copy(volatile uint64_t *e, const uint64_t *values, unsigned n)
{
	uint64_t left = n;

	__asm__ volatile("rep movsq" : "+D"(e), "+S"(values), "+c"(left) : : "memory");
}

void store_print(void)
{
	unsigned w;

	print("churn: stores by instruction:");
	for (w = 0; w < WAYS; w++)
		print("%s %s %llu", w ? "," : "", ways[w].name, (unsigned long long)used[w]);
	print("\n");
}
