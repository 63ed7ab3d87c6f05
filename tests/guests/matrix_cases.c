/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matrix.elf: which entries a batch holds. 32- and 64-bit code, the guest's kernel. Everything that is chosen depends on the
 * seed alone, and on features only where a bit exists or not, so that all CPUs see the same cases.
 */
#include "tests/guests/matrix.h"

enum { COMBO_P = 1, COMBO_W = 2, COMBO_U = 4, COMBO_A = 8, COMBO_D = 16, COMBO_PS = 32, COMBO_RESERVED = 64, COMBO_NX = 128 };

static uint32_t random32(struct matrix_batch *b)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 17;
	b->random ^= b->random << 5;
	return b->random;
}

/* Bits that the CPU ignores, at random: 9 to 11, G of a last entry (without CR4.PGE), 52 to 58 of long mode. */
static uint64_t ignored_bits(struct matrix_batch *b, bool leaf)
{
	uint32_t r = random32(b);
	uint64_t bits = (uint64_t)(r & 7) << 9;

	if (leaf && r & 8)
		bits |= PTE_G;
	if (b->mode->long_mode)
		bits |= (uint64_t)(r >> 8 & 0x7f) << 52;
	return bits;
}

static uint64_t one_bit_of(uint64_t bits, uint32_t r)
{
	unsigned n, count = 0;

	for (n = 0; n < 64; n++)
		count += bits >> n & 1;
	if (!count)
		return 0;
	r %= count;
	for (n = 0; ; n++)
		if (bits >> n & 1 && !r--)
			return 1ull << n;
}

/* next: what the entry leads to unless it is a large page of frame. */
static uint64_t entry_make(struct matrix_batch *b, unsigned level, unsigned combo, uint64_t next, unsigned long frame)
{
	const struct matrix_mode *m = b->mode;
	uint64_t e = (combo & COMBO_PS ? PTE_PS : 0) | (combo & COMBO_P ? PTE_P : 0);
	bool leaf = matrix_is_leaf(m, &b->config, level, e);
	uint32_t r = random32(b);

	e |= (combo & COMBO_W ? PTE_W : 0) | (combo & COMBO_U ? PTE_U : 0) | (combo & COMBO_A ? PTE_A : 0);
	e |= (combo & COMBO_D ? PTE_D : 0) | ignored_bits(b, leaf);
	e |= leaf && level + 1 < m->levels ? frame & ~((1ull << m->shift[level]) - 1) : next;
	if (combo & COMBO_NX && m->entry_size == 8)
		e |= PTE_NX;
	if (combo & COMBO_RESERVED)
		e |= one_bit_of(matrix_reserved(m, &b->config, level, e) & ~PTE_PS, r);
	return e;
}

/* All rights, or with mixed whatever comes, but present and valid most of the time. PS only where it ends no walk. */
static unsigned other_combo(struct matrix_batch *b)
{
	uint32_t r = random32(b) >> 4;
	unsigned combo = COMBO_P | COMBO_W | COMBO_U;

	if (!b->mixed)
		return combo;
	combo = COMBO_P | (r & (COMBO_W | COMBO_U | COMBO_A | COMBO_D));
	if (!(r & 0x700))
		combo |= COMBO_NX;
	if (!(r & 0x7800))
		combo &= ~(unsigned)COMBO_P;
	if (!(r & 0x78000))
		combo |= COMBO_RESERVED;
	return combo;
}

/* A page of 1 GiB holds both frames at once: only the first has the address that fits. */
static unsigned chain_choose(struct matrix_batch *b, unsigned level, unsigned combo)
{
	unsigned k = random32(b) >> 9 & 1;

	return combo & COMBO_PS && (1ull << b->mode->shift[level]) > FRAME_DISTANCE ? 0 : k;
}

static uint64_t chain_next(const struct matrix_mode *m, unsigned k, unsigned level)
{
	return level + 1 == m->levels ? m->frame[k] : (unsigned long)m->chain[k][level + 1];
}

void matrix_batch_choose(struct matrix_batch *b, uint32_t seed)
{
	const struct matrix_mode *m = b->mode;
	unsigned n, level, k;

	b->random = seed * 2654435761u | 1;
	for (n = 0; n < 4; n++)
		random32(b);
	b->count = m->entry_size == 8 ? 256 : 128;
	for (level = 0; level < b->level; level++)
		b->upper[level] = entry_make(b, level, other_combo(b), (unsigned long)m->table[level + 1], 0);
	for (n = 0; n < b->count; n++) {
		k = chain_choose(b, b->level, n);
		b->chain_of[n] = (uint8_t)k;
		b->entry[n] = entry_make(b, b->level, n, chain_next(m, k, b->level), m->frame[k]);
	}
	for (k = 0; k < MATRIX_FRAMES; k++)
		for (level = b->level + 1; level < m->levels; level++)
			b->chain[k][level] = entry_make(b, level, other_combo(b), chain_next(m, k, level), m->frame[k]);
}

/* 4-level: slot 0 holds the guest itself, and 256 cannot be used on every host. */
unsigned matrix_index(const struct matrix_mode *m, unsigned n)
{
	return m->long_mode && n == 255 ? 300 : m->first_index + n;
}

unsigned long matrix_va(const struct matrix_batch *b, unsigned n)
{
	const struct matrix_mode *m = b->mode;
	unsigned mask = m->entry_size == 4 ? 1023 : 511, level;
	unsigned long va = m->va;

	for (level = 0; level < m->levels; level++) {
		unsigned long index = level > b->level ? m->frame[0] >> m->shift[level] & mask :
				      matrix_index(m, level == b->level ? n : MATRIX_UPPER);

		va |= index << m->shift[level];
	}
#ifdef __x86_64__
	va = (unsigned long)((long)(va << 16) >> 16);
#endif
	return va | n * 8;
}
