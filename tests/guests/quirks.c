/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quirks.elf: what kernels do now and then. Faults in the handlers of faults, up to a double fault on a stack of its own;
 * descriptors that change between two loads of the same selector, in the GDT and in an LDT; code that writes code, on pages
 * that are mapped twice and on one that is a page table at the same time; spaces with context identifiers. 64-bit code, the
 * guest's kernel. loops=N (200).
 * Source: SDM vol. 3A 6.14 (IST), 6.15 #DF, table 6-5; 3.4.3, 3.5 (hidden parts of segment registers); 8.1.3, 11.6.
 */
#include "tests/guests/traps.h"

#define SELECTOR_TLS	0x70u		/* in the guest's own, larger GDT */
#define SELECTOR_LDT	0x78u		/* two entries */
#define GDT_ENTRIES	18u
#define LDT_ENTRY	0x14u		/* entry 2, TI, RPL 0 */
#define HOLE_VA		(9ul << 39)	/* nothing is mapped there */
#define ALIAS_VA	(11ul << 39)

extern uint64_t gdt[];
extern void quirks_double_fault(void);
extern unsigned long quirks_double_error, quirks_double_sp, quirks_double_cs;
int quirks_lose_stack(unsigned long stack);
extern uint8_t quirks_double_stack[];

static uint8_t trap_stack[16384] __attribute__((aligned(16)));
static uint64_t big_gdt[GDT_ENTRIES] __attribute__((aligned(16))), ldt[4] __attribute__((aligned(16)));
static uint32_t words[64];

/* ---- faults in handlers */

static unsigned depth, deepest;

/* Each handler faults again, further down the hole, eight times; each fault must arrive whole, and all of them return. */
static bool on_nested(struct trap_regs *regs)
{
	unsigned long value, at = HOLE_VA + depth * 0x3000, saved = cr2_read();
	uint64_t error = regs->error;

	if (regs->vector != VEC_PF || saved < HOLE_VA || saved >= HOLE_VA + (1ul << 39))
		return false;
	EXPECT_EQ(saved, at, "CR2 of a nested fault");
	EXPECT_EQ(error, depth & 1 ? PF_W : 0, "error code of a nested fault");
	if (depth++ < 8) {
		/* No probe: its way out is one for all. The access is two bytes long, and is stepped over. */
		at = HOLE_VA + depth * 0x3000;
		if (depth & 1)
			__asm__ volatile("mov %%eax, (%%rdi)" : : "D"(at), "a"(0) : "memory");
		else
			__asm__ volatile("mov (%%rdi), %%eax" : "=a"(value) : "D"(at) : "memory");
	} else {
		deepest++;
	}
	regs->ip += 2;
	return true;
}

static void nested_faults(unsigned loops)
{
	unsigned long value;
	unsigned n;

	trap_hook = on_nested;
	for (n = 0; n < loops; n++) {
		depth = 0;
		__asm__ volatile("mov (%%rdi), %%eax" : "=a"(value) : "D"(HOLE_VA) : "memory");
		EXPECT_EQ(depth, 9, "depth of nested faults");
	}
	EXPECT_EQ(deepest, loops, "nests that reached the bottom");
	trap_hook = NULL;
	print("quirks: %u nests of 9 page faults\n", loops);
}

/* The stack is gone: the push of the #PF frame faults as well, and #DF comes on the stack of its IST entry. */
static void double_faults(unsigned loops)
{
	unsigned long stack, at;
	unsigned n;

	traps_ist_set(VEC_DF, quirks_double_fault, quirks_double_stack);
	for (n = 0; n < loops; n++) {
		stack = HOLE_VA + 0x800 + n * 8;
		quirks_double_error = ~0ul;
		EXPECT_EQ(quirks_lose_stack(stack), 1, "a lost stack gives a double fault");
		EXPECT_EQ(quirks_double_error, 0, "error code of #DF");
		EXPECT_EQ(quirks_double_cs, SEL_CODE64, "CS in the frame of #DF");
		EXPECT_EQ(quirks_double_sp, stack, "RSP in the frame of #DF");
		at = cr2_read();	/* of the second fault: somewhere in the frame */
		EXPECT_EQ(at < stack && at >= stack - 64, 1, "CR2 after #DF");
	}
	print("quirks: %u double faults\n", loops);
}

/* ---- descriptors */

static uint64_t descriptor(unsigned long base, bool present)
{
	return 0x00cf12000000ffffull | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24 & 0xff) << 56 |
	       (present ? 1ull << 47 : 0);
}

static uint32_t fs_load_and_read(unsigned selector)
{
	uint32_t value;

	__asm__ volatile("mov %w1, %%fs; mov %%fs:0, %0" : "=r"(value) : "r"(selector) : "memory");
	return value;
}

static uint32_t fs_read(void)
{
	uint32_t value;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(value) : : "memory");
	return value;
}

static void descriptors_prepare(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) gdtr = { sizeof(big_gdt) - 1, (unsigned long)big_gdt };
	unsigned long base = (unsigned long)ldt;
	unsigned n;

	for (n = 0; n < 13; n++)
		big_gdt[n] = gdt[n];
	big_gdt[SELECTOR_LDT / 8] = (sizeof(ldt) - 1) | (base & 0xffffff) << 16 | 0x82ull << 40 | (uint64_t)(base >> 24 & 0xff) << 56;
	big_gdt[SELECTOR_LDT / 8 + 1] = base >> 32;
	__asm__ volatile("lgdt %0; lldt %w1" : : "m"(gdtr), "r"(SELECTOR_LDT) : "memory");
	for (n = 0; n < sizeof(words) / sizeof(words[0]); n++)
		words[n] = 0xc0de0000u + n;
}

/* As thread switches do: the same selector, another base each time. A register keeps what it loaded until it is loaded again. */
static void descriptors_change(volatile uint64_t *entry, unsigned selector, unsigned loops, const char *table)
{
	unsigned n, at, other;

	for (n = 0; n < loops; n++) {
		at = n * 7 % 64;
		other = (at + 31) % 64;
		*entry = descriptor((unsigned long)&words[at], true);
		EXPECT_EQ(fs_load_and_read(selector), 0xc0de0000u + at, "word at the base of a descriptor that has just changed");
		*entry = descriptor((unsigned long)&words[other], true);
		EXPECT_EQ(fs_read(), 0xc0de0000u + at, "word at the base that the register holds");
		EXPECT_EQ(fs_load_and_read(selector), 0xc0de0000u + other, "word after the register has been loaded again");
		EXPECT_EQ(*entry >> 40 & 1, 1, "accessed bit of the descriptor");
		if (n % 8)
			continue;
		*entry = descriptor((unsigned long)&words[at], false);
		PROBE_INSN("mov %w0, %%fs", : : "r"(selector) : "memory");
		EXPECT_EQ(fault.vector, VEC_NP, "vector of a load through a descriptor that is not present");
		EXPECT_EQ(fault.error, selector & ~3u, "error code of it");
		EXPECT_EQ(fs_read(), 0xc0de0000u + other, "word after a load that failed");
	}
	print("quirks: %u changes of a descriptor in the %s\n", loops * 2, table);
}

/* ---- code */

#define MOV_EAX	0xb8u
#define RET	0xc3u

static void code_write(volatile uint8_t *at, uint32_t value)
{
	at[0] = MOV_EAX;
	*(volatile uint32_t *)(at + 1) = value;
	at[5] = RET;
}

static uint32_t code_run(unsigned long at)
{
	return ((uint32_t (*)(void))at)();
}

/* Maps frame at va; returns the directory. */
static uint64_t *path_make(unsigned long va, uint64_t *frame)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = frame_alloc(), *pd = frame_alloc(), *pt = frame_alloc();

	pml4[va >> 39 & 511] = (uint64_t)pdpt | PTE_P | PTE_W;
	pdpt[0] = (uint64_t)pd | PTE_P | PTE_W;
	pd[0] = (uint64_t)pt | PTE_P | PTE_W;
	pt[0] = (uint64_t)frame | PTE_P | PTE_W;
	return pd;
}

static void code_changes(unsigned loops)
{
	uint64_t *page = frame_alloc(), *directory = path_make(ALIAS_VA, page), *second = frame_alloc();
	unsigned long own = (unsigned long)page;
	unsigned n;

	for (n = 0; n < loops; n++) {
		code_write((uint8_t *)own + n % 100 * 8, n);
		EXPECT_EQ(code_run(own + n % 100 * 8), n, "code just written");
		EXPECT_EQ(code_run(ALIAS_VA + n % 100 * 8), n, "the same code at its other address");
		code_write((uint8_t *)ALIAS_VA + n % 100 * 8, ~n);
		EXPECT_EQ(code_run(own + n % 100 * 8), ~n, "code written at its other address");
	}
	/* The page becomes a last-level table as well: its first half entries, its second half code. */
	memset(page, 0, PAGE_BYTES);
	directory[1] = (uint64_t)page | PTE_P | PTE_W;
	cr3_write(cr3_read());
	for (n = 0; n < loops; n++) {
		unsigned long va = ALIAS_VA + 0x200000 + n % 64 * PAGE_BYTES;
		volatile uint64_t *entry = &page[n % 64];

		*(volatile uint64_t *)second = n;
		*entry = (uint64_t)second | PTE_P | PTE_W;
		page_invalidate((void *)va);
		EXPECT_EQ(*(volatile uint64_t *)va, n, "word behind an entry in a page that is code as well");
		code_write((uint8_t *)own + 0x800 + n % 100 * 8, n * 3);
		EXPECT_EQ(code_run(own + 0x800 + n % 100 * 8), n * 3, "code in a page that is a table as well");
		EXPECT_EQ(code_run(ALIAS_VA + 0x800 + n % 100 * 8), n * 3, "and at its other address");
		*entry = 0;
		page_invalidate((void *)va);
		PROBE_INSN("mov (%0), %%eax", : : "r"(va) : "rax", "memory");
		EXPECT_EQ(fault.vector, VEC_PF, "vector behind an entry that is gone");
	}
	print("quirks: %u changes of code, %u of them in a page table\n", loops * 3, loops);
}

/* ---- context identifiers */

#define CR3_NOFLUSH	(1ul << 63)
#define CONTEXT_VA	(13ul << 39)

static void invalidate_in(unsigned long pcid, unsigned long va)
{
	struct { uint64_t pcid, va; } d = { pcid, va };

	__asm__ volatile("invpcid %0, %1" : : "m"(d), "r"(0ul) : "memory");
}

/* Two spaces that differ in one page, entered without a flush; an entry that changes is invalidated from the other space. */
static void contexts(unsigned loops)
{
	unsigned long old = cr3_read(), cr3[2];
	uint64_t *table[2], *frame[3], *pml4;
	unsigned n, i;

	if (!(cpuid_read(1, 0).ecx >> 17 & 1) || !(cpuid_read(7, 0).ebx >> 10 & 1)) {
		print("quirks: no context identifiers\n");
		return;
	}
	for (i = 0; i < 3; i++)
		frame[i] = frame_alloc();
	cr4_write(cr4_read() | CR4_PCIDE);
	for (i = 0; i < 2; i++) {
		pml4 = frame_alloc();
		memcpy(pml4, (void *)(old & PTE_ADDR), PAGE_BYTES);
		cr3[i] = (unsigned long)pml4 | (i + 1);
		cr3_write(cr3[i]);
		table[i] = (uint64_t *)(path_make(CONTEXT_VA, frame[i])[0] & PTE_ADDR);
	}
	for (n = 0; n < loops; n++) {
		i = n & 1;
		*(volatile uint64_t *)frame[n % 3] = n;
		*(volatile uint64_t *)frame[(n + 1) % 3] = ~0ul;
		cr3_write(cr3[i] | CR3_NOFLUSH);
		EXPECT_EQ(cr3_read(), cr3[i], "CR3 with an identifier");
		table[!i][0] = (uint64_t)frame[n % 3] | PTE_P | PTE_W;
		invalidate_in(!i + 1, CONTEXT_VA);
		cr3_write(cr3[!i] | CR3_NOFLUSH);
		EXPECT_EQ(*(volatile uint64_t *)CONTEXT_VA, n, "word in the other space after INVPCID");
	}
	cr3_write(old);
	cr4_write(cr4_read() & ~CR4_PCIDE);
	print("quirks: %u changes of space without a flush\n", loops * 2);
}

/* ---- extended state */

/* XSAVE where it is announced: YMM0 of two contexts, with traps between. Elsewhere CR4 and XSETBV have none of it. */
static void extended_state(unsigned loops)
{
	static uint8_t area[2][4096] __attribute__((aligned(64)));
	uint64_t ymm[4], back[4];
	unsigned n, i;

	if (!(cpuid_read(1, 0).ecx >> 26 & 1)) {
		PROBE_INSN("mov %0, %%cr4", : : "r"(cr4_read() | CR4_OSXSAVE) : "memory");
		EXPECT_EQ(fault.vector, VEC_GP, "vector of setting CR4.OSXSAVE without XSAVE");
		PROBE_INSN("xsetbv", : : "a"(1), "d"(0), "c"(0) : "memory");
		EXPECT_EQ(fault.vector, VEC_UD, "vector of XSETBV without XSAVE");
		return;
	}
	PROBE_INSN("xsetbv", : : "a"(7), "d"(0), "c"(0) : "memory");
	EXPECT_EQ(fault.vector, VEC_UD, "vector of XSETBV without CR4.OSXSAVE");
	cr4_write(cr4_read() | CR4_OSFXSR | CR4_OSXSAVE);
	EXPECT_EQ(cr4_read() & CR4_OSXSAVE, CR4_OSXSAVE, "CR4.OSXSAVE");
	EXPECT_EQ(cpuid_read(1, 0).ecx >> 27 & 1, 1, "OSXSAVE by CPUID");
	EXPECT_EQ(cpuid_read(13, 0).ebx <= sizeof(area[0]), 1, "bytes of all states");
	PROBE_INSN("xsetbv", : : "a"(6), "d"(0), "c"(0) : "memory");
	EXPECT_EQ(fault.vector, VEC_GP, "vector of XSETBV without x87");
	PROBE_INSN("xsetbv", : : "a"(5), "d"(0), "c"(0) : "memory");
	EXPECT_EQ(fault.vector, VEC_GP, "vector of XSETBV with AVX and without SSE");
	PROBE_INSN("xsetbv", : : "a"(1), "d"(0), "c"(1) : "memory");
	EXPECT_EQ(fault.vector, VEC_GP, "vector of XSETBV of a register that is none");
	PROBE_INSN("xsetbv", : : "a"(7), "d"(0), "c"(0) : "memory");
	EXPECT_EQ(fault.vector, FAULT_NONE, "vector of XSETBV");
	for (n = 0; n < loops + 2; n++) {
		if (n >= 2) {
			__asm__ volatile("xrstor %2; vmovdqu %%ymm0, %0" : "=m"(back) : "m"(back), "m"(area[n & 1]), "a"(-1), "d"(-1));
			for (i = 0; i < 4; i++)
				EXPECT_EQ(back[i], (n - 2) * 0x100000001ul + i, "quarter of YMM0 after XSAVE and XRSTOR");
		}
		for (i = 0; i < 4; i++)
			ymm[i] = n * 0x100000001ul + i;
		__asm__ volatile("vmovdqu %0, %%ymm0" : : "m"(ymm));
		cr3_write(cr3_read());		/* a trap, and more instructions that trap */
		(void)cpuid_read(1, 0);
		__asm__ volatile("xsave %0" : "+m"(area[n & 1]) : "a"(-1), "d"(-1) : "memory");
	}
	__asm__ volatile("vzeroupper");
	cr4_write(cr4_read() & ~CR4_OSXSAVE);
}

void guest_main64(void)
{
	unsigned loops = (unsigned)cmdline_number("loops", 200);

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	nested_faults(loops);
	double_faults(loops < 100 ? loops : 100);
	descriptors_prepare();
	descriptors_change(&big_gdt[SELECTOR_TLS / 8], SELECTOR_TLS, loops, "GDT");
	descriptors_change(&ldt[LDT_ENTRY / 8], LDT_ENTRY, loops, "LDT");
	code_changes(loops);
	contexts(loops);
	extended_state(loops);
	print("quirks: ok\n");
	guest_exit(0);
}
