/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flags.elf: PUSHF and POPF show and set the interrupt flag, wherever they stand: in compiled code, in code just written,
 * behind prefixes, at the end of a page, in code that is changed at another address or copied to one, beside data that looks like them, under
 * the single step. And CPUID, which the same hosts do not trap. 64-bit code, the guest's kernel. Prints the same whatever the
 * host does about IF. loops=N (40), cpuid=1: it is the VM's, not that of the processor or of another hypervisor.
 * Source: SDM vol. 2B PUSHF, POPF; vol. 2A CPUID; vol. 3A 6.8.1; vol. 3B 17.3.1.4.
 */
#include "tests/guests/traps.h"

#define ALIAS_VA	(11ul << 39)

static uint8_t trap_stack[16384] __attribute__((aligned(16)));

typedef unsigned long code_fn(unsigned long flags);

static void enable(void) { __asm__ volatile("sti" : : : "memory"); }
static void disable(void) { __asm__ volatile("cli" : : : "memory"); }

static unsigned long own_if(void) { return flags_read() & RFLAGS_IF; }

/* Both values of IF: does code at fn read it? */
static void reads_if(code_fn *fn, const char *what)
{
	disable();
	EXPECT_EQ(fn(0) & RFLAGS_IF, 0, what);
	enable();
	EXPECT_EQ(fn(0) & RFLAGS_IF, RFLAGS_IF, what);
	disable();
}

/* Does code at fn, which loads the flags from its argument, set IF and clear it? */
static void writes_if(code_fn *fn, const char *what)
{
	unsigned long flags = flags_read() & ~RFLAGS_IF;

	fn(flags | RFLAGS_IF);
	EXPECT_EQ(own_if(), RFLAGS_IF, what);
	fn(flags);
	EXPECT_EQ(own_if(), 0, what);
}

static void compiled_code(unsigned loops)
{
	unsigned long flags, word;
	unsigned n;

	for (n = 0; n < loops; n++) {
		disable();
		EXPECT_EQ(own_if(), 0, "IF after CLI");
		enable();
		EXPECT_EQ(own_if(), RFLAGS_IF, "IF after STI");
		/* What kernels do around a section that must not be interrupted. */
		flags = flags_read();
		disable();
		EXPECT_EQ(own_if(), 0, "IF in a section");
		flags_write(flags);
		EXPECT_EQ(own_if(), RFLAGS_IF, "IF behind a section");
		disable();
		/* Not next to POP or PUSH, and of two bytes only. */
		__asm__ volatile("pushfq; mov (%%rsp), %0; add $8, %%rsp" : "=r"(flags) : : "memory", "cc");
		EXPECT_EQ(flags & RFLAGS_IF, 0, "IF by PUSHF and MOV");
		__asm__ volatile("sub $8, %%rsp; movw $0, (%%rsp); pushfw; popw (%%rsp); pop %0" : "=r"(word) : : "memory", "cc");
		EXPECT_EQ(word & RFLAGS_IF, 0, "IF in two bytes");
		__asm__ volatile("pushfw; orw $0x200, (%%rsp); popfw" : : : "memory", "cc");
		EXPECT_EQ(own_if(), RFLAGS_IF, "IF set by two bytes");
		disable();
		/* Other flags pass as they are. */
		__asm__ volatile("stc; std; pushfq; cld; pop %0" : "=r"(flags) : : "memory", "cc");
		EXPECT_EQ(flags & (RFLAGS_CF | RFLAGS_DF | RFLAGS_IF), RFLAGS_CF | RFLAGS_DF, "CF, DF and IF");
	}
	print("flags: %u rounds of compiled code\n", loops);
}

/* pushf; pop rax; ret, and push rdi; popf; ret */
static const uint8_t reader[] = { 0x9c, 0x58, 0xc3 }, writer[] = { 0x57, 0x9d, 0xc3 };
static const uint8_t long_reader[] = { 0x66, 0x48, 0x9c, 0x8b, 0x04, 0x24, 0x48, 0x8d, 0x64, 0x24, 0x08, 0xc3 };

static code_fn *put(uint8_t *at, const uint8_t *code, unsigned n)
{
	memcpy(at, code, n);
	return (code_fn *)at;
}
#define PUT(at, code) put(at, code, sizeof(code))

static void written_code(unsigned loops)
{
	uint8_t *page = frame_alloc_run(4 * PAGE_BYTES, PAGE_BYTES);
	unsigned n;

	memset(page, 0xcc, 4 * PAGE_BYTES);
	for (n = 0; n < loops; n++) {
		reads_if(PUT(page + n % 100 * 16, reader), "IF read by code just written");
		writes_if(PUT(page + 0x800 + n % 100 * 16, writer), "IF set by code just written");
		if (n < 30)
			reads_if(PUT(page + PAGE_BYTES + n * 64, long_reader), "IF read behind prefixes");
	}
	/* Across the end of a page: the POP, and the opcode behind its prefix. */
	reads_if(PUT(page + 2 * PAGE_BYTES - 1, reader), "IF read at the end of a page");
	writes_if(PUT(page + 3 * PAGE_BYTES - 2, writer), "IF set at the end of a page");
	print("flags: %u pieces of code just written\n", loops * 2);
}

static void prefix_across_pages(void)
{
	uint8_t *page = frame_alloc_run(2 * PAGE_BYTES, PAGE_BYTES), *at = page + PAGE_BYTES - 1;

	at[0] = 0x48;		/* REX.W, which changes nothing */
	memcpy(at + 1, reader, sizeof(reader));
	reads_if((code_fn *)at, "IF read with the prefix on the page before");
	print("flags: a prefix on the page before\n");
}

static void map_alias(unsigned long va, uint8_t *frame)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = frame_alloc(), *pd = frame_alloc(), *pt = frame_alloc();

	pml4[va >> 39 & 511] = (uint64_t)pdpt | PTE_P | PTE_W;
	pdpt[0] = (uint64_t)pd | PTE_P | PTE_W;
	pd[0] = (uint64_t)pt | PTE_P | PTE_W;
	pt[0] = (uint64_t)frame | PTE_P | PTE_W;
}

/* mov edx, imm; pushf; pop rax; and eax, 0x200; add rax, rdx; ret */
static void changed_code(unsigned loops)
{
	static const uint8_t code[] = { 0xba, 0, 0, 0, 0, 0x9c, 0x58, 0x25, 0, 2, 0, 0, 0x48, 0x01, 0xd0, 0xc3 };
	uint8_t *page = frame_alloc();
	code_fn *fn = PUT(page + 0x123, code), *other = (code_fn *)(ALIAS_VA + 0x123);
	unsigned n;

	map_alias(ALIAS_VA, page);
	for (n = 0; n < loops; n++) {
		volatile uint32_t *operand = (volatile uint32_t *)((n & 1 ? ALIAS_VA : (unsigned long)page) + 0x124);

		*operand = n * 0x10000;
		disable();
		EXPECT_EQ(fn(0), n * 0x10000, "code changed, IF clear");
		EXPECT_EQ(other(0), n * 0x10000, "the same at its other address");
		enable();
		EXPECT_EQ(fn(0), n * 0x10000 + RFLAGS_IF, "code changed, IF set");
		EXPECT_EQ(other(0), n * 0x10000 + RFLAGS_IF, "the same at its other address");
		disable();
	}
	/* The instruction itself goes, and comes back. */
	page[0x123 + 5] = 0x57;
	EXPECT_EQ(fn(0x600), (loops - 1) * 0x10000 + 0x200, "PUSH RDI in the place of PUSHF");
	page[0x123 + 5] = 0x9c;
	reads_if(fn, "IF read by code that is back");
	print("flags: %u changes of code\n", loops);
}

/* mov eax, 0x9d9c9d9c; jmp over 9c 58 50 9d; pushf; pop rdx; and edx, 0x200; add rax, rdx; ret */
static void operands_and_data(void)
{
	static const uint8_t code[] = { 0xb8, 0x9c, 0x9d, 0x9c, 0x9d, 0xeb, 0x04, 0x9c, 0x58, 0x50, 0x9d, 0x9c, 0x5a, 0x81, 0xe2, 0, 2,
					0, 0, 0x48, 0x01, 0xd0, 0xc3 };
	uint8_t *page = frame_alloc();
	code_fn *fn = PUT(page + 0x400, code);
	unsigned i;

	for (i = 0; i < 4; i++) {
		disable();
		EXPECT_EQ(fn(0), 0x9d9c9d9c, "an operand of 9C and 9D");
		enable();
		EXPECT_EQ(fn(0), 0x9d9c9d9cul + RFLAGS_IF, "an operand of 9C and 9D");
		disable();
		/* All but the opcode, which may read as something else (doc/flags-patcher.md). */
		EXPECT_EQ(memcmp(page + 0x400, code, 11), 0, "bytes before PUSHF, read as data");
		EXPECT_EQ(memcmp(page + 0x40c, code + 12, sizeof(code) - 12), 0, "bytes behind PUSHF, read as data");
	}
	print("flags: operands and data stay as they are\n");
}

/* Code and data on one page: it must get on, whatever that costs. mov eax, [rip + d]; inc dword [rip + d]; ret */
static void code_beside_data(unsigned loops)
{
	static const uint8_t code[] = { 0x8b, 0x05, 0xfa, 0x01, 0, 0, 0xff, 0x05, 0xf4, 0x01, 0, 0, 0x9c, 0x5a, 0xc3 };
	uint8_t *page = frame_alloc();
	code_fn *fn = PUT(page + 0x100, code);
	unsigned n, i;

	for (n = 0; n < loops * 10; n++)
		EXPECT_EQ(fn(0), n, "a count on the page of the code that counts");
	EXPECT_EQ(*(volatile uint32_t *)(page + 0x300), n, "the count");
	disable();
	EXPECT_EQ(own_if(), 0, "IF elsewhere");
	print("flags: %u counts beside the code\n", n);
	/* A page that is not written any more is code like any other, if not at once. */
	fn = PUT(page + 0x400, reader);
	for (i = 0; i < 1000000; i++) {
		enable();
		disable();
		/* far enough from the last trap for the CPU to execute the code itself */
		for (n = 0; n < 1000; n++)
			__asm__ volatile("" : : : "memory");
		if (!(fn(0) & RFLAGS_IF))
			break;
	}
	EXPECT_EQ(fn(0) & RFLAGS_IF, 0, "IF read on a page that was written often");
	reads_if(fn, "IF read on a page that was written often");
	print("flags: and the code is right in the end\n");
}

/* Code that has been executed is copied elsewhere, as boot loaders copy themselves, and executed there, and copied again. */
static void moved_code(unsigned loops)
{
	/* mov eax, ecx; pushf; pop rax; mov rdx, rax; push rdi; popf; pushfw; popfw; ret, among NOPs */
	static const uint8_t code[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x89, 0xc8, 0x9c, 0x58, 0x48, 0x89, 0xc2, 0x57, 0x9d,
					0x66, 0x9c, 0x66, 0x9d, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	uint8_t *pages = frame_alloc_run(4 * PAGE_BYTES, PAGE_BYTES), *from = pages + 0x30, *to;
	unsigned long flags = flags_read() & ~RFLAGS_IF, got;
	unsigned n;

	PUT(from, code);
	for (n = 0; n < loops; n++) {
		disable();
		EXPECT_EQ(((code_fn *)from)(flags) & RFLAGS_IF, 0, "IF read by code that was moved");
		EXPECT_EQ(own_if(), 0, "IF cleared by code that was moved");
		EXPECT_EQ(((code_fn *)from)(flags | RFLAGS_IF) & RFLAGS_IF, 0, "IF read by code that was moved, and to be set");
		EXPECT_EQ(own_if(), RFLAGS_IF, "IF set by code that was moved");
		got = ((code_fn *)from)(flags);
		EXPECT_EQ(got & RFLAGS_IF, RFLAGS_IF, "IF read by code that was moved, and to be cleared");
		/* anywhere, the end of a page included */
		to = n % 3 ? pages + PAGE_BYTES * (1 + n % 2) + 0x40 * (1 + n / 3 % 32) : pages + 2 * PAGE_BYTES - 1 - n % 27;
		memcpy(to, from, sizeof(code));
		from = to;
	}
	disable();
	print("flags: %u times code moved\n", loops);
}

/* xchg eax, edi; xor ecx, ecx; push rbx; cpuid; pop rbx; xchg eax, ecx; ret: ECX of a leaf, in code just written */
static void cpuid_everywhere(void)
{
	static const uint8_t code[] = { 0x97, 0x31, 0xc9, 0x53, 0x0f, 0xa2, 0x5b, 0x91, 0xc3 };
	uint32_t ecx = cpuid_read(1, 0).ecx;
	uint8_t *page = frame_alloc();
	unsigned at;

	for (at = 1; at < PAGE_BYTES - sizeof(code); at += 199)
		EXPECT_EQ((uint32_t)PUT(page + at, code)(1), ecx, "CPUID in code just written");
	if (cmdline_number("cpuid", 0)) {
		EXPECT_EQ(ecx >> 27 & 1, 0, "OSXSAVE, with CR4.OSXSAVE clear");
		EXPECT_EQ(ecx >> 31, 0, "the bit that hypervisors set, which shadowpool does not");
		EXPECT_EQ(cpuid_read(0, 0).eax <= 13, 1, "highest basic leaf, at most the last that shadowpool answers");
		EXPECT_EQ(cpuid_read(0x40000000, 0).ebx, 0, "name of a hypervisor");
		EXPECT_EQ(cpuid_read(7, 0).ebx & 1, 0, "FSGSBASE, which shadowpool does not announce");
	}
	print("flags: CPUID\n");
}

static unsigned steps;
static unsigned long step_ip[16], step_flags[16];

static bool on_step(struct trap_regs *regs)
{
	if (regs->vector != VEC_DB)
		return false;
	if (steps < 16) {
		step_ip[steps] = regs->ip;
		step_flags[steps] = regs->flags;
	}
	steps++;
	return true;
}

/* push rdi; popf; nop; pushf; pop rax; push rsi; popf; nop; ret with TF in rdi: a #DB behind each from NOP to the last POPF */
static void single_step(void)
{
	static const uint8_t code[] = { 0x57, 0x9d, 0x90, 0x9c, 0x58, 0x56, 0x9d, 0x90, 0xc3 };
	static const unsigned behind[] = { 3, 4, 5, 6, 7 };
	uint8_t *page = frame_alloc();
	unsigned long flags, got;
	unsigned i, round;

	PUT(page + 0x20, code);
	trap_hook = on_step;
	for (round = 0; round < 4; round++) {
		steps = 0;
		flags = (flags_read() & ~RFLAGS_IF) | (round & 1 ? RFLAGS_IF : 0);
		__asm__ volatile("call *%1" : "=a"(got) : "r"(page + 0x20), "D"(flags | RFLAGS_TF), "S"(flags) : "memory", "cc");
		EXPECT_EQ(got & (RFLAGS_TF | RFLAGS_IF), flags_read() & RFLAGS_IF ? RFLAGS_TF | RFLAGS_IF : RFLAGS_TF,
			  "PUSHF under the single step");
		EXPECT_EQ(own_if(), flags & RFLAGS_IF, "IF by POPF under the single step");
		EXPECT_EQ(steps, 5, "steps");
		for (i = 0; i < 5; i++) {
			EXPECT_EQ(step_ip[i], (unsigned long)page + 0x20 + behind[i], "RIP of a step");
			EXPECT_EQ(step_flags[i] & RFLAGS_IF, flags & RFLAGS_IF, "IF in the frame of a step");
		}
	}
	disable();
	trap_hook = NULL;
	print("flags: single steps\n");
}

void guest_main64(void)
{
	unsigned loops = (unsigned)cmdline_number("loops", 40);

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	compiled_code(loops);
	written_code(loops);
	prefix_across_pages();
	changed_code(loops);
	operands_and_data();
	moved_code(loops);
	cpuid_everywhere();
	single_step();
	code_beside_data(loops);
	compiled_code(loops);
	print("flags: ok\n");
	guest_exit(0);
}
