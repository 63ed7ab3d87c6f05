/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MUL, IMUL, DIV, IDIV and the sign extensions of rAX, against the CPU: random operands, many of them at the edges, run in this
 * process and through emulate_plain(). A division that would raise #DE is not run, but must raise it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/trapd/emulate/native_forms.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"

#define RAM	(1ull << 20)
#define RIP	0x8000ull
#define ROUNDS	3000u

static struct fake_vcpu f;
static uint8_t *code;		/* the instruction, and a jump back */

static void setup(void)
{
	fake_vcpu_init(&f, RAM);
	fake_vcpu_long_mode(&f, 0x10000, true);
	code = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(code, MAP_FAILED);
}

static void teardown(void)
{
	munmap(code, PAGE_SIZE);
	fake_vcpu_fini(&f);
}

TestSuite(multiply, .init = setup, .fini = teardown);

static uint64_t operand(uint64_t *seed)
{
	static const uint64_t edges[] = { 0, 1, ~0ull, 0x7f, 0x80, 0xff80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, 3 };
	uint64_t r = native_random(seed);

	switch (r % 3) {
	case 0: return edges[r / 3 % (sizeof(edges) / sizeof(edges[0]))];
	case 1: return native_random(seed) >> (r / 3 % 60);
	default: return native_random(seed);
	}
}

static int emulate(const char *bytes, unsigned n)
{
	struct insn in;

	f.v.cpu.rip = RIP;
	f.v.exc.pending = false;
	cr_assert(!insn_decode((const uint8_t *)bytes, n, 64, RIP, &in) && in.length == n);
	return emulate_plain(&f.v, &in);
}

static void run_on_cpu(struct native_state *st, const char *bytes, unsigned n)
{
	const void *back = (const void *)native_return;

	memcpy(code, bytes, n);
	memcpy(code + n, "\xff\x25\0\0\0\0", 6);	/* jmp [rip] */
	memcpy(code + n + 6, &back, sizeof(back));
	native_run(st, code);
}

/* The same on both, from RAX, RBX and RDX. */
static void compare(const char *bytes, unsigned n, uint64_t rax, uint64_t rbx, uint64_t rdx, uint64_t flags)
{
	struct native_state st = { .rflags = RFLAGS_FIXED | RFLAGS_IF | RFLAGS_CF };
	struct cpu_state *c = &f.v.cpu;

	c->gpr[GPR_RAX] = st.gpr[GPR_RAX] = rax;
	c->gpr[GPR_RBX] = st.gpr[GPR_RBX] = rbx;
	c->gpr[GPR_RDX] = st.gpr[GPR_RDX] = rdx;
	c->rflags = st.rflags;
	cr_assert_eq(emulate(bytes, n), 0);
	run_on_cpu(&st, bytes, n);
	cr_assert(c->gpr[GPR_RAX] == st.gpr[GPR_RAX] && c->gpr[GPR_RDX] == st.gpr[GPR_RDX] && c->gpr[GPR_RBX] == st.gpr[GPR_RBX],
		  "%02x %02x of %lx %lx %lx: %lx %lx, not %lx %lx", bytes[0] & 0xff, bytes[1] & 0xff, rax, rbx, rdx,
		  c->gpr[GPR_RAX], c->gpr[GPR_RDX], st.gpr[GPR_RAX], st.gpr[GPR_RDX]);
	cr_assert(!((c->rflags ^ st.rflags) & flags), "%02x %02x of %lx %lx: flags %lx, not %lx", bytes[0] & 0xff, bytes[1] & 0xff,
		  rax, rbx, c->rflags, st.rflags);
	cr_assert_eq(c->rip, RIP + n);
}

struct form_of_test { const char *bytes; unsigned n; };
#define FORM(bytes) { bytes, sizeof(bytes) - 1 }

Test(multiply, products_and_their_overflow_are_those_of_the_cpu)
{
	static const struct form_of_test forms[] = {
		FORM("\xf6\xe3"), FORM("\x66\xf7\xe3"), FORM("\xf7\xe3"),			/* mul */
		FORM("\xf6\xeb"), FORM("\x66\xf7\xeb"), FORM("\xf7\xeb"),			/* imul: the pair */
		FORM("\x66\x0f\xaf\xc3"), FORM("\x0f\xaf\xc3"), FORM("\x6b\xc3\xfd"), FORM("\x66\x6b\xc3\x7f"),
		FORM("\x69\xc3\x01\x00\x00\x80"), FORM("\x66\x69\xc3\x00\x80"),
	};
	uint64_t seed = 0x5eed1;

	for (unsigned i = 0; i < ROUNDS; i++)
		for (unsigned k = 0; k < sizeof(forms) / sizeof(forms[0]); k++)
			compare(forms[k].bytes, forms[k].n, operand(&seed), operand(&seed), operand(&seed), RFLAGS_CF | RFLAGS_OF);
}

Test(multiply, sign_extensions_are_those_of_the_cpu)
{
	static const struct form_of_test forms[] = {
		FORM("\x66\x98"), FORM("\x98"), FORM("\x48\x98"), FORM("\x66\x99"), FORM("\x99"), FORM("\x48\x99"),
	};
	uint64_t seed = 0x5eed2;

	for (unsigned i = 0; i < ROUNDS; i++)
		for (unsigned k = 0; k < sizeof(forms) / sizeof(forms[0]); k++)
			compare(forms[k].bytes, forms[k].n, operand(&seed), 0, operand(&seed), ~0ull);
}

static int64_t extended(uint64_t value, unsigned bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* By the definition: is there a quotient, and does its register hold it? */
static bool fits(uint64_t pair, uint64_t by, unsigned bits, bool is_signed)
{
	int64_t half = 1ll << (bits - 1), dividend = extended(pair, 2 * bits), divisor = extended(by, bits), q;

	if (!divisor)
		return false;
	if (!is_signed)
		return pair / by <= 2 * (uint64_t)half - 1;
	if (dividend == INT64_MIN && divisor == -1)
		return false;
	q = dividend / divisor;
	return q >= -half && q < half;
}

static void divide(const char *bytes, unsigned n, unsigned bits, bool is_signed, uint64_t *seed)
{
	const uint64_t mask = (1ull << bits) - 1;
	uint64_t rax = operand(seed), rbx = operand(seed), rdx = native_random(seed) % 4 ? operand(seed) & 3 : operand(seed);
	uint64_t pair = bits == 8 ? rax & 0xffff : (rdx & mask) << bits | (rax & mask);

	if (fits(pair, rbx & mask, bits, is_signed)) {
		compare(bytes, n, rax, rbx, rdx, 0);
		return;
	}
	f.v.cpu.gpr[GPR_RAX] = rax;
	f.v.cpu.gpr[GPR_RBX] = rbx;
	f.v.cpu.gpr[GPR_RDX] = rdx;
	cr_assert(emulate(bytes, n) == -EFAULT && f.v.exc.vector == VEC_DE, "%lx of %u bits by %lx: no #DE", pair, 2 * bits, rbx & mask);
	cr_assert(f.v.cpu.gpr[GPR_RAX] == rax && f.v.cpu.gpr[GPR_RDX] == rdx && f.v.cpu.rip == RIP, "and nothing is changed");
}

Test(multiply, quotients_and_rests_are_those_of_the_cpu_and_the_others_raise_de)
{
	uint64_t seed = 0x5eed3;

	for (unsigned i = 0; i < 4 * ROUNDS; i++) {
		divide("\xf6\xf3", 2, 8, false, &seed);
		divide("\x66\xf7\xf3", 3, 16, false, &seed);
		divide("\xf7\xf3", 2, 32, false, &seed);
		divide("\xf6\xfb", 2, 8, true, &seed);
		divide("\x66\xf7\xfb", 3, 16, true, &seed);
		divide("\xf7\xfb", 2, 32, true, &seed);
	}
}

Test(multiply, operands_of_8_bytes_are_left_to_the_cpu)
{
	cr_expect_eq(emulate("\x48\xf7\xe3", 3), -EOPNOTSUPP);
	cr_expect_eq(emulate("\x48\xf7\xfb", 3), -EOPNOTSUPP);
	cr_expect_eq(emulate("\x48\x0f\xaf\xc3", 4), -EOPNOTSUPP);
	cr_expect_eq(f.v.cpu.rip, RIP);
}
