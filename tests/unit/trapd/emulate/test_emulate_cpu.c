/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decoder and emulator against the CPU, with faults: random instructions run in this process (cpu_trial.h) and through
 * insn_decode() and emulate_memory() on guest memory with the same content; registers, flags, memory, length, exception, error
 * code and CR2 must agree. Instructions come from native_forms.h, from those with bytes changed, and from nothing at all; those
 * of emulate_plain() are among them. Read-only pages and holes lie between the others. Not in a VM: there some hosts emulate
 * what faults.
 * EMULATE_CASES: how many (make check-long: a million); EMULATE_SEED: from where.
 */
#include <cpuid.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <asm/prctl.h>

#include "tests/unit/fakes/fake_bus.h"
#include "tests/unit/fakes/fake_vcpu.h"
#include "tests/unit/fakes/insn_said.h"
#include "tests/unit/trapd/emulate/cpu_trial.h"
#include "tests/unit/trapd/emulate/native_forms.h"
#include "trapd/emulate/emulate.h"
#include "trapd/emulate/emulate_priv.h"
#include "trapd/insn/insn.h"

#define BASE_VA		0x20000000ull	/* of page 0; 2 MiB aligned */
#define DATA_PAGES	16u
#define CODE_PAGE	32u
#define CODE_VA		(BASE_VA + CODE_PAGE * PAGE_SIZE + 0x800)
#define CODE_GPA	0x5000ull
#define HLT_BYTE	0xf4		/* #GP for this process, wherever a branch ends */
#define RAM_BYTES	(1ull << 20)
#define DATA_GPA	0x80000ull
#define RW		(PTE_P | PTE_W | PTE_U)

static const uint64_t page_flags[DATA_PAGES] = {
	[1] = RW, [2] = RW, [3] = RW, [4] = RW, [5] = RW, [6] = RW,
	[7] = PTE_P | PTE_U,			/* read-only */
	[9] = RW, [10] = RW, [12] = RW, [13] = RW,
};

struct bench {
	struct fake_vcpu f;
	unsigned bits;
	bool any_rsp;			/* cpu_trial_resumes_any_rsp() */
	uint64_t seed, fs_base;
	uint8_t *data, *code;		/* of the CPU */
	uint8_t first[DATA_PAGES * PAGE_SIZE];	/* content at the start, holes as well */
	unsigned done, faults, random, branched;
};

/* One instruction with what it starts from. */
struct trial { uint8_t bytes[16]; struct insn in; struct native_state st; uint64_t undefined; };

/* The guest's frames lie in another order than its pages, so that an access across a page that is not cut is seen. */
static uint64_t page_gpa(unsigned page)
{
	return DATA_GPA + (uint64_t)((page * 7 + 3) % DATA_PAGES) * PAGE_SIZE;
}

static uint64_t below(struct bench *b, uint64_t n)
{
	return (native_random(&b->seed) >> 11) % n;
}

static void map_guest(struct bench *b)
{
	struct cpu_state *c = &b->f.v.cpu;

	fake_put64(&b->f, 0x1000 + (BASE_VA >> 39 & 511) * 8, 0x2000 | RW);
	fake_put64(&b->f, 0x2000 + (BASE_VA >> 30 & 511) * 8, 0x3000 | RW);
	fake_put64(&b->f, 0x3000 + (BASE_VA >> 21 & 511) * 8, 0x4000 | RW);
	for (unsigned i = 0; i < DATA_PAGES; i++)
		fake_put64(&b->f, 0x4000 + i * 8, page_flags[i] ? page_gpa(i) | page_flags[i] : 0);
	fake_put64(&b->f, 0x4000 + CODE_PAGE * 8, CODE_GPA | RW);
	c->cr0 |= CR0_PE | CR0_PG | CR0_WP;
	c->cr3 = 0x1000;
	c->cr4 |= CR4_PAE;
	c->efer |= EFER_LME | EFER_LMA;
	c->cpl = 3;
	c->seg[SREG_CS].l = b->bits == 64;
	c->seg[SREG_CS].db = b->bits == 32;
	c->seg[SREG_FS].base = b->fs_base;
	fake_vcpu_sync(&b->f);
}

static void map_native(struct bench *b)
{
	void *p = mmap((void *)(uintptr_t)BASE_VA, (CODE_PAGE + 2) * PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE, -1, 0);

	cr_assert(p == (void *)(uintptr_t)BASE_VA, "no memory at %#lx", (unsigned long)BASE_VA);
	b->data = p;
	b->code = b->data + (CODE_VA - BASE_VA);
}

/* After the pages have their content. Holes stay mapped, without any right: nothing else may get there. */
static void protect_native(struct bench *b)
{
	for (unsigned i = 0; i < CODE_PAGE + 2; i++) {
		uint64_t flags = i < DATA_PAGES ? page_flags[i] : 0;

		if (!(flags & PTE_W) && i != CODE_PAGE)
			cr_assert(!mprotect(b->data + i * PAGE_SIZE, PAGE_SIZE, flags ? PROT_READ : PROT_NONE));
	}
}

static void bench_init(struct bench *b, unsigned bits, uint64_t seed)
{
	b->bits = bits;
	b->seed = seed;
	cr_assert(syscall(SYS_arch_prctl, ARCH_GET_FS, &b->fs_base) == 0);
	cpu_trial_init();
	map_native(b);
	if (bits == 32 && !cpu_trial_has32(b->code))
		cr_skip_test("this kernel runs no 32-bit code in a 64-bit process");
	b->any_rsp = cpu_trial_resumes_any_rsp(b->code);
	if (!b->any_rsp)
		printf("# this kernel goes back to canonical stack pointers only\n");
	fake_vcpu_init(&b->f, RAM_BYTES);
	map_guest(b);
	for (unsigned n = 0; n < DATA_PAGES * PAGE_SIZE; n++)
		b->data[n] = b->first[n] = (uint8_t)native_random(&b->seed);
	for (unsigned i = 0; i < DATA_PAGES; i++)
		memcpy(fake_ram(&b->f, page_gpa(i), PAGE_SIZE), b->data + i * PAGE_SIZE, PAGE_SIZE);
	protect_native(b);
}

static void bench_fini(struct bench *b)
{
	fake_vcpu_fini(&b->f);
	munmap(b->data, (CODE_PAGE + 2) * PAGE_SIZE);
}

/* Mostly where everything works, often across the edges of what is mapped how. With FS only there. */
static uint64_t choose_address(struct bench *b, enum sreg segment)
{
	uint64_t page = below(b, DATA_PAGES);

	switch (below(b, segment == SREG_FS ? 2 : 8)) {
	case 0: return BASE_VA + page * PAGE_SIZE - below(b, 16);
	case 1: return BASE_VA + page * PAGE_SIZE + below(b, PAGE_SIZE);
	/* Not canonical, or the kernel's half. */
	case 2: return below(b, 2) ? 0x0000800000000000ull + below(b, 16) : 0xffff000000000000ull | native_random(&b->seed) << 1;
	default: return BASE_VA + PAGE_SIZE + 64 + (below(b, 6 * PAGE_SIZE - 256) & (below(b, 2) ? ~7ull : ~0ull));
	}
}

static void set_bits(uint64_t *to, uint64_t value, unsigned bytes)
{
	*to = bytes == 4 ? (*to & ~0xffffffffull) | (uint32_t)value : value;
}

static bool uses_stack(const struct insn *in)
{
	return in->id == X86_INS_PUSH || in->id == X86_INS_POP || in->id == X86_INS_CALL || in->id == X86_INS_RET;
}

/* Turn the address registers of the decoded instruction to somewhere; if the decoder is wrong, the CPU goes elsewhere. */
static void aim(struct bench *b, struct trial *t)
{
	uint64_t *gpr = t->st.gpr;

	if (emulate_knows(&t->in) && (t->in.rep || t->in.repne || t->in.op[0].base == GPR_RDI || t->in.op[1].base == GPR_RSI)) {
		set_bits(&gpr[GPR_RCX], below(b, 16) ? below(b, 40) : below(b, 4000), t->in.addrsize);
		set_bits(&gpr[GPR_RSI], choose_address(b, SREG_DS), t->in.addrsize);
		set_bits(&gpr[GPR_RDI], choose_address(b, SREG_DS), t->in.addrsize);
	}
	if (uses_stack(&t->in))
		gpr[GPR_RSP] = b->bits == 32 ? (uint32_t)choose_address(b, SREG_SS) : choose_address(b, SREG_SS);
	for (unsigned i = 0; i < t->in.noperands; i++) {
		const struct operand *op = &t->in.op[i];
		uint64_t base = op->segment == SREG_FS ? b->fs_base : 0;

		if (op->type != OPERAND_MEM || op->base == 0xff || op->base == op->index)
			continue;
		memcpy(b->f.v.cpu.gpr, gpr, sizeof(b->f.v.cpu.gpr));
		b->f.v.cpu.rip = CODE_VA;
		set_bits(&gpr[op->base], gpr[op->base] + choose_address(b, op->segment) - base - insn_effective(&b->f.v, &t->in, op), t->in.addrsize);
	}
}

/* SDM vol. 2, "Flags Affected" of each. */
static uint64_t undefined_flags(const struct insn *in, const uint64_t *gpr)
{
	unsigned bits = in->op[0].size * 8;
	uint64_t count = in->noperands < 2 ? 1 : in->op[1].type == OPERAND_IMM ? in->op[1].imm : gpr[GPR_RCX];
	bool rotate = in->id == X86_INS_ROL || in->id == X86_INS_ROR || in->id == X86_INS_RCL || in->id == X86_INS_RCR;

	count &= bits == 64 ? 63 : 31;
	switch (in->id) {
	case X86_INS_AND: case X86_INS_OR: case X86_INS_XOR: case X86_INS_TEST:
		return RFLAGS_AF;
	case X86_INS_BT: case X86_INS_BTS: case X86_INS_BTR: case X86_INS_BTC:
		return RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF;
	case X86_INS_SHL: case X86_INS_SAL: case X86_INS_SHR: case X86_INS_SAR:
	case X86_INS_ROL: case X86_INS_ROR: case X86_INS_RCL: case X86_INS_RCR:
		if (!count)
			return 0;
		return (count != 1 ? RFLAGS_OF : 0) | (rotate ? 0 : RFLAGS_AF) | (!rotate && count >= bits ? RFLAGS_CF : 0);
	default:
		return 0;
	}
}

static bool is_conditional(const struct insn *in)
{
	static const unsigned ids[16] = {
		X86_INS_JO, X86_INS_JNO, X86_INS_JB, X86_INS_JAE, X86_INS_JE, X86_INS_JNE, X86_INS_JBE, X86_INS_JA,
		X86_INS_JS, X86_INS_JNS, X86_INS_JP, X86_INS_JNP, X86_INS_JL, X86_INS_JGE, X86_INS_JLE, X86_INS_JG,
	};

	for (unsigned i = 0; i < 16; i++)
		if (ids[i] == in->id)
			return true;
	return false;
}

/* Near, to where it says. CPUs differ in what 16 bits of operand size mean to a branch. */
static bool is_branch(const struct insn *in)
{
	if (in->opsize == 2)
		return false;
	if (in->id == X86_INS_RET)
		return !in->noperands;
	return (in->id == X86_INS_JMP || in->id == X86_INS_CALL || is_conditional(in)) && in->op[0].type == OPERAND_IMM;
}

/* Somewhere in the code page, but not at the instruction, or where nothing is mapped. */
static uint64_t choose_target(struct bench *b)
{
	uint64_t page = CODE_VA & ~(PAGE_SIZE - 1);

	switch (below(b, 4)) {
	case 0: return BASE_VA + DATA_PAGES * PAGE_SIZE + below(b, (CODE_PAGE - DATA_PAGES) * PAGE_SIZE);
	case 1: return page + below(b, CODE_VA - page - 16);
	default: return CODE_VA + 32 + below(b, page + PAGE_SIZE - CODE_VA - 32);
	}
}

static bool target_encode(struct bench *b, struct trial *t, uint64_t target, unsigned bytes)
{
	uint64_t displacement = target - CODE_VA - t->in.length;
	uint8_t copy[16];
	struct insn in;

	if (t->in.length <= bytes)
		return false;
	memcpy(copy, t->bytes, sizeof(copy));
	memcpy(copy + t->in.length - bytes, &displacement, bytes);
	if (insn_decode(copy, 15, b->bits, CODE_VA, &in) || in.id != t->in.id || in.length != t->in.length || !is_branch(&in) ||
	    in.op[0].imm != target)
		return false;
	memcpy(t->bytes, copy, sizeof(copy));
	t->in = in;
	return true;
}

/* What RET pops; false: something else would be popped. */
static bool return_address_store(struct bench *b, uint64_t sp, uint64_t target)
{
	unsigned bytes = b->bits / 8;

	if (sp - (BASE_VA - 8) >= DATA_PAGES * PAGE_SIZE + 8)
		return sp - (BASE_VA - PAGE_SIZE) >= (CODE_PAGE + 3) * PAGE_SIZE;	/* no access there */
	for (unsigned i = 0; i < bytes; i++) {
		uint64_t at = sp + i - BASE_VA;
		unsigned page = (unsigned)(at / PAGE_SIZE);

		if (page >= DATA_PAGES || !page_flags[page])
			continue;	/* the access faults */
		if (!(page_flags[page] & PTE_W))
			return false;
		b->data[at] = *(uint8_t *)fake_ram(&b->f, page_gpa(page) + at % PAGE_SIZE, 1) = (uint8_t)(target >> i * 8);
	}
	return true;
}

/* Whatever the branch is, it must end where nothing runs. */
static bool aim_branch(struct bench *b, struct trial *t)
{
	uint64_t target = choose_target(b), near = CODE_VA + t->in.length + (uint64_t)(int8_t)native_random(&b->seed);
	bool ok;

	if (t->in.id == X86_INS_RET) {
		ok = return_address_store(b, t->st.gpr[GPR_RSP], target);
	} else {
		ok = target_encode(b, t, target, 4);
		if (!ok && near - (CODE_VA - 16) >= 48) {
			target = near;
			ok = target_encode(b, t, target, 1);
		}
	}
	if (ok && target / PAGE_SIZE == CODE_VA / PAGE_SIZE)
		b->data[target - BASE_VA] = HLT_BYTE;
	return ok;
}

/* Stack accesses of up to 8 bytes around rSP; those of a branch stay away from where it may end. */
static bool stack_allowed(const struct insn *in, uint64_t sp)
{
	if (!uses_stack(in))
		return true;
	if (is_branch(in) && sp / PAGE_SIZE - (CODE_VA / PAGE_SIZE - 1) < 3)
		return false;
	if (sp - (CODE_VA - 64) < 128)
		return false;
	return sp - (BASE_VA - PAGE_SIZE + 8) < (CODE_PAGE + 2) * PAGE_SIZE - 16 || sp < 0x10000 || sp - 8 >= 1ull << 47;
}

/* The test's own memory is nowhere near: only these addresses may be tried. */
static bool address_allowed(const struct bench *b, const struct trial *t)
{
	for (unsigned i = 0; i < t->in.noperands; i++) {
		const struct operand *op = &t->in.op[i];
		struct operand at = *op;
		uint64_t gva;

		if (op->type != OPERAND_MEM)
			continue;
		if (undefined_flags(&t->in, t->st.gpr) & RFLAGS_PF && t->in.op[1].type == OPERAND_REG)
			at.disp += insn_bit_displacement(&t->in.op[1], insn_read_gpr(&b->f.v, &t->in.op[1]), op->size);
		gva = insn_effective(&b->f.v, &t->in, &at) + (op->segment == SREG_FS ? b->fs_base : 0);
		if (gva - (CODE_VA - 32) < 64)
			return false;		/* the instruction itself, and what ends the trial */
		if (gva - (BASE_VA - PAGE_SIZE) < (CODE_PAGE + 2) * PAGE_SIZE)
			continue;
		/* With FS elsewhere CPUs differ in whether the offset must be canonical as well. */
		if (op->segment == SREG_FS || (gva >= 0x10000 && gva < 1ull << 47))
			return false;
	}
	return stack_allowed(&t->in, t->st.gpr[GPR_RSP]);
}

static void random_registers(struct bench *b, struct native_state *st)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63, ~0ull };

	for (unsigned i = 0; i < GPR_COUNT; i++)
		st->gpr[i] = below(b, 3) ? native_random(&b->seed) : edges[below(b, sizeof(edges) / sizeof(edges[0]))];
	for (unsigned i = 0; b->bits == 32 && i < GPR_COUNT; i++)
		st->gpr[i] = (uint32_t)st->gpr[i];
	st->rflags = RFLAGS_FIXED | RFLAGS_IF | (native_random(&b->seed) & RFLAGS_ARITHMETIC) | (below(b, 4) ? 0 : RFLAGS_DF);
}

/* Legacy prefixes and REX in any order and number, before an opcode. */
static unsigned random_prefixes(struct bench *b, uint8_t *bytes)
{
	static const uint8_t prefixes[] = { 0x66, 0x66, 0x67, 0xf2, 0xf3, 0x64, 0x2e, 0x3e, 0x36, 0x48, 0x49, 0x4f, 0x41, 0x44, 0x40, 0xf0 };
	unsigned n = (unsigned)below(b, 4);

	for (unsigned i = 0; i < n; i++)
		bytes[i] = prefixes[below(b, sizeof(prefixes))];
	return n;
}

static void random_bytes(struct bench *b, struct trial *t)
{
	const struct form *f = &native_forms[below(b, native_forms_count)];
	/* What only emulate_plain() knows. */
	static const char plain[][2] = { "\x50", "\x53", "\x54", "\x58", "\x59", "\x5c", "\x5d", "\x68", "\x6a", "\x8d", "\x90", "\x0f\x1f",
					 "\xe8", "\xe9", "\xeb", "\xc3" };
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(t->bytes); i++)
		t->bytes[i] = (uint8_t)(native_random(&b->seed) >> 32);
	if (below(b, 4))
		n = random_prefixes(b, t->bytes);
	switch (below(b, 8)) {
	case 0: case 1: break;
	case 2: memcpy(t->bytes + n, plain[below(b, sizeof(plain) / sizeof(plain[0]))], 2); break;
	case 3: t->bytes[n] = (uint8_t)(0x70 | below(b, 16)); break;
	case 4: memcpy(t->bytes + n, (uint8_t []){ 0x0f, (uint8_t)(0x80 | below(b, 16)) }, 2); break;
	default: memcpy(t->bytes + n, f->opcode, f->opcode_bytes);
	}
}

/* A generated instruction of known form on these data pages; they need not all be writable. */
static void formed(struct bench *b, struct trial *t)
{
	unsigned first = below(b, 4) ? 1 : 3;
	const struct scratch s = { b->bits, BASE_VA + first * PAGE_SIZE, (first == 1 ? 6 : 8) * PAGE_SIZE, b->fs_base,
				   b->first + first * PAGE_SIZE };
	struct instance o;

	native_generate(&b->seed, &s, CODE_VA, &o);
	memset(t->bytes, 0xcc, sizeof(t->bytes));
	memcpy(t->bytes, o.bytes, o.length);
	t->st = o.in;
}

/*
 * What this process cannot run as the guest would: 32-bit code has no FS and GS here. And MOVSXD of 16 bits, which reads two
 * bytes (SDM vol. 2B) or four (AMD's CPUs).
 */
static bool excluded(const struct bench *b, const struct insn *in)
{
	unsigned a, d, c = 0, e;

	for (unsigned i = 0; b->bits == 32 && i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM && (in->op[i].segment == SREG_FS || in->op[i].segment == SREG_GS))
			return true;
	if (in->id == X86_INS_MOVSXD && in->opsize == 2)
		return true;
	return in->id == X86_INS_MOVBE && !(__get_cpuid(1, &a, &d, &c, &e) && c & bit_MOVBE);
}

static bool is_plain(const struct insn *in)
{
	return (in->id == X86_INS_LEA || in->id == X86_INS_NOP || in->id == X86_INS_PUSH || in->id == X86_INS_POP || is_branch(in)) &&
	       !in->lock;
}

/* The next instruction that the emulator knows. */
static void choose(struct bench *b, struct trial *t)
{
	for (;;) {
		unsigned kind = (unsigned)below(b, 4);

		if (kind < 2) {
			formed(b, t);
		} else {
			random_bytes(b, t);
			random_registers(b, &t->st);
		}
		if (kind == 1)
			t->bytes[below(b, 6)] ^= (uint8_t)(1u << below(b, 8));
		if (insn_decode(t->bytes, 15, b->bits, CODE_VA, &t->in) || !(emulate_knows(&t->in) || is_plain(&t->in)) || excluded(b, &t->in))
			continue;
		if (kind)
			aim(b, t);
		if (!b->any_rsp)
			t->st.gpr[GPR_RSP] = (uint64_t)((int64_t)(t->st.gpr[GPR_RSP] << 16) >> 16);
		memcpy(b->f.v.cpu.gpr, t->st.gpr, sizeof(b->f.v.cpu.gpr));
		b->f.v.cpu.rip = CODE_VA;
		if (!address_allowed(b, t) || (is_branch(&t->in) && !aim_branch(b, t)))
			continue;
		b->random += kind > 1;
		t->undefined = undefined_flags(&t->in, t->st.gpr);
		return;
	}
}

/* Where both operands fault, or one for two reasons, it is up to the CPU what it looks at first. */
static bool order_is_free(const struct insn *in)
{
	return in->id == X86_INS_CMPXCHG16B || in->id == X86_INS_CMPSB || in->id == X86_INS_CMPSW || in->id == X86_INS_CMPSD || in->id == X86_INS_CMPSQ;
}

/* 0: done; -EFAULT: v.exc; -EOPNOTSUPP. */
static int emulate(struct bench *b, const struct trial *t)
{
	struct cpu_state *c = &b->f.v.cpu;
	int rc = 0;

	memcpy(c->gpr, t->st.gpr, sizeof(c->gpr));
	c->rflags = t->st.rflags;
	c->rip = CODE_VA;
	b->f.v.exc = (struct exception){ 0 };
	for (unsigned i = 0; i < 4096 && c->rip == CODE_VA && !rc; i++)
		rc = is_plain(&t->in) ? emulate_plain(&b->f.v, &t->in) : emulate_memory(&b->f.v, &t->in);
	return rc;
}

static const char *describe(const struct bench *b, const struct trial *t)
{
	static char buffer[300];
	int n = snprintf(buffer, sizeof(buffer), "case %u (%s):", b->done, insn_said(&t->in, b->bits));

	for (unsigned i = 0; i < 15; i++)
		n += snprintf(buffer + n, sizeof(buffer) - (size_t)n, " %02x", t->bytes[i]);
	return buffer;
}

static void compare_exception(struct bench *b, const struct trial *t, int rc, const struct cpu_result *real)
{
	const struct exception *e = &b->f.v.exc;
	uint32_t compared = real->cr2 >> 47 ? ~PF_P : ~0u;	/* Linux hides what is mapped in its half */

	if (!rc) {
		b->branched += real->vector != VEC_UD && is_branch(&t->in);
		cr_assert((real->vector == VEC_UD || is_branch(&t->in)) && real->rip != CODE_VA, "%s: the CPU faults with vector %u error %#x cr2 %#lx at %+ld",
			  describe(b, t), real->vector, real->error, (unsigned long)real->cr2, (long)(real->rip - CODE_VA));
		cr_assert(real->rip == b->f.v.cpu.rip, "%s: RIP is off by %ld", describe(b, t), (long)(real->rip - b->f.v.cpu.rip));
		return;
	}
	cr_assert(real->rip == CODE_VA, "%s: fault with vector %u, CPU %u with RIP at %+ld", describe(b, t), e->vector, real->vector,
		  (long)(real->rip - CODE_VA));
	b->faults++;
	if (order_is_free(&t->in) && (real->vector == VEC_PF || real->vector == VEC_GP || real->vector == VEC_SS))
		return;
	cr_assert(real->vector == e->vector, "%s: vector %u CR2 %#lx, CPU %u", describe(b, t), e->vector, (unsigned long)e->cr2, real->vector);
	if (e->vector != VEC_PF)
		return;
	cr_assert((real->error & compared) == (e->error & compared), "%s: error %#x, CPU %#x", describe(b, t), e->error, real->error);
	cr_assert(real->cr2 == e->cr2, "%s: CR2 %#lx, CPU %#lx", describe(b, t), (unsigned long)e->cr2, (unsigned long)real->cr2);
}

static void compare_state(struct bench *b, const struct trial *t, const struct cpu_result *real)
{
	const struct cpu_state *c = &b->f.v.cpu;
	uint64_t mask = (RFLAGS_ARITHMETIC | RFLAGS_DF) & ~t->undefined;

	for (unsigned i = 0; i < (b->bits == 64 ? 16 : 8); i++)
		cr_assert(c->gpr[i] == real->state.gpr[i], "%s: register %u is %#lx, CPU %#lx, was %#lx", describe(b, t), i,
			  (unsigned long)c->gpr[i], (unsigned long)real->state.gpr[i], (unsigned long)t->st.gpr[i]);
	cr_assert((c->rflags & mask) == (real->state.rflags & mask), "%s: flags %#lx, CPU %#lx, were %#lx", describe(b, t),
		  (unsigned long)(c->rflags & mask), (unsigned long)(real->state.rflags & mask), (unsigned long)t->st.rflags);
	for (unsigned i = 0; i < DATA_PAGES; i++)
		cr_assert(!page_flags[i] || !memcmp(fake_ram(&b->f, page_gpa(i), PAGE_SIZE), b->data + i * PAGE_SIZE, PAGE_SIZE),
			  "%s: page %u differs", describe(b, t), i);
}

static void run_trial(struct bench *b, const struct trial *t)
{
	struct cpu_result real;
	int rc;

	memcpy(b->code, t->bytes, t->in.length);
	memcpy(b->code + t->in.length, "\x0f\x0b\x0f\x0b", 4);		/* UD2: it ends there if it ran */
	/* RIP-relative operands may lie in the code page. */
	memcpy(fake_ram(&b->f, CODE_GPA, PAGE_SIZE), b->data + CODE_PAGE * PAGE_SIZE, PAGE_SIZE);
	rc = emulate(b, t);
	if (rc == -EOPNOTSUPP)
		return;			/* a locked operand that is misaligned: somebody else's */
	cr_assert(!rc || rc == -EFAULT, "%s: result %d", describe(b, t), rc);
	cpu_trial_run(&t->st, CODE_VA, b->bits, &real);
	compare_exception(b, t, rc, &real);
	compare_state(b, t, &real);
	b->done++;
}

static uint64_t number(const char *name, uint64_t fallback)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : fallback;
}

static void run_cases(unsigned bits, uint64_t seed)
{
	uint64_t cases = number("EMULATE_CASES", 20000);
	static struct bench b;

	seed = number("EMULATE_SEED", seed);
	bench_init(&b, bits, seed);
	printf("# seed %#lx\n", (unsigned long)seed);
	while (b.done < cases) {
		struct trial t;

		choose(&b, &t);
		run_trial(&b, &t);
	}
	printf("# %u instructions, %u of them faults, %u of random bytes, %u branches taken\n", b.done, b.faults, b.random, b.branched);
	cr_assert(b.faults > cases / 100 && b.random > cases / 10, "hardly any faults (%u) or random instructions (%u)", b.faults, b.random);
	cr_assert(b.branched > cases / 100, "hardly any branches (%u)", b.branched);
	bench_fini(&b);
}

Test(emulate_cpu, random_instructions_with_faults) { run_cases(64, 0x5eed0001); }
Test(emulate_cpu, random_instructions_with_faults_32_bit) { run_cases(32, 0x5eed0002); }
