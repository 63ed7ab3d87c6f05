/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stores.elf: which instructions. Those that the unit tests of the emulator generate (tests/unit/trapd/emulate/native_forms.h), as far as they
 * write memory, and some that no emulator here knows. 64-bit code, the guest's kernel; XMM registers hold anything.
 */
#include "tests/guests/stores.h"

/* What native_generate_form() leaves at both ends of the memory that it is given: room for strings. */
#define MARGIN		6144ul

#define RSP		4u

/* The result of a double shift by more than the operand's size is undefined, its flags with it. */
#define SHIFT_UNDEF	(RFLAGS_CF | RFLAGS_OF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF)

/* SDM vol. 2: SSE and SSE2 stores; SHLD, SHRD. PUSH has no memory operand, its kind is its own. */
static const struct form others[] = {
	{ "movups", { 0x0f, 0x11 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 16 },
	{ "movaps", { 0x0f, 0x29 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_ALIGNED, 16 },
	{ "movntps", { 0x0f, 0x2b }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_ALIGNED, 16 },
	{ "movlps", { 0x0f, 0x13 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 8 },
	{ "movss", { 0x0f, 0x11 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 4, 0xf3 },
	{ "movsd", { 0x0f, 0x11 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 8, 0xf2 },
	{ "movdqu", { 0x0f, 0x7f }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 16, 0xf3 },
	{ "movdqa", { 0x0f, 0x7f }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_ALIGNED, 16, 0x66 },
	{ "movd", { 0x0f, 0x7e }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 4, 0x66 },
	{ "movq", { 0x0f, 0xd6 }, 2, -1, SIZE_FIXED, 0, false, 0, KIND_PLAIN, 8, 0x66 },
	{ "shld Ev,Gv,Ib", { 0x0f, 0xa4 }, 2, -1, SIZE_V, 1, false, SHIFT_UNDEF },
	{ "shrd Ev,Gv,CL", { 0x0f, 0xad }, 2, -1, SIZE_V, 0, false, SHIFT_UNDEF },
};
#define OTHERS (sizeof(others) / sizeof(others[0]))
static const struct form push = { "push" };

uint64_t stores_fs_base;
bool stores_tcg;

static bool cpuid1_ecx(unsigned bit)
{
	static uint32_t ecx;

	if (!ecx)
		ecx = cpuid_read(1, 0).ecx;
	return ecx >> bit & 1;
}

/* SDM vol. 2D table A-3, of what native_forms has. */
static bool form_stores_0f(const struct form *f)
{
	switch (f->opcode[1]) {
	case 0x38:
		return f->opcode[2] == 0xf1 && cpuid1_ecx(22);		/* MOVBE */
	case 0xba:
		return f->digit != 4;
	case 0xc7:
		return f->kind != KIND_CMPXCHG16B || cpuid1_ecx(13);
	case 0xab: case 0xb3: case 0xbb: case 0xb0: case 0xb1: case 0xc0: case 0xc1: case 0xc3:
		return true;
	default:
		return (f->opcode[1] & 0xf0) == 0x90;			/* SETcc */
	}
}

/* SDM vol. 2D table A-2: what writes its memory operand. CMP, TEST and loads do not. */
static bool form_stores(const struct form *f)
{
	uint8_t opcode = f->opcode[0];

	if (opcode == 0x0f)
		return form_stores_0f(f);
	if (opcode < 0x40)
		return opcode < 0x38 && !(opcode & 2);
	switch (opcode) {
	case 0x80: case 0x81: case 0x83:
		return f->digit != 7;
	case 0xf6: case 0xf7:
		return f->digit != 0;
	case 0x63: case 0x84: case 0x85: case 0x8a: case 0x8b: case 0xa0: case 0xa1: case 0xa6: case 0xa7: case 0xac: case 0xad:
	case 0xae: case 0xaf:
		return false;
	default:
		return true;
	}
}

static bool form_is_rotate_through_cf(const struct form *f)
{
	return f->kind == KIND_ROTATE && (f->digit == 2 || f->digit == 3);
}

static unsigned below(uint64_t *random, unsigned n)
{
	return (unsigned)(native_random(random) >> 33) % n;
}

/* Strings have few forms and many ways to go. */
static const struct form *form_choose(uint64_t *random)
{
	unsigned way = below(random, 32);
	const struct form *f;

	if (!way) {
		f = &others[below(random, OTHERS + 1)];
		return f == &others[OTHERS] ? &push : f;
	}
	do
		f = &native_forms[below(random, native_forms_count)];
	while (!form_stores(f) || (way == 1 && f->kind != KIND_STRING) || (stores_tcg && form_is_rotate_through_cf(f)));
	return f;
}

/* PUSH of a register or of a constant. */
static void push_choose(uint64_t *random, const struct scratch *s, struct instance *out)
{
	uint64_t value = native_random(random);
	unsigned i;

	*out = (struct instance){ .form = &push, .opsize = value >> 8 & 3 ? 8 : 2 };
	for (i = 0; i < 16; i++)
		out->in.gpr[i] = native_random(random);
	out->touched = out->opsize;
	out->ea = s->base + MARGIN + below(random, PAGE_BYTES);
	out->in.gpr[RSP] = out->ea + out->opsize;
	if (out->opsize == 2)
		out->bytes[out->length++] = 0x66;
	if (value >> 10 & 1)
		out->bytes[out->length++] = 0x40 | (value >> 12 & 7);	/* without W, which would make it eight bytes */
	if (value >> 11 & 1) {
		out->bytes[out->length++] = 0x50 | (value >> 16 & 7);
	} else {
		out->bytes[out->length++] = 0x6a;
		out->bytes[out->length++] = (uint8_t)(value >> 16);
	}
}

/*
 * Some hosts cannot go back to code whose RSP is not canonical and emulate that code themselves, not knowing all of it; so RSP is
 * canonical.
 */
void insn_choose(uint64_t *random, uint64_t code, struct instance *out)
{
	do {
		/* Most in or beside the root: whatever is written there has to be emulated, other tables can be let go. */
		uint64_t page = below(random, 8) < 5 ? ROOT_PAGE : 1 + below(random, PAGES - 2);
		uint64_t base = WINDOW_VA + page * PAGE_BYTES - MARGIN;
		const struct scratch s = { 64, base, PAGE_BYTES + 2 * MARGIN, stores_fs_base, (const uint8_t *)base,
					   stores_tcg };
		const struct form *f = form_choose(random);

		if (f == &push)
			push_choose(random, &s, out);
		else
			native_generate_form(random, &s, code, f, out);
	} while (range_links(out->ea, out->ea + out->touched) || !x86_is_canonical(out->in.gpr[RSP]));
	out->in.rflags &= ~RFLAGS_IF;	/* the guest takes no interrupts */
	out->in.rflags |= RFLAGS_FIXED;
}

void insn_name(const struct instance *in, char name[16])
{
	const char *from = in->form->name;
	unsigned n = 0;

	for (; *from && *from != ' ' && n < 15; from++)
		name[n++] = *from;
	for (; n < 16; n++)
		name[n] = '\0';
}
