/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding from bytes, fetching through guest tables, and the classes of writes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/fakes/insn_said.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/insn/insn.h"

#define TABLES	0x1000ull
#define RAM	(1ull << 20)

static struct insn decode(const char *bytes, unsigned n, unsigned bits)
{
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)bytes, n, bits, 0x1000, &in), "not decoded in %u-bit code", bits);
	cr_assert(in.length == n, "%s: length %u", insn_said(&in, bits), in.length);
	return in;
}
#define DECODE(bits, bytes) decode(bytes, sizeof(bytes) - 1, bits)

/* What reports print: the target of a branch is where it leads from RIP, prefixes that capstone does not see included. */
Test(decode, text_is_made_on_demand)
{
	struct insn in = DECODE(64, "\xf2\xf2\xe8\x10\x00\x00\x00");
	char text[INSN_TEXT], small[4];

	insn_text(&in, 64, 0x1000, text, sizeof(text));
	cr_assert_not_null(strstr(text, "call 0x1017"), "%s", text);
	insn_text(&in, 64, 0x1000, small, sizeof(small));
	cr_assert_arr_eq(small, text, 3);
	cr_assert_eq(small[3], 0);
	in = DECODE(16, "\x89\x42\x01");
	insn_text(&in, 16, 0, text, sizeof(text));
	cr_assert_str_eq(text, "mov word ptr [bp + si + 1], ax");
}

/* The operand size of string instructions, whatever the order and number of prefixes. */
Test(decode, prefixes_in_any_order_and_number)
{
	static const struct { const char *bytes; unsigned n, bits, id, opsize; } cases[] = {
		{ "\x66\xf3\xab", 3, 64, X86_INS_STOSW, 2 }, { "\xf3\x66\xab", 3, 64, X86_INS_STOSW, 2 },
		{ "\x66\x66\xf3\xab", 4, 64, X86_INS_STOSW, 2 }, { "\x66\xf3\x48\xab", 4, 64, X86_INS_STOSQ, 8 },
		{ "\x48\x66\xf3\xab", 4, 64, X86_INS_STOSW, 2 }, { "\xf2\xf3\xab", 3, 32, X86_INS_STOSD, 4 },
		{ "\x66\xf3\xab", 3, 32, X86_INS_STOSW, 2 }, { "\x66\xf3\xab", 3, 16, X86_INS_STOSD, 4 },
		{ "\x3e\x26\x3e\xab", 4, 64, X86_INS_STOSD, 4 }, { "\x66\x66\x66\x66\xab", 5, 32, X86_INS_STOSW, 2 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct insn in = decode(cases[i].bytes, cases[i].n, cases[i].bits);

		cr_assert(in.id == cases[i].id && in.opsize == cases[i].opsize, "case %u is %s", i, insn_said(&in, cases[i].bits));
		cr_assert(in.op[0].size == in.opsize, "case %u: operand of %u bytes", i, in.op[0].size);
	}
}

Test(decode, last_repeat_prefix_counts)
{
	struct insn in = DECODE(64, "\xf3\xf2\xa6");

	cr_assert(in.repne && !in.rep);
	in = DECODE(64, "\xf2\xf3\xa6");
	cr_assert(in.rep && !in.repne);
}

Test(decode, segment_of_operands)
{
	static const struct { const char *bytes; unsigned n, bits, operand; enum sreg segment; } cases[] = {
		{ "\x89\x03", 2, 32, 0, SREG_DS }, { "\x89\x45\x00", 3, 32, 0, SREG_SS }, { "\x89\x04\x24", 3, 32, 0, SREG_SS },
		{ "\x89\x42\x01", 3, 16, 0, SREG_SS }, { "\x26\x89\x03", 3, 32, 0, SREG_ES }, { "\x2e\x89\x03", 3, 32, 0, SREG_CS },
		{ "\x64\x89\x03", 3, 64, 0, SREG_FS }, { "\x65\x89\x03", 3, 64, 0, SREG_GS }, { "\x36\x89\x03", 3, 64, 0, SREG_DS },
		{ "\x64\xa5", 2, 32, 0, SREG_ES }, { "\x64\xa5", 2, 32, 1, SREG_FS }, { "\x64\xaa", 2, 64, 0, SREG_ES },
		{ "\x3e\x89\x45\x00", 4, 32, 0, SREG_DS }, { "\xa5", 1, 32, 1, SREG_DS },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct insn in = decode(cases[i].bytes, cases[i].n, cases[i].bits);

		cr_assert(in.op[cases[i].operand].segment == cases[i].segment, "case %u, %s: segment %u", i, insn_said(&in, cases[i].bits),
			  in.op[cases[i].operand].segment);
	}
}

Test(decode, registers_of_every_file)
{
	struct insn in = DECODE(64, "\x88\x20");	/* mov [rax], ah */

	cr_assert(in.op[1].reg == GPR_RAX && in.op[1].high && in.op[1].size == 1);
	in = DECODE(64, "\x40\x88\x20");		/* mov [rax], spl */
	cr_assert(in.op[1].reg == GPR_RSP && !in.op[1].high);
	in = DECODE(64, "\x45\x89\x3b");		/* mov [r11], r15d */
	cr_assert(in.op[0].base == GPR_R11 && in.op[1].reg == GPR_R15 && in.op[1].size == 4);
	in = DECODE(64, "\x0f\x22\xd8");		/* mov cr3, rax */
	cr_assert(in.op[0].is_creg && in.op[0].reg == 3);
	in = DECODE(64, "\x0f\x23\xf8");		/* mov dr7, rax */
	cr_assert(in.op[0].is_dreg && in.op[0].reg == 7);
	in = DECODE(64, "\x8e\xe0");			/* mov fs, ax */
	cr_assert(in.op[0].is_sreg && in.op[0].reg == SREG_FS);
	in = DECODE(64, "\x0f\x11\x00");		/* movups [rax], xmm0 */
	cr_assert(in.op[1].type == OPERAND_REG && in.op[1].reg == 0xff && in.op[0].size == 16);
}

Test(decode, movsxd_without_rex_w_is_32_bits)
{
	struct insn in = DECODE(64, "\x63\x00");

	cr_assert(in.op[0].size == 4 && in.op[1].size == 4);
	in = DECODE(64, "\x48\x63\x00");
	cr_assert(in.op[0].size == 8 && in.op[1].size == 4);
}

Test(decode, refuses_what_is_no_instruction)
{
	struct insn in;

	cr_assert(insn_decode((const uint8_t *)"\x06", 1, 64, 0, &in) == -EOPNOTSUPP);
	cr_assert(insn_decode((const uint8_t *)"\xc7\x00\x01", 3, 64, 0, &in) == -EOPNOTSUPP);
	cr_assert(insn_decode((const uint8_t *)"", 0, 32, 0, &in) == -EOPNOTSUPP);
	cr_assert(insn_decode((const uint8_t *)"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66", 15, 64, 0, &in) ==
		  -EOPNOTSUPP);
	/* Longer than 15 bytes: #GP on a CPU, so not to be carried out. */
	cr_assert(insn_decode((const uint8_t *)"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xc7\x00\x01\x02", 16, 32, 0, &in) ==
		  -EOPNOTSUPP);
}

/* Random bytes: no crash, lengths in range. */
Test(decode, survives_random_bytes)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull;

	for (unsigned n = 0; n < 60000; n++) {
		uint8_t bytes[15];
		struct insn in;
		unsigned bits = 16u << n % 3, have = 1 + n % 15;

		for (unsigned i = 0; i < have; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			bytes[i] = (uint8_t)(seed >> 56);
		}
		if (!insn_decode(bytes, have, bits, seed, &in))
			cr_assert(in.length >= 1 && in.length <= have && in.noperands <= 4);
	}
}

Test(decode, effective_addresses_wrap_at_the_address_size)
{
	static const struct { const char *bytes; unsigned n, bits; uint64_t ea; } cases[] = {
		{ "\x89\x43\x7f", 3, 64, 0x7e }, { "\x67\x89\x43\x7f", 4, 64, 0x7e },
		{ "\xa3\x00\x10\x00\xf0", 5, 32, 0xf0001000 }, { "\x89\x05\x00\x10\x00\xf0", 6, 32, 0xf0001000 },
		{ "\x89\x04\x25\x00\x10\x00\xf0", 7, 64, 0xfffffffff0001000ull }, { "\x89\x05\x10\x00\x00\x00", 6, 64, 0x16 + 0x4000 },
		{ "\x89\x07", 2, 16, 0xffff },
	};
	struct fake_vcpu f;

	fake_vcpu_init(&f, RAM);
	f.v.cpu.gpr[GPR_RBX] = ~0ull;
	f.v.cpu.rip = 0x4000;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct insn in = decode(cases[i].bytes, cases[i].n, cases[i].bits);
		uint64_t ea = insn_effective(&f.v, &in, &in.op[0]);

		cr_assert(ea == cases[i].ea, "%s: %#lx", insn_said(&in, cases[i].bits), (unsigned long)ea);
	}
	fake_vcpu_fini(&f);
}

/* 4-level tables for two pages of code at 0x40000000: the second one is mapped on demand. */
static void map_code(struct fake_vcpu *f, bool second)
{
	struct cpu_state *c = &f->v.cpu;

	fake_put64(f, TABLES, 0x2000 | PTE_P | PTE_W);
	fake_put64(f, 0x2000 + 8, 0x3000 | PTE_P | PTE_W);
	fake_put64(f, 0x3000, 0x4000 | PTE_P | PTE_W);
	fake_put64(f, 0x4000, 0x10000 | PTE_P | PTE_W);
	fake_put64(f, 0x4008, second ? 0x20000 | PTE_P | PTE_W : 0);
	c->cr0 |= CR0_PG;
	c->cr3 = TABLES;
	c->cr4 = CR4_PAE;
	c->efer = EFER_LME | EFER_LMA | EFER_NXE;
	c->seg[SREG_CS].l = true;
	c->seg[SREG_CS].db = false;
	fake_vcpu_sync(f);
}

Test(fetch, needs_no_second_page_for_a_short_instruction)
{
	struct fake_vcpu f;
	struct insn in;

	fake_vcpu_init(&f, RAM);
	map_code(&f, false);
	memcpy(fake_ram(&f, 0x10ffe, 2), "\x89\x03", 2);
	f.v.cpu.rip = 0x40000ffe;
	cr_assert(insn_fetch(&f.v, &in) == 0 && in.length == 2 && in.id == X86_INS_MOV);
	fake_vcpu_fini(&f);
}

Test(fetch, faults_at_the_first_byte_of_the_second_page)
{
	struct fake_vcpu f;
	struct insn in;

	fake_vcpu_init(&f, RAM);
	map_code(&f, false);
	memcpy(fake_ram(&f, 0x10ffe, 2), "\xc7\x03", 2);
	f.v.cpu.rip = 0x40000ffe;
	cr_assert(insn_fetch(&f.v, &in) == -EFAULT);
	cr_assert(f.v.exc.vector == VEC_PF && f.v.exc.cr2 == 0x40001000 && f.v.exc.error == PF_I);
	map_code(&f, true);
	memcpy(fake_ram(&f, 0x20000, 4), "\x11\x22\x33\x44", 4);
	cr_assert(insn_fetch(&f.v, &in) == 0 && in.length == 6 && in.op[1].imm == 0x44332211);
	fake_vcpu_fini(&f);
}

Test(fetch, obeys_limit_and_canonical_range)
{
	struct fake_vcpu f;
	struct insn in;

	fake_vcpu_init(&f, RAM);
	memcpy(fake_ram(&f, 0x5000, 6), "\xc7\x03\x11\x22\x33\x44", 6);
	f.v.cpu.seg[SREG_CS].base = 0x4000;
	f.v.cpu.rip = 0x1000;
	f.v.cpu.seg[SREG_CS].limit = 0x1005;
	cr_assert(insn_fetch(&f.v, &in) == 0 && in.length == 6);
	f.v.cpu.seg[SREG_CS].limit = 0x1004;
	cr_assert(insn_fetch(&f.v, &in) == -EFAULT && f.v.exc.vector == VEC_GP && f.v.exc.error == 0);
	f.v.cpu.seg[SREG_CS].limit = 0xfff;
	cr_assert(insn_fetch(&f.v, &in) == -EFAULT && f.v.exc.vector == VEC_GP);
	map_code(&f, false);
	f.v.cpu.rip = 0x800000000000;
	cr_assert(insn_fetch(&f.v, &in) == -EFAULT && f.v.exc.vector == VEC_GP);
	fake_vcpu_fini(&f);
}

struct class_case {
	const char *bytes;
	unsigned n;
	enum write_class class;
	unsigned size;
	bool emulated;
	uint64_t rcx, rax, rdi;
	unsigned cpl;
};

/* RBX = 0x8008 in all cases; 64-bit code, RIP 0x4000. */
static const struct class_case class_cases[] = {
	{ "\x48\x89\x03", 3, WRITE_CLASS_SIMPLE, 8, true }, { "\x89\x03", 2, WRITE_CLASS_SIMPLE, 4, true },
	{ "\x48\x8b\x03", 3, WRITE_CLASS_UNKNOWN, 0, false }, { "\x48\x8d\x03", 3, WRITE_CLASS_UNKNOWN, 0, false },
	{ "\x85\x03", 2, WRITE_CLASS_UNKNOWN, 0, false }, { "\x39\x03", 2, WRITE_CLASS_UNKNOWN, 0, false },
	{ "\xf0\x0f\xb1\x0b", 4, WRITE_CLASS_SIMPLE, 4, true }, { "\x48\x0f\xc7\x0b", 4, WRITE_CLASS_REUSE, 16, true },
	{ "\x0f\xc7\x0b", 3, WRITE_CLASS_SIMPLE, 8, true },
	{ "\x48\x89\x43\x01", 4, WRITE_CLASS_REUSE, 8, true }, { "\x89\x43\x01", 3, WRITE_CLASS_SIMPLE, 4, true },
	{ "\x87\x43\x01", 3, WRITE_CLASS_UNKNOWN, 4, false }, { "\xf0\x09\x43\x01", 4, WRITE_CLASS_UNKNOWN, 4, false },
	{ "\x89\x83\xf6\x0f\x00\x00", 6, WRITE_CLASS_REUSE, 4, true },
	{ "\x48\x89\x03", 3, WRITE_CLASS_REUSE, 8, true, .cpl = 3 },
	{ "\x50", 1, WRITE_CLASS_REUSE, 8, false }, { "\x66\x50", 2, WRITE_CLASS_REUSE, 2, false },
	{ "\xe8\0\0\0\0", 5, WRITE_CLASS_REUSE, 8, false }, { "\x9c", 1, WRITE_CLASS_REUSE, 8, false },
	{ "\x89\x44\x24\x08", 4, WRITE_CLASS_REUSE, 4, true }, { "\x0f\xae\x03", 3, WRITE_CLASS_REUSE, 512, false },
	{ "\x48\x0f\xc3\x03", 4, WRITE_CLASS_REUSE, 8, true }, { "\x66\x0f\xe7\x03", 4, WRITE_CLASS_REUSE, 16, false },
	{ "\x0f\x11\x03", 3, WRITE_CLASS_REUSE, 16, false, .rdi = 0 },
	{ "\xf2\x0f\x11\x03", 4, WRITE_CLASS_UNKNOWN, 8, false }, { "\xdd\x1b", 2, WRITE_CLASS_UNKNOWN, 8, false },
	/* BTR with an immediate: bit 1 of an 8-byte entry, and of its high half; bit 5; modulo the operand size. */
	{ "\x48\x0f\xba\x33\x01", 5, WRITE_CLASS_FORK, 8, true }, { "\x0f\xba\x33\x21", 4, WRITE_CLASS_FORK, 4, true },
	{ "\x0f\xba\x73\x04\x01", 5, WRITE_CLASS_SIMPLE, 4, true }, { "\x48\x0f\xba\x33\x05", 5, WRITE_CLASS_SIMPLE, 8, true },
	{ "\x48\x0f\xba\x2b\x01", 5, WRITE_CLASS_SIMPLE, 8, true }, { "\xf0\x48\x0f\xba\x33\x01", 6, WRITE_CLASS_FORK, 8, true },
	/* BTR with a register offset: counted from the operand, across words. */
	{ "\x0f\xb3\x0b", 3, WRITE_CLASS_FORK, 4, true, .rcx = 1 }, { "\x0f\xb3\x0b", 3, WRITE_CLASS_SIMPLE, 4, true, .rcx = 33 },
	{ "\x0f\xb3\x0b", 3, WRITE_CLASS_FORK, 4, true, .rcx = 65 },
	{ "\x0f\xb3\x0b", 3, WRITE_CLASS_FORK, 4, true, .rcx = (uint32_t)-63 },
	/* LOCK AND and CMPXCHG that take R/W away and nothing else; without LOCK, with more, from the high half: writes. */
	{ "\xf0\x83\x23\xfd", 4, WRITE_CLASS_FORK_LOCKED, 4, true }, { "\xf0\x80\x23\xfd", 4, WRITE_CLASS_FORK_LOCKED, 1, true },
	{ "\xf0\x48\x83\x23\xfd", 5, WRITE_CLASS_FORK_LOCKED, 8, true }, { "\x83\x23\xfd", 3, WRITE_CLASS_SIMPLE, 4, true },
	{ "\xf0\x83\x23\xfc", 4, WRITE_CLASS_SIMPLE, 4, true }, { "\xf0\x83\x23\xff", 4, WRITE_CLASS_SIMPLE, 4, true },
	{ "\xf0\x83\x63\x04\xfd", 5, WRITE_CLASS_SIMPLE, 4, true }, { "\xf0\x80\x63\x01\xfd", 5, WRITE_CLASS_SIMPLE, 1, true },
	{ "\xf0\x48\x21\x0b", 4, WRITE_CLASS_FORK_LOCKED, 8, true, .rcx = ~2ull },
	{ "\xf0\x48\x0f\xb1\x0b", 5, WRITE_CLASS_FORK_LOCKED, 8, true, .rcx = 0x5065, .rax = 0x5067 },
	{ "\x48\x0f\xb1\x0b", 4, WRITE_CLASS_FORK_LOCKED, 8, true, .rcx = 0x5065, .rax = 0x5067 },
	{ "\xf0\x48\x0f\xb1\x0b", 5, WRITE_CLASS_SIMPLE, 8, true, .rcx = 0x5067, .rax = 0x5065 },
	{ "\xf0\x48\x0f\xb1\x0b", 5, WRITE_CLASS_SIMPLE, 8, true, .rcx = 0x5045, .rax = 0x5067 },
	{ "\xf0\x0f\xb1\x4b\x04", 5, WRITE_CLASS_SIMPLE, 4, true, .rcx = 0x5065, .rax = 0x5067 },
	{ "\xf0\x0f\xc7\x0b", 4, WRITE_CLASS_SIMPLE, 8, true, .rcx = 0, .rax = 2 },
	/* REP STOS: each condition of acceptance. */
	{ "\xf3\x48\xab", 3, WRITE_CLASS_REP_STOS, 8, true, 32, 0, 0x8000 },
	{ "\xf3\xab", 2, WRITE_CLASS_REP_STOS, 4, true, 0, 0x80, 0x8000 },
	{ "\xf3\x48\xab", 3, WRITE_CLASS_STRING, 8, true, 33, 0, 0x8000 },
	{ "\xf3\x48\xab", 3, WRITE_CLASS_REUSE, 8, true, 64, 0, 0x8000 },
	{ "\xf3\x48\xab", 3, WRITE_CLASS_REUSE, 8, true, ~0ull, 0, 0x8000 },
	{ "\xf3\x48\xab", 3, WRITE_CLASS_STOS_ANY, 8, true, 8, 1, 0x8000 },
	{ "\xf3\xab", 2, WRITE_CLASS_STRING, 4, true, 8, 0, 0x8002 },
	{ "\xf3\xab", 2, WRITE_CLASS_STRING, 4, true, 32, 0, 0x8fc0 },
	{ "\xf3\xab", 2, WRITE_CLASS_STRING, 4, true, 8, 0, 0x4800 },
	{ "\xf2\xab", 2, WRITE_CLASS_STRING, 4, true, 8, 0, 0x8000 }, { "\xf3\xaa", 2, WRITE_CLASS_STRING, 1, true, 8, 0, 0x8000 },
	{ "\xf3\xab", 2, WRITE_CLASS_REUSE, 4, true, 8, 0, 0x8000, .cpl = 3 },
	{ "\xf3\xa5", 2, WRITE_CLASS_STRING, 4, true, 8, 0, 0x8000 }, { "\xa4", 1, WRITE_CLASS_STRING, 1, true, 0, 0, 0x8000 },
	{ "\xf3\xa4", 2, WRITE_CLASS_REUSE, 1, true, 512, 0, 0x8000 },
	{ "\x6d", 1, WRITE_CLASS_STRING, 4, false, 8, 0, 0x8000 },
};

Test(classify, class_size_and_emulated)
{
	struct fake_vcpu f;

	fake_vcpu_init(&f, RAM);
	fake_vcpu_long_mode(&f, TABLES, true);
	f.v.cpu.gpr[GPR_RBX] = 0x8008;
	f.v.cpu.gpr[GPR_RSP] = 0x9000;
	f.v.cpu.rip = 0x4000;
	for (unsigned i = 0; i < sizeof(class_cases) / sizeof(class_cases[0]); i++) {
		const struct class_case *t = &class_cases[i];
		struct insn in = decode(t->bytes, t->n, 64);
		struct insn_write w;

		f.v.cpu.gpr[GPR_RCX] = t->rcx;
		f.v.cpu.gpr[GPR_RAX] = t->rax;
		f.v.cpu.gpr[GPR_RDI] = t->rdi;
		f.v.cpu.cpl = (uint8_t)t->cpl;
		insn_classify_write(&f.v, &in, 0x8008, 8, &w);
		cr_assert(w.class == t->class && w.size == t->size && w.emulated == t->emulated,
			  "case %u, %s: class %u size %u emulated %u", i, insn_said(&in, 64), w.class, w.size, w.emulated);
	}
	fake_vcpu_fini(&f);
}

Test(classify, fork_in_four_byte_entries_is_bit_1_of_every_dword)
{
	struct insn in = DECODE(32, "\x0f\xba\x73\x04\x01");
	struct insn_write w;
	struct fake_vcpu f;

	fake_vcpu_init(&f, RAM);
	f.v.cpu.gpr[GPR_RBX] = 0x8000;
	insn_classify_write(&f.v, &in, 0x8004, 4, &w);
	cr_assert(w.class == WRITE_CLASS_FORK);
	insn_classify_write(&f.v, &in, 0x8004, 8, &w);
	cr_assert(w.class == WRITE_CLASS_SIMPLE);
	fake_vcpu_fini(&f);
}

Test(classify, stos_backwards_is_not_accepted)
{
	struct insn in = DECODE(32, "\xf3\xab");
	struct insn_write w;
	struct fake_vcpu f;

	fake_vcpu_init(&f, RAM);
	f.v.cpu.gpr[GPR_RDI] = 0x8000;
	f.v.cpu.gpr[GPR_RCX] = 4;
	insn_classify_write(&f.v, &in, 0x8000, 4, &w);
	cr_assert(w.class == WRITE_CLASS_REP_STOS);
	f.v.cpu.rflags |= RFLAGS_DF;
	insn_classify_write(&f.v, &in, 0x8000, 4, &w);
	cr_assert(w.class == WRITE_CLASS_STRING);
	fake_vcpu_fini(&f);
}

/* Found by comparison with the CPU (test_emulate_cpu.c): capstone takes the F2 for a mandatory prefix and forgets the 66. */
Test(decode, operand_size_of_66_with_a_repeat_prefix_before_a_two_byte_opcode)
{
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)"\x66\xf2\x0f\xba\x31\x19", 6, 64, 0, &in), "BTR word [rcx], 25");
	cr_assert(in.id == X86_INS_BTR && in.op[0].size == 2 && in.opsize == 2 && in.length == 6, "%s", insn_said(&in, 64));
	cr_assert(!insn_decode((const uint8_t *)"\xf3\x66\x0f\xc1\x01", 5, 64, 0, &in), "XADD [rcx], ax");
	cr_assert(in.id == X86_INS_XADD && in.op[0].size == 2 && in.length == 5, "%s", insn_said(&in, 64));
	/* ... but F3 is mandatory for these. */
	cr_assert(!insn_decode((const uint8_t *)"\xf3\x0f\xb8\xc1", 4, 64, 0, &in) && in.id == X86_INS_POPCNT, "%s", insn_said(&in, 64));
}

/* Found likewise: with another prefix between F2 and 0F, CRC32 was MOVBE, which writes. */
Test(decode, crc32_with_a_prefix_between_is_no_movbe)
{
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)"\xf2\x3e\x0f\x38\xf1\x1b", 6, 32, 0, &in), "CRC32 ebx, [ebx]");
	cr_assert(in.id == X86_INS_CRC32 && in.length == 6, "%s", insn_said(&in, 32));
	cr_assert(!insn_decode((const uint8_t *)"\x36\xf2\x67\x0f\x38\xf1\xae\x37\x13", 9, 32, 0, &in), "CRC32 ebp, ss:[bp+0x1337]");
	cr_assert(in.id == X86_INS_CRC32 && in.length == 9, "%s", insn_said(&in, 32));
}

/* Found likewise: the CPU raises #UD. */
Test(decode, movnti_and_movbe_with_prefixes_that_they_do_not_have)
{
	static const struct { const char *bytes; unsigned n; } cases[] = {
		{ "\xf2\x0f\xc3\x01", 4 }, { "\xf3\x0f\xc3\x01", 4 }, { "\x66\x0f\xc3\x01", 4 }, { "\xf3\x0f\x38\xf1\x01", 5 },
		{ "\xf3\x0f\x38\xf0\x01", 5 },
	};
	struct insn in;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert(insn_decode((const uint8_t *)cases[i].bytes, cases[i].n, 64, 0, &in) == -EOPNOTSUPP, "case %u", i);
	cr_assert(!insn_decode((const uint8_t *)"\x0f\xc3\x01", 3, 64, 0, &in) && in.id == X86_INS_MOVNTI, "%s", insn_said(&in, 64));
	cr_assert(!insn_decode((const uint8_t *)"\x66\x0f\x38\xf1\x01", 5, 64, 0, &in) && in.id == X86_INS_MOVBE, "%s", insn_said(&in, 64));
}
