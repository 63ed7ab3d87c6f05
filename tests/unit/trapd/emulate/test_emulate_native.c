/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator against the CPU that runs the test: random instances of what it supports are executed natively on scratch
 * memory and emulated on guest memory with the same content; registers, flags and memory must agree afterwards. The guest's
 * frames lie in another order than its pages, so that an access across a page that is not cut is seen.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <criterion/criterion.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/fakes/insn_said.h"
#include "tests/unit/trapd/emulate/native_forms.h"
#include "trapd/devices/bus.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"

#define PAGES		16u
#define SCRATCH_BYTES	(PAGES * PAGE_SIZE)
#define RAM_BYTES	(1ull << 20)
#define DATA_GPA	0x80000ull
#define CASES		40000u

/* No device exists here: an access that gets here has been translated wrongly. */
uint64_t bus_mmio_read(struct bus *b, uint64_t gpa, unsigned size)
{
	cr_assert_fail("MMIO read at %#lx", (unsigned long)gpa);
	return 0;
}

void bus_mmio_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value)
{
	cr_assert_fail("MMIO write at %#lx", (unsigned long)gpa);
}

struct bench {
	struct fake_vcpu f;
	struct scratch s;
	uint8_t *memory, *code;
};

/* Low addresses, so that 32-bit address sizes and RIP-relative displacements reach both. */
static uint8_t *map_low(uint64_t at, uint64_t bytes, int prot)
{
	void *p = mmap((void *)(uintptr_t)at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	cr_assert(p == (void *)(uintptr_t)at, "no memory at %#lx", (unsigned long)at);
	return p;
}

static uint64_t page_gpa(unsigned page)
{
	return DATA_GPA + (uint64_t)((page * 7 + 3) % PAGES) * PAGE_SIZE;
}

static void *guest_byte(struct bench *b, uint64_t gva)
{
	uint64_t at = gva - b->s.base;

	return fake_ram(&b->f, page_gpa((unsigned)(at >> PAGE_SHIFT)) + (at & ~PAGE_MASK), 1);
}

/* 32-bit code runs in compatibility mode, on both sides. */
static void map_guest(struct bench *b)
{
	struct cpu_state *c = &b->f.v.cpu;
	uint64_t va = b->s.base;

	fake_put64(&b->f, 0x1000 + (va >> 39 & 511) * 8, 0x2000 | PTE_P | PTE_W);
	fake_put64(&b->f, 0x2000 + (va >> 30 & 511) * 8, 0x3000 | PTE_P | PTE_W);
	fake_put64(&b->f, 0x3000 + (va >> 21 & 511) * 8, 0x4000 | PTE_P | PTE_W);
	for (unsigned i = 0; i < PAGES; i++)
		fake_put64(&b->f, 0x4000 + ((va >> 12 & 511) + i) * 8, page_gpa(i) | PTE_P | PTE_W);
	c->cr0 |= CR0_PE | CR0_PG;
	c->cr3 = 0x1000;
	c->cr4 |= CR4_PAE;
	c->efer |= EFER_LME | EFER_LMA;
	c->seg[SREG_CS].l = b->s.bits == 64;
	c->seg[SREG_CS].db = b->s.bits == 32;
	c->seg[SREG_FS].base = b->s.fs_base;
	fake_vcpu_sync(&b->f);
}

static void bench_init(struct bench *b, unsigned bits, uint64_t *seed)
{
	unsigned long fs = 0;

	fake_vcpu_init(&b->f, RAM_BYTES);
	b->memory = map_low(0x20000000, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	b->code = map_low(0x20200000, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
	cr_assert(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) == 0);
	b->s = (struct scratch){ bits, (uintptr_t)b->memory, SCRATCH_BYTES, fs, b->memory };
	map_guest(b);
	for (uint64_t i = 0; i < SCRATCH_BYTES; i++) {
		b->memory[i] = (uint8_t)native_random(seed);
		*(uint8_t *)guest_byte(b, b->s.base + i) = b->memory[i];
	}
}

static void bench_fini(struct bench *b)
{
	munmap(b->memory, SCRATCH_BYTES);
	munmap(b->code, PAGE_SIZE);
	fake_vcpu_fini(&b->f);
}

static bool host_lacks(const struct instance *o)
{
	static int movbe = -1;
	unsigned a, b, c = 0, d;

	if (movbe < 0)
		movbe = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE);
	return o->form->opcode[1] == 0x38 && !movbe;
}

static const char *describe(const struct instance *o, const char *text)
{
	static char buffer[256];
	int n = snprintf(buffer, sizeof(buffer), "%s (%s):", o->form->name, text);

	for (unsigned i = 0; i < o->length && n < 240; i++)
		n += snprintf(buffer + n, sizeof(buffer) - (size_t)n, " %02x", o->bytes[i]);
	return buffer;
}

static void run_native(struct bench *b, const struct instance *o, struct native_state *st)
{
	uint64_t back = (uintptr_t)native_return;
	uint8_t *end = b->code + o->length;

	memcpy(b->code, o->bytes, o->length);
	*st = o->in;
	if (b->s.bits == 32) {		/* ljmp $0x33, end + 7: back to 64-bit code */
		uint32_t next = (uint32_t)(uintptr_t)(end + 7);

		memcpy(end, "\xea\0\0\0\0\x33\0", 7);
		memcpy(end + 1, &next, 4);
		end += 7;
	}
	memcpy(end, "\xff\x25\0\0\0\0", 6);
	memcpy(end + 6, &back, 8);
	if (b->s.bits == 64) {
		native_run(st, b->code);
		return;
	}
	native_run32(st, b->code);
	for (unsigned i = 0; i < GPR_COUNT; i++)
		st->gpr[i] = i < 8 ? (uint32_t)st->gpr[i] : o->in.gpr[i];
}

static void run_emulated(struct bench *b, const struct instance *o, struct insn *in, const char *where)
{
	struct cpu_state *c = &b->f.v.cpu;
	uint64_t start = (uintptr_t)b->code;
	int err;

	memcpy(c->gpr, o->in.gpr, sizeof(c->gpr));
	c->rflags = o->in.rflags;
	c->rip = start;
	err = insn_decode(o->bytes, o->length, b->s.bits, start, in);
	cr_assert(!err, "%s: not decoded %s", where, describe(o, ""));
	cr_assert(in->length == o->length, "%s: length %u %s", where, in->length, describe(o, insn_said(in, b->s.bits)));
	for (unsigned i = 0; i < 10 && c->rip == start; i++) {
		err = emulate_memory(&b->f.v, in);
		cr_assert(!err, "%s: result %d vector %u cr2 %#lx %s", where, err, b->f.v.exc.vector,
			  (unsigned long)b->f.v.exc.cr2, describe(o, insn_said(in, b->s.bits)));
	}
	cr_assert(c->rip == start + o->length, "%s: RIP is off by %ld %s", where, (long)(c->rip - start),
		  describe(o, insn_said(in, b->s.bits)));
}

static void compare(struct bench *b, const struct instance *o, const struct native_state *real, const struct insn *in,
		    const char *where)
{
	const struct cpu_state *c = &b->f.v.cpu;
	uint64_t mask = (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF | RFLAGS_DF) & ~o->undefined;
	uint64_t first = o->ea - 32, last = o->ea + o->touched + 32;

	for (unsigned i = 0; i < GPR_COUNT; i++)
		cr_assert(c->gpr[i] == real->gpr[i], "%s: register %u is %#lx, CPU %#lx, was %#lx %s", where, i,
			  (unsigned long)c->gpr[i], (unsigned long)real->gpr[i], (unsigned long)o->in.gpr[i],
			  describe(o, insn_said(in, b->s.bits)));
	cr_assert((c->rflags & mask) == (real->rflags & mask), "%s: flags %#lx, CPU %#lx, were %#lx %s", where,
		  (unsigned long)(c->rflags & mask), (unsigned long)(real->rflags & mask), (unsigned long)o->in.rflags,
		  describe(o, insn_said(in, b->s.bits)));
	for (uint64_t at = first; at < last; at++)
		cr_assert(*(uint8_t *)guest_byte(b, at) == b->memory[at - b->s.base], "%s: memory at %#lx%+ld differs %s", where,
			  (unsigned long)o->ea, (long)(at - o->ea), describe(o, insn_said(in, b->s.bits)));
}

static void compare_all(struct bench *b, const char *where)
{
	for (uint64_t i = 0; i < SCRATCH_BYTES; i += PAGE_SIZE)
		cr_assert(!memcmp(guest_byte(b, b->s.base + i), b->memory + i, PAGE_SIZE), "%s: page %lu differs", where,
			  (unsigned long)(i >> PAGE_SHIFT));
}

static void run_cases(unsigned bits, uint64_t seed)
{
	const uint64_t first_seed = seed;
	struct bench b;
	char where[80];

	bench_init(&b, bits, &seed);
	for (unsigned n = 0; n < CASES; n++) {
		struct native_state real;
		struct instance o;
		struct insn in;

		native_generate(&seed, &b.s, (uintptr_t)b.code, &o);
		if (host_lacks(&o))
			continue;
		snprintf(where, sizeof(where), "seed %#lx case %u", (unsigned long)first_seed, n);
		run_emulated(&b, &o, &in, where);
		run_native(&b, &o, &real);
		compare(&b, &o, &real, &in, where);
		if (n % 1000 == 999)
			compare_all(&b, where);
	}
	bench_fini(&b);
}

static sigjmp_buf no_code32;

static void on_fault(int sig)
{
	siglongjmp(no_code32, 1);
}

/* Does this kernel let a 64-bit process run 32-bit code? */
static bool code32_works(void)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };
	uint8_t *alternate = map_low(0x20300000, 65536, PROT_READ | PROT_WRITE);
	stack_t stack = { .ss_sp = alternate, .ss_size = 65536 };
	const struct instance nop = { .bytes = { 0x90 }, .length = 1 };
	struct native_state st;
	struct bench b = { .s.bits = 32 };
	bool works = false;

	b.code = map_low(0x20200000, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(no_code32, 1)) {
		run_native(&b, &nop, &st);
		works = true;
	}
	signal(SIGSEGV, SIG_DFL);
	munmap(b.code, PAGE_SIZE);
	return works;
}

static void run_cases32(uint64_t seed)
{
	if (!code32_works())
		cr_skip_test("this kernel runs no 32-bit code in a 64-bit process");
	run_cases(32, seed);
}

Test(emulate_native, random_cases_1) { run_cases(64, 0x1234567); }
Test(emulate_native, random_cases_2) { run_cases(64, 0xfeedface); }
Test(emulate_native, random_cases_3) { run_cases(64, 0x5eed5eed5eedull); }
Test(emulate_native, random_cases_32_bit_1) { run_cases32(0xabcdef); }
Test(emulate_native, random_cases_32_bit_2) { run_cases32(0x13579bdf2468ull); }
