/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of what writes memory against the CPU that runs the test: each form is run natively over two complementary
 * patterns, and the bytes that changed under either must be those that insn_classify_write() claims. Arithmetic has its own
 * comparison (test_emulate_native.c); here are the forms that are not emulated, and those that must not count as writes.
 */
#include <cpuid.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/fakes/insn_said.h"
#include "tests/unit/trapd/emulate/native_forms.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/insn/insn.h"

#define AREA	2048u
#define AT	1024u

enum base { AT_RBX, AT_RDI, BELOW_RSP };

struct write_case {
	const char *name, *bytes;
	unsigned n, size;		/* 0: no write */
	enum base base;
	bool partly;			/* some bytes of the range keep their value */
	enum write_class class;
};

#define CASE(name, bytes, ...) { name, bytes, sizeof(bytes) - 1, __VA_ARGS__ }
#define UNKNOWN WRITE_CLASS_UNKNOWN
#define REUSE WRITE_CLASS_REUSE
#define SIMPLE WRITE_CLASS_SIMPLE

/* RBX and RDI point to 64-byte aligned memory, RSP as well. SSE2 and x87 only, or what host_lacks() knows. */
static const struct write_case cases[] = {
	CASE("movups", "\x0f\x11\x03", 16, AT_RBX, false, UNKNOWN), CASE("movupd", "\x66\x0f\x11\x03", 16, AT_RBX, false, UNKNOWN),
	CASE("movaps", "\x0f\x29\x03", 16, AT_RBX, false, UNKNOWN), CASE("movapd", "\x66\x0f\x29\x03", 16, AT_RBX, false, UNKNOWN),
	CASE("movss", "\xf3\x0f\x11\x03", 4, AT_RBX, false, UNKNOWN), CASE("movsd", "\xf2\x0f\x11\x03", 8, AT_RBX, false, UNKNOWN),
	CASE("movdqa", "\x66\x0f\x7f\x03", 16, AT_RBX, false, UNKNOWN), CASE("movdqu", "\xf3\x0f\x7f\x03", 16, AT_RBX, false, UNKNOWN),
	CASE("movd", "\x66\x0f\x7e\x03", 4, AT_RBX, false, UNKNOWN), CASE("movq W", "\x66\x48\x0f\x7e\x03", 8, AT_RBX, false, UNKNOWN),
	CASE("movq", "\x66\x0f\xd6\x03", 8, AT_RBX, false, UNKNOWN), CASE("movlps", "\x0f\x13\x03", 8, AT_RBX, false, UNKNOWN),
	CASE("movlpd", "\x66\x0f\x13\x03", 8, AT_RBX, false, UNKNOWN), CASE("movhps", "\x0f\x17\x03", 8, AT_RBX, false, UNKNOWN),
	CASE("movhpd", "\x66\x0f\x17\x03", 8, AT_RBX, false, UNKNOWN), CASE("movq mm", "\x0f\x7f\x03", 8, AT_RBX, false, UNKNOWN),
	CASE("movd mm", "\x0f\x7e\x03", 4, AT_RBX, false, UNKNOWN),
	CASE("movntps", "\x0f\x2b\x03", 16, AT_RBX, false, REUSE), CASE("movntpd", "\x66\x0f\x2b\x03", 16, AT_RBX, false, REUSE),
	CASE("movntdq", "\x66\x0f\xe7\x03", 16, AT_RBX, false, REUSE), CASE("movntq", "\x0f\xe7\x03", 8, AT_RBX, false, REUSE),
	CASE("movnti", "\x0f\xc3\x03", 4, AT_RBX, false, REUSE), CASE("movnti W", "\x48\x0f\xc3\x03", 8, AT_RBX, false, REUSE),
	CASE("maskmovdqu", "\x66\x0f\xf7\xc8", 16, AT_RDI, true, REUSE), CASE("maskmovq", "\x0f\xf7\xc8", 8, AT_RDI, true, REUSE),
	CASE("fst m32", "\xd9\x13", 4, AT_RBX, false, UNKNOWN), CASE("fst m64", "\xdd\x13", 8, AT_RBX, false, UNKNOWN),
	CASE("fstp m32", "\xd9\x1b", 4, AT_RBX, false, UNKNOWN), CASE("fstp m64", "\xdd\x1b", 8, AT_RBX, false, UNKNOWN),
	CASE("fstp m80", "\xdb\x3b", 10, AT_RBX, false, UNKNOWN), CASE("fist m16", "\xdf\x13", 2, AT_RBX, false, UNKNOWN),
	CASE("fist m32", "\xdb\x13", 4, AT_RBX, false, UNKNOWN), CASE("fistp m16", "\xdf\x1b", 2, AT_RBX, false, UNKNOWN),
	CASE("fistp m32", "\xdb\x1b", 4, AT_RBX, false, UNKNOWN), CASE("fistp m64", "\xdf\x3b", 8, AT_RBX, false, UNKNOWN),
	CASE("fbstp", "\xdf\x33", 10, AT_RBX, false, UNKNOWN), CASE("fnstcw", "\xd9\x3b", 2, AT_RBX, false, UNKNOWN),
	CASE("fnstsw", "\xdd\x3b", 2, AT_RBX, false, UNKNOWN), CASE("fnstenv", "\xd9\x33", 28, AT_RBX, false, UNKNOWN),
	CASE("fnsave", "\xdd\x33", 108, AT_RBX, false, UNKNOWN), CASE("stmxcsr", "\x0f\xae\x1b", 4, AT_RBX, false, UNKNOWN),
	CASE("fxsave", "\x0f\xae\x03", 512, AT_RBX, true, REUSE), CASE("fxsave64", "\x48\x0f\xae\x03", 512, AT_RBX, true, REUSE),
	CASE("fisttp m32", "\xdb\x0b", 4, AT_RBX, false, UNKNOWN), CASE("fisttp m64", "\xdd\x0b", 8, AT_RBX, false, UNKNOWN),
	CASE("pextrb", "\x66\x0f\x3a\x14\x03\x01", 1, AT_RBX, false, UNKNOWN),
	CASE("pextrw", "\x66\x0f\x3a\x15\x03\x01", 2, AT_RBX, false, UNKNOWN),
	CASE("pextrd", "\x66\x0f\x3a\x16\x03\x01", 4, AT_RBX, false, UNKNOWN),
	CASE("pextrq", "\x66\x48\x0f\x3a\x16\x03\x01", 8, AT_RBX, false, UNKNOWN),
	CASE("extractps", "\x66\x0f\x3a\x17\x03\x01", 4, AT_RBX, false, UNKNOWN),
	CASE("push r", "\x50", 8, BELOW_RSP, false, REUSE), CASE("push r16", "\x66\x50", 2, BELOW_RSP, false, REUSE),
	CASE("push m", "\xff\x33", 8, BELOW_RSP, true, REUSE), CASE("push ib", "\x6a\x01", 8, BELOW_RSP, false, REUSE),
	CASE("push iz", "\x68\x01\x02\x03\x04", 8, BELOW_RSP, false, REUSE), CASE("pushf", "\x9c", 8, BELOW_RSP, false, REUSE),
	CASE("pushf 16", "\x66\x9c", 2, BELOW_RSP, false, REUSE), CASE("push fs", "\x0f\xa0", 8, BELOW_RSP, false, REUSE),
	CASE("call next", "\xe8\0\0\0\0", 8, BELOW_RSP, false, REUSE),
	CASE("mov m, ds", "\x8c\x1b", 2, AT_RBX, false, UNKNOWN), CASE("mov m, ds W", "\x48\x8c\x1b", 2, AT_RBX, false, UNKNOWN),
	CASE("shld", "\x0f\xa4\x03\x11", 4, AT_RBX, false, UNKNOWN), CASE("shrd", "\x48\x0f\xac\x03\x11", 8, AT_RBX, false, UNKNOWN),
	CASE("pop m", "\x8f\x03", 8, AT_RBX, true, UNKNOWN), CASE("movsb", "\xa4", 1, AT_RDI, true, WRITE_CLASS_STRING),
	CASE("stosq", "\x48\xab", 8, AT_RDI, false, WRITE_CLASS_STRING), CASE("cmpxchg8b", "\x0f\xc7\x0b", 8, AT_RBX, true, SIMPLE),
	CASE("cmpxchg16b", "\x48\x0f\xc7\x0b", 16, AT_RBX, true, SIMPLE), CASE("sete", "\x0f\x94\x03", 1, AT_RBX, false, SIMPLE),
	/* Forms with a memory operand that is read or not accessed at all. */
	CASE("movups load", "\x0f\x10\x03", 0), CASE("movsd load", "\xf2\x0f\x10\x03", 0), CASE("movq load", "\xf3\x0f\x7e\x03", 0),
	CASE("lea", "\x48\x8d\x03", 0), CASE("nop m", "\x0f\x1f\x03", 0), CASE("prefetch", "\x0f\x18\x0b", 0),
	CASE("cmp", "\x39\x03", 0), CASE("test", "\x85\x03", 0), CASE("bt", "\x0f\xba\x23\x01", 0), CASE("imul", "\x0f\xaf\x03", 0),
	CASE("pop r", "\x58", 0), CASE("fld", "\xd9\x03", 0), CASE("ldmxcsr", "\x0f\xae\x13", 0), CASE("cmpsb", "\xa6", 0),
	CASE("scasb", "\xae", 0), CASE("lodsb", "\xac", 0), CASE("add reg", "\x03\x03", 0), CASE("clflush", "\x0f\xae\x3b", 0),
	CASE("xchg regs", "\x87\xc1", 0), CASE("push then nothing: leave nop", "\x90", 0),
};

static bool host_lacks(const struct write_case *t)
{
	unsigned a, b, c = 0, d;
	bool sse4 = t->n >= 5 && strstr(t->name, "pextr"), sse3 = strncmp(t->name, "fisttp", 6) == 0;

	__get_cpuid(1, &a, &b, &c, &d);
	sse4 |= !strcmp(t->name, "extractps");
	return (sse4 && !(c & bit_SSE4_1)) || (sse3 && !(c & bit_SSE3));
}

struct bench { uint8_t *area, *code, *source; struct native_state st; };

static void prepare(struct bench *b)
{
	/* Low, so that the addresses fit the fake vCPU's identity mapping as well. */
	uint8_t *low = mmap((void *)0x20000000, 4 * 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	cr_assert(low == (void *)0x20000000);
	b->area = low;
	b->source = low + 4096;
	b->code = low + 8192;
	for (unsigned i = 0; i < 16; i++)
		b->st.gpr[i] = 0x1234567811223344 + i;
	b->st.gpr[GPR_RBX] = b->st.gpr[GPR_RSP] = b->st.gpr[GPR_RDI] = (uintptr_t)(b->area + AT);
	b->st.gpr[GPR_RSI] = (uintptr_t)b->source;
	b->st.rflags = RFLAGS_FIXED;
}

/* Bytes of the area that the instruction wrote, found out by two runs over complementary patterns. */
static void find_written(struct bench *b, const struct write_case *t, bool written[AREA])
{
	uint64_t back = (uintptr_t)native_return;
	/* 1.0f in every lane, 1.0 in the mask's sign bits: negative zero, so that masked moves store */
	static const uint32_t lanes[4] __attribute__((aligned(16))) = { 0xbf8181ff, 0x3f8181ff, 0xbf8181ff, 0x3f8181ff };

	memset(written, 0, AREA * sizeof(bool));
	for (unsigned round = 0; round < 2; round++) {
		uint8_t pattern = round ? 0xaa : 0x55;
		struct native_state st = b->st;

		memset(b->area, pattern, AREA);
		memset(b->source, 0x77, 4096);
		/* LDMXCSR shall load a valid value, FXSAVE and x87 stores need a clean x87 state. */
		if (!strcmp(t->name, "ldmxcsr"))
			memcpy(b->area + AT, "\x80\x1f\0\0", 4);
		memcpy(b->code, t->bytes, t->n);
		memcpy(b->code + t->n, "\xff\x25\0\0\0\0", 6);
		memcpy(b->code + t->n + 6, &back, 8);
		__asm__ __volatile__("fninit; movaps %0, %%xmm0; movaps %0, %%xmm1; movdq2q %%xmm0, %%mm0; movdq2q %%xmm1, %%mm1"
				     : : "m"(lanes) : "xmm0", "xmm1", "mm0", "mm1");
		if (t->bytes[0] == '\xd9' || t->bytes[0] == '\xdb' || t->bytes[0] == '\xdd' || t->bytes[0] == '\xdf')
			__asm__ __volatile__("fninit; fld1");
		native_run(&st, b->code);
		__asm__ __volatile__("fninit");
		for (unsigned i = 0; i < AREA; i++)
			written[i] |= b->area[i] != pattern;
		if (!strcmp(t->name, "ldmxcsr"))
			memset(written + AT, 0, 4 * sizeof(bool));
	}
}

static void check_case(struct bench *b, struct fake_vcpu *f, const struct write_case *t)
{
	unsigned first = t->base == BELOW_RSP ? AT - t->size : AT;
	bool written[AREA];
	struct insn_write w;
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)t->bytes, t->n, 64, (uintptr_t)b->code, &in) && in.length == t->n, "%s", t->name);
	memcpy(f->v.cpu.gpr, b->st.gpr, sizeof(f->v.cpu.gpr));
	f->v.cpu.rip = (uintptr_t)b->code;
	insn_classify_write(&f->v, &in, (uintptr_t)b->area + first, 8, &w);
	cr_assert(w.size == t->size && w.class == t->class, "%s (%s): size %u class %u", t->name, insn_said(&in, 64), w.size, w.class);
	cr_assert(!w.size || w.gva == (uintptr_t)b->area + first, "%s (%s): at %#lx", t->name, insn_said(&in, 64), w.gva);
	if (host_lacks(t))
		return;
	find_written(b, t, written);
	for (unsigned i = 0; i < AREA; i++) {
		bool inside = i >= first && i < first + t->size;

		cr_assert(inside || !written[i], "%s writes byte %d of its operand", t->name, (int)i - (int)first);
		cr_assert(!inside || written[i] || t->partly, "%s leaves byte %d of its operand", t->name, (int)i - (int)first);
	}
}

Test(insn_writes, sizes_and_places_are_those_of_the_cpu)
{
	struct fake_vcpu f;
	struct bench b;

	prepare(&b);
	fake_vcpu_init(&f, 1 << 20);
	fake_vcpu_long_mode(&f, 0x1000, false);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(&b, &f, &cases[i]);
	fake_vcpu_fini(&f);
}

static enum write_class class_of(struct fake_vcpu *f, const char *bytes, unsigned n)
{
	struct insn_write w;
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)bytes, n, 64, f->v.cpu.rip, &in) && in.length == n);
	insn_classify_write(&f->v, &in, 0, 8, &w);
	return w.class;
}
#define CLASS_OF(bytes) class_of(&f, bytes, sizeof(bytes) - 1)

Test(insn_writes, place_and_length_decide_too)
{
	struct fake_vcpu f;
	uint64_t *gpr = f.v.cpu.gpr;

	fake_vcpu_init(&f, 1 << 20);
	fake_vcpu_long_mode(&f, 0x1000, false);
	f.v.cpu.rip = 0x8000;
	gpr[GPR_RBX] = 0x5ff8;
	cr_expect_eq(CLASS_OF("\x48\x89\x03"), SIMPLE, "mov [rbx], rax: the last entry of its page");
	gpr[GPR_RBX] = 0x5ffe;
	cr_expect_eq(CLASS_OF("\x89\x03"), REUSE, "into the next page");
	gpr[GPR_RBX] = 0x5ffc;
	cr_expect_eq(CLASS_OF("\x48\x89\x03"), REUSE);
	gpr[GPR_RBX] = 0x5004;
	cr_expect_eq(CLASS_OF("\x48\x89\x03"), REUSE, "eight bytes across two entries");
	cr_expect_eq(CLASS_OF("\x89\x03"), SIMPLE, "half of one");
	gpr[GPR_RBX] = 0x5ff8;
	f.v.cpu.seg[SREG_DS].base = 4;
	cr_expect_eq(CLASS_OF("\x48\x89\x03"), SIMPLE, "64-bit code has no base of DS");
	gpr[GPR_RBX] = 0x5000;
	gpr[GPR_RAX] = 0x9003;
	gpr[GPR_RCX] = 0x9001;
	cr_expect_eq(CLASS_OF("\xf0\x48\x0f\xb1\x0b"), WRITE_CLASS_FORK_LOCKED, "a locked CMPXCHG that takes R/W away");
	gpr[GPR_RAX] = 0x9001;
	gpr[GPR_RCX] = 0x9003;
	cr_expect_eq(CLASS_OF("\xf0\x48\x0f\xb1\x0b"), SIMPLE, "and here it gives it");
	/* rep stosq of zeros */
	gpr[GPR_RAX] = 0;
	gpr[GPR_RDI] = 0x5000;
	gpr[GPR_RCX] = 32;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), WRITE_CLASS_REP_STOS);
	gpr[GPR_RDI] = 0x8100;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), WRITE_CLASS_STRING, "the page that the instruction is in");
	gpr[GPR_RDI] = 0x5f08;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), WRITE_CLASS_STRING, "beyond the page's end");
	gpr[GPR_RCX] = 31;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), WRITE_CLASS_REP_STOS, "up to the page's end");
	gpr[GPR_RDI] = 0x5000;
	gpr[GPR_RCX] = 63;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), WRITE_CLASS_STRING);
	gpr[GPR_RCX] = 64;
	cr_expect_eq(CLASS_OF("\xf3\x48\xab"), REUSE, "512 bytes");
	fake_vcpu_fini(&f);
}
