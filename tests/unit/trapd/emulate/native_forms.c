/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instances of memory-writing instructions, encoded by hand: see native_forms.h. Test code. */
#include <string.h>

#include "common/x86.h"
#include "tests/unit/trapd/emulate/native_forms.h"

#define AF RFLAGS_AF
#define BT_UNDEF (RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF)

#define ALU(name, base, n, lock, undef) \
	{ name " Eb,Gb", { base }, 1, -1, SIZE_8, 0, lock, undef }, \
	{ name " Ev,Gv", { base + 1 }, 1, -1, SIZE_V, 0, lock, undef }, \
	{ name " Gb,Eb", { base + 2 }, 1, -1, SIZE_8, 0, false, undef }, \
	{ name " Gv,Ev", { base + 3 }, 1, -1, SIZE_V, 0, false, undef }, \
	{ name " Eb,Ib", { 0x80 }, 1, n, SIZE_8, 1, lock, undef }, \
	{ name " Ev,Iz", { 0x81 }, 1, n, SIZE_V, 4, lock, undef }, \
	{ name " Ev,Ib", { 0x83 }, 1, n, SIZE_V, 1, lock, undef }
#define SHIFT(name, n, kind) \
	{ name " Eb,Ib", { 0xc0 }, 1, n, SIZE_8, 1, false, 0, kind }, { name " Ev,Ib", { 0xc1 }, 1, n, SIZE_V, 1, false, 0, kind }, \
	{ name " Eb,1", { 0xd0 }, 1, n, SIZE_8, 0, false, 0, kind }, { name " Ev,1", { 0xd1 }, 1, n, SIZE_V, 0, false, 0, kind }, \
	{ name " Eb,CL", { 0xd2 }, 1, n, SIZE_8, 0, false, 0, kind }, { name " Ev,CL", { 0xd3 }, 1, n, SIZE_V, 0, false, 0, kind }
#define UNARY(name, op, n) \
	{ name " Eb", { op }, 1, n, SIZE_8, 0, true, 0 }, { name " Ev", { op + 1 }, 1, n, SIZE_V, 0, true, 0 }
#define BITS(name, op, n, lock) \
	{ name " Ev,Gv", { 0x0f, op }, 2, -1, SIZE_V, 0, lock, BT_UNDEF, KIND_BIT_REG }, \
	{ name " Ev,Ib", { 0x0f, 0xba }, 2, n, SIZE_V, 1, lock, BT_UNDEF }
#define CC(n) { "setcc", { 0x0f, 0x90 + n }, 2, 0, SIZE_8, 0, false, 0 }, \
	{ "cmovcc", { 0x0f, 0x40 + n }, 2, -1, SIZE_V, 0, false, 0 }
#define STRINGS(name, op) { name "b", { op }, 1, -1, SIZE_8, 0, false, 0, KIND_STRING }, \
	{ name "v", { op + 1 }, 1, -1, SIZE_V, 0, false, 0, KIND_STRING }

const struct form native_forms[] = {
	ALU("add", 0x00, 0, true, 0), ALU("or", 0x08, 1, true, AF), ALU("adc", 0x10, 2, true, 0), ALU("sbb", 0x18, 3, true, 0),
	ALU("and", 0x20, 4, true, AF), ALU("sub", 0x28, 5, true, 0), ALU("xor", 0x30, 6, true, AF), ALU("cmp", 0x38, 7, false, 0),
	SHIFT("rol", 0, KIND_ROTATE), SHIFT("ror", 1, KIND_ROTATE), SHIFT("rcl", 2, KIND_ROTATE), SHIFT("rcr", 3, KIND_ROTATE),
	SHIFT("shl", 4, KIND_SHIFT), SHIFT("shr", 5, KIND_SHIFT), SHIFT("sal", 6, KIND_SHIFT), SHIFT("sar", 7, KIND_SHIFT),
	UNARY("inc", 0xfe, 0), UNARY("dec", 0xfe, 1), UNARY("not", 0xf6, 2), UNARY("neg", 0xf6, 3),
	{ "test Eb,Gb", { 0x84 }, 1, -1, SIZE_8, 0, false, AF }, { "test Ev,Gv", { 0x85 }, 1, -1, SIZE_V, 0, false, AF },
	{ "test Eb,Ib", { 0xf6 }, 1, 0, SIZE_8, 1, false, AF }, { "test Ev,Iz", { 0xf7 }, 1, 0, SIZE_V, 4, false, AF },
	{ "xchg Eb,Gb", { 0x86 }, 1, -1, SIZE_8, 0, true, 0 }, { "xchg Ev,Gv", { 0x87 }, 1, -1, SIZE_V, 0, true, 0 },
	{ "mov Eb,Gb", { 0x88 }, 1, -1, SIZE_8, 0, false, 0 }, { "mov Ev,Gv", { 0x89 }, 1, -1, SIZE_V, 0, false, 0 },
	{ "mov Gb,Eb", { 0x8a }, 1, -1, SIZE_8, 0, false, 0 }, { "mov Gv,Ev", { 0x8b }, 1, -1, SIZE_V, 0, false, 0 },
	{ "mov Eb,Ib", { 0xc6 }, 1, 0, SIZE_8, 1, false, 0 }, { "mov Ev,Iz", { 0xc7 }, 1, 0, SIZE_V, 4, false, 0 },
	{ "mov AL,Ob", { 0xa0 }, 1, -1, SIZE_8, 0, false, 0, KIND_MOFFS },
	{ "mov rAX,Ov", { 0xa1 }, 1, -1, SIZE_V, 0, false, 0, KIND_MOFFS },
	{ "mov Ob,AL", { 0xa2 }, 1, -1, SIZE_8, 0, false, 0, KIND_MOFFS },
	{ "mov Ov,rAX", { 0xa3 }, 1, -1, SIZE_V, 0, false, 0, KIND_MOFFS },
	{ "movsxd Gv,Ed", { 0x63 }, 1, -1, SIZE_DQ, 0, false, 0, KIND_PLAIN, 4 },
	{ "movzx Gv,Eb", { 0x0f, 0xb6 }, 2, -1, SIZE_V, 0, false, 0, KIND_PLAIN, 1 },
	{ "movzx Gv,Ew", { 0x0f, 0xb7 }, 2, -1, SIZE_V, 0, false, 0, KIND_PLAIN, 2 },
	{ "movsx Gv,Eb", { 0x0f, 0xbe }, 2, -1, SIZE_V, 0, false, 0, KIND_PLAIN, 1 },
	{ "movsx Gv,Ew", { 0x0f, 0xbf }, 2, -1, SIZE_V, 0, false, 0, KIND_PLAIN, 2 },
	{ "movbe Gv,Mv", { 0x0f, 0x38, 0xf0 }, 3, -1, SIZE_V, 0, false, 0 },
	{ "movbe Mv,Gv", { 0x0f, 0x38, 0xf1 }, 3, -1, SIZE_V, 0, false, 0 },
	{ "movnti Md,Gd", { 0x0f, 0xc3 }, 2, -1, SIZE_D, 0, false, 0 }, { "movnti Mv,Gv", { 0x0f, 0xc3 }, 2, -1, SIZE_DQ, 0, false, 0 },
	BITS("bt", 0xa3, 4, false), BITS("bts", 0xab, 5, true), BITS("btr", 0xb3, 6, true), BITS("btc", 0xbb, 7, true),
	{ "xadd Eb,Gb", { 0x0f, 0xc0 }, 2, -1, SIZE_8, 0, true, 0 }, { "xadd Ev,Gv", { 0x0f, 0xc1 }, 2, -1, SIZE_V, 0, true, 0 },
	{ "cmpxchg Eb,Gb", { 0x0f, 0xb0 }, 2, -1, SIZE_8, 0, true, 0, KIND_CMPXCHG },
	{ "cmpxchg Ev,Gv", { 0x0f, 0xb1 }, 2, -1, SIZE_V, 0, true, 0, KIND_CMPXCHG },
	{ "cmpxchg8b", { 0x0f, 0xc7 }, 2, 1, SIZE_FIXED, 0, true, 0, KIND_CMPXCHG8B, 8 },
	{ "cmpxchg16b", { 0x0f, 0xc7 }, 2, 1, SIZE_FIXED, 0, true, 0, KIND_CMPXCHG16B, 16 },
	CC(0), CC(1), CC(2), CC(3), CC(4), CC(5), CC(6), CC(7), CC(8), CC(9), CC(10), CC(11), CC(12), CC(13), CC(14), CC(15),
	STRINGS("movs", 0xa4), STRINGS("cmps", 0xa6), STRINGS("stos", 0xaa), STRINGS("lods", 0xac), STRINGS("scas", 0xae),
};
const unsigned native_forms_count = sizeof(native_forms) / sizeof(native_forms[0]);

uint64_t native_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1dull;
}

static unsigned below(uint64_t *seed, unsigned n)
{
	return (unsigned)(native_random(seed) >> 33) % n;
}

static bool one_in(uint64_t *seed, unsigned n)
{
	return !below(seed, n);
}

/* Values at the edges of sizes are where flags go wrong. */
static uint64_t interesting(uint64_t *seed)
{
	static const uint64_t edges[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffffffffffff, 0x0f, 0x10,
	};
	uint64_t value = native_random(seed);

	return one_in(seed, 3) ? edges[below(seed, sizeof(edges) / sizeof(edges[0]))] : value;
}

static void put(struct instance *o, uint64_t value, unsigned bytes)
{
	memcpy(o->bytes + o->length, &value, bytes);
	o->length += bytes;
}

/* An address in the scratch memory, a page and a half from its ends, often just before a page's end. */
static uint64_t choose_address(uint64_t *seed, const struct scratch *s, unsigned align)
{
	uint64_t at = s->base + 6144 + below(seed, (unsigned)s->bytes - 12288);

	if (one_in(seed, 4))
		at = (at & PAGE_MASK) + PAGE_SIZE - 1 - below(seed, 20);
	return at & ~(uint64_t)(align - 1);
}

/* rip: RIP-relative, in 32-bit code the same encoding is an absolute address. */
struct address { int base, index, scale, disp_bytes; int64_t disp; bool addr32, rip, fs; };

static void choose_form_of_address(uint64_t *seed, unsigned bits, struct address *a)
{
	unsigned registers = bits == 64 ? 16 : 8;

	*a = (struct address){ .base = (int)below(seed, registers), .index = -1 };
	a->addr32 = bits == 32 || one_in(seed, 8);
	a->fs = !a->addr32 && one_in(seed, 16);
	if (one_in(seed, 8)) {
		a->base = -1;
		a->rip = !a->fs && one_in(seed, 2);
		a->disp_bytes = 4;
	} else {
		a->disp_bytes = (int[]){ 0, 1, 4 }[below(seed, 3)];
		/* rBP and r13 have no form without a displacement. */
		if ((a->base & 7) == 5 && !a->disp_bytes)
			a->disp_bytes = 1;
	}
	if (!a->rip && one_in(seed, 3)) {
		a->index = (int)below(seed, registers);
		if (a->index == 4 || a->index == a->base)
			a->index = -1;
	}
	/* [disp32] alone cannot reach scratch memory relative to FS. */
	if (a->fs && a->base < 0 && a->index < 0)
		a->fs = false;
	a->scale = (int)below(seed, 4);
	if (a->disp_bytes)
		a->disp = a->disp_bytes == 1 ? (int8_t)native_random(seed) : (int32_t)native_random(seed);
}

/* Choose registers so that the operand lies at ea. ea is relative to the segment. */
static void place_address(struct address *a, uint64_t ea, struct native_state *st)
{
	uint64_t rest = ea - (uint64_t)a->disp;

	if (a->base >= 0) {
		if (a->index >= 0)
			rest -= st->gpr[a->index] << a->scale;
		/* Under an address-size prefix the upper half does not count: keep it random. */
		if (a->addr32)
			rest = (st->gpr[a->base] & ~0xffffffffull) | (uint32_t)rest;
		st->gpr[a->base] = rest;
	} else if (a->index >= 0) {
		uint64_t upper = a->addr32 ? st->gpr[a->index] & ~0xffffffffull : 0;

		/* The displacement takes what the scaled index cannot. */
		a->scale = a->fs ? 0 : a->scale;
		st->gpr[a->index] = a->fs ? rest : ((uint32_t)ea >> a->scale) - 16;
		if (!a->fs)
			a->disp = (int64_t)(ea - (st->gpr[a->index] << a->scale));
		st->gpr[a->index] |= upper;
	} else {
		a->disp = (int64_t)ea;
	}
}

/* ModRM, SIB, displacement. Returns where the displacement of a RIP-relative operand is to be patched, else 0. */
static unsigned encode_address(struct instance *o, const struct address *a, unsigned reg)
{
	unsigned mod = a->base < 0 ? 0 : a->disp_bytes == 0 ? 0 : a->disp_bytes == 1 ? 1 : 2;
	bool sib = a->index >= 0 || (a->base >= 0 && (a->base & 7) == 4) || (a->base < 0 && !a->rip);
	unsigned rm = sib ? 4 : a->rip ? 5 : (unsigned)a->base & 7;
	unsigned patch = 0;

	put(o, mod << 6 | (reg & 7) << 3 | rm, 1);
	if (sib)
		put(o, (unsigned)a->scale << 6 | (a->index < 0 ? 4u : (unsigned)a->index & 7) << 3 |
		    (a->base < 0 ? 5u : (unsigned)a->base & 7), 1);
	if (a->rip)
		patch = o->length;
	put(o, (uint64_t)a->disp, (unsigned)a->disp_bytes);
	return patch;
}

static void encode_prefixes(uint64_t *seed, const struct scratch *s, struct instance *o, bool lock, bool addr32, bool fs)
{
	/* All of them flat; CS is not writable in 32-bit code. */
	static const uint8_t without_effect[] = { 0x26, 0x36, 0x3e, 0x2e };
	bool stray_rex = s->bits == 64 && !s->rex_is_last && one_in(seed, 16);	/* without effect: SDM vol. 2A 2.2.1 */

	if (stray_rex)
		put(o, 0x40 | below(seed, 16), 1);
	if (stray_rex || one_in(seed, 16))
		put(o, without_effect[below(seed, s->bits == 64 ? 4 : 3)], 1);
	if (fs)
		put(o, 0x64, 1);
	if (o->opsize == 2)
		put(o, 0x66, 1);
	if (lock)
		put(o, 0xf0, 1);
	if (addr32 && s->bits == 64)
		put(o, 0x67, 1);
	if (o->opsize == 2 && one_in(seed, 8))
		put(o, 0x66, 1);
}

static void encode_rex(uint64_t *seed, struct instance *o, unsigned reg, const struct address *a)
{
	bool wide = o->opsize == 8 && o->form->kind != KIND_CMPXCHG8B;
	unsigned rex = (wide || o->form->kind == KIND_CMPXCHG16B ? 8u : 0) | (reg & 8 ? 4u : 0) |
		       (a->index >= 8 ? 2u : 0) | (a->base >= 8 ? 1u : 0);

	if (rex || one_in(seed, 4))
		put(o, 0x40 | rex, 1);
}

static bool form_exists(const struct form *f, unsigned bits)
{
	return bits == 64 || (f->size != SIZE_DQ && f->kind != KIND_CMPXCHG16B);
}

static unsigned choose_size(uint64_t *seed, unsigned bits, const struct form *f)
{
	static const uint8_t v[] = { 2, 4, 8 };

	switch (f->size) {
	case SIZE_8: return 1;
	case SIZE_V: return v[below(seed, bits == 64 ? 3 : 2)];
	case SIZE_D: return 4;
	case SIZE_DQ: return v[1 + below(seed, 2)];
	default: return f->kind == KIND_CMPXCHG16B ? 8 : 4;
	}
}

static uint64_t scratch_load(const struct scratch *s, uint64_t at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, s->memory + (at - s->base), bytes);
	return value;
}

/* Flags that a shift leaves undefined depend on its count (SDM vol. 2B). */
static uint64_t shift_undefined(const struct instance *o, uint64_t count)
{
	unsigned bits = o->opsize * 8;
	uint64_t undefined = 0;

	count &= o->opsize == 8 ? 63 : 31;
	if (!count)
		return 0;
	if (count != 1)
		undefined |= RFLAGS_OF;
	if (o->form->kind == KIND_SHIFT)
		undefined |= AF | (count >= bits ? RFLAGS_CF : 0);
	return undefined;
}

static void generate_string(uint64_t *seed, const struct scratch *s, struct instance *o)
{
	struct native_state *st = &o->in;
	bool rep = one_in(seed, 2), back = one_in(seed, 3), addr32 = s->bits == 64 && one_in(seed, 6);
	unsigned span = 100 * 8;
	uint64_t from = choose_address(seed, s, 1), to = choose_address(seed, s, 1);

	if (one_in(seed, 3))
		to = from + below(seed, 16);
	st->gpr[1] = below(seed, 100);
	st->gpr[6] = from;
	st->gpr[7] = to;
	if (addr32) {
		st->gpr[1] |= native_random(seed) << 32;
		st->gpr[6] |= native_random(seed) << 32;
		st->gpr[7] |= native_random(seed) << 32;
	}
	st->rflags |= back ? RFLAGS_DF : 0;
	/* Comparisons go on for a while only if there is something equal. */
	if (one_in(seed, 2))
		st->gpr[0] = scratch_load(s, to, 8);
	o->ea = to - (back ? span : 0);
	o->touched = span + 8;
	encode_prefixes(seed, s, o, false, addr32, false);
	if (rep)
		put(o, one_in(seed, 3) ? 0xf2 : 0xf3, 1);
	if (o->opsize == 8)
		put(o, 0x48, 1);
	put(o, o->form->opcode[0], 1);
}

static void generate_moffs(uint64_t *seed, const struct scratch *s, struct instance *o)
{
	bool addr32 = s->bits == 32 || one_in(seed, 3);

	o->ea = choose_address(seed, s, 1);
	o->touched = o->opsize;
	encode_prefixes(seed, s, o, false, addr32, false);
	if (o->opsize == 8)
		put(o, 0x48, 1);
	put(o, o->form->opcode[0], 1);
	put(o, o->ea, addr32 ? 4 : 8);
}

/* Make comparisons succeed half of the time. */
static void prepare_compare(uint64_t *seed, const struct scratch *s, const struct address *a, struct instance *o)
{
	struct native_state *st = &o->in;
	unsigned half = o->form->kind == KIND_CMPXCHG16B ? 8 : 4;

	if (o->form->kind != KIND_CMPXCHG && o->form->kind != KIND_CMPXCHG8B && o->form->kind != KIND_CMPXCHG16B)
		return;
	if (a->base == 0 || a->index == 0 || a->base == 2 || a->index == 2 || one_in(seed, 2))
		return;
	if (o->form->kind == KIND_CMPXCHG) {
		memcpy(&st->gpr[0], s->memory + (o->ea - s->base), o->opsize);
		return;
	}
	memcpy(&st->gpr[0], s->memory + (o->ea - s->base), half);
	memcpy(&st->gpr[2], s->memory + (o->ea - s->base) + half, half);
}

static bool must_be_aligned(const struct instance *o)
{
	const struct form *f = o->form;

	return o->lock || f->opcode[0] == 0x86 || f->opcode[0] == 0x87 || f->kind == KIND_CMPXCHG16B || f->kind == KIND_ALIGNED;
}

static void generate(uint64_t *seed, const struct scratch *s, uint64_t code, const struct form *f, struct instance *o)
{
	unsigned reg, patch, imm_bytes;
	uint64_t imm = interesting(seed), ea;
	struct address a;

	*o = (struct instance){ .form = f, .undefined = f->undefined };
	for (unsigned i = 0; i < 16; i++)
		o->in.gpr[i] = interesting(seed);
	o->in.rflags = RFLAGS_FIXED | RFLAGS_IF |
		       (native_random(seed) & (RFLAGS_CF | RFLAGS_PF | AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF));
	o->opsize = choose_size(seed, s->bits, f);
	if (f->kind == KIND_STRING) {
		generate_string(seed, s, o);
		return;
	}
	if (f->kind == KIND_MOFFS) {
		generate_moffs(seed, s, o);
		return;
	}
	o->lock = f->lockable && one_in(seed, 2);
	o->touched = f->mem_bytes ? f->mem_bytes : o->opsize;
	o->ea = choose_address(seed, s, must_be_aligned(o) || one_in(seed, 2) ? o->touched : 1);
	choose_form_of_address(seed, s->bits, &a);
	do
		reg = f->digit >= 0 ? (unsigned)f->digit : below(seed, s->bits == 64 ? 16 : 8);
	while (f->kind == KIND_BIT_REG && ((int)reg == a.base || (int)reg == a.index));
	if (f->kind == KIND_SHIFT || f->kind == KIND_ROTATE)
		imm = one_in(seed, 2) ? below(seed, 4) : imm;
	ea = o->ea;
	if (f->kind == KIND_BIT_REG) {
		int64_t offset = (int64_t)below(seed, 65536) - 32768;
		unsigned bits = o->opsize * 8;

		memcpy(&o->in.gpr[reg], &offset, o->opsize);
		ea = o->ea - (uint64_t)((offset & ~(int64_t)(bits - 1)) / 8);
	}
	prepare_compare(seed, s, &a, o);
	place_address(&a, a.fs ? ea - s->fs_base : ea, &o->in);
	if (f->kind == KIND_SHIFT || f->kind == KIND_ROTATE)
		o->undefined = shift_undefined(o, f->imm ? imm & 0xff : f->opcode[0] < 0xd2 ? 1 : o->in.gpr[1] & 0xff);
	encode_prefixes(seed, s, o, o->lock, a.addr32, a.fs);
	if (f->prefix)
		put(o, f->prefix, 1);
	if (s->bits == 64)
		encode_rex(seed, o, reg, &a);
	for (unsigned i = 0; i < f->opcode_bytes; i++)
		put(o, f->opcode[i], 1);
	patch = encode_address(o, &a, reg);
	imm_bytes = f->imm == 4 && o->opsize == 2 ? 2 : f->imm;
	put(o, imm, imm_bytes);
	if (patch && s->bits == 64) {
		uint32_t rel = (uint32_t)(ea - (code + o->length));

		memcpy(o->bytes + patch, &rel, 4);
	}
}

void native_generate_form(uint64_t *seed, const struct scratch *s, uint64_t code, const struct form *f, struct instance *o)
{
	do
		generate(seed, s, code, f, o);
	while (o->length > 15);		/* longer than an instruction may be: too many prefixes */
	for (unsigned i = 0; s->bits == 32 && i < 16; i++)
		o->in.gpr[i] = (uint32_t)o->in.gpr[i];
}

void native_generate(uint64_t *seed, const struct scratch *s, uint64_t code, struct instance *o)
{
	const struct form *f;

	do
		f = &native_forms[below(seed, native_forms_count)];
	while (!form_exists(f, s->bits));
	native_generate_form(seed, s, code, f, o);
}
