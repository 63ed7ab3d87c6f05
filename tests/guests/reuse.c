/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reuse.elf: pages that were page tables become something else: the stack that an interrupt, an exception, a far call or a push
 * lands on, or the target of a string store; then they are tables again. rounds=N (60). Everything that was stored is read back,
 * and every mapping is used. 64-bit code, the guest's kernel.
 */
#include "tests/guests/irq.h"

#define RIGHTS		((uint64_t)(PTE_P | PTE_W))
#define ENTRIES		16u		/* of each table */
#define TABLES		8u
#define WINDOW		0x40000000ul	/* where the table of the round maps its pages */
#define VECTOR_INT	0x60u
#define VECTOR_IRQ	PIC_VECTOR	/* line 0, the PIT */
#define COPY_FROM	0u		/* slots of the root */
#define COPY_TO		300u
#define COPIES		100u
#define COPY_SLOT	(COPY_TO + 77)	/* one of them that is used */

extern char reuse_int[], reuse_irq[], reuse_far[];
volatile unsigned long reuse_count;

/* On the stack under test; each comes back to where it was entered. */
__asm__(".text\n"
	"reuse_int: incq reuse_count\n\t"
	"iretq\n"
	"reuse_irq: push %rax\n\t"
	"mov $0x20, %al\n\t"
	"outb %al, $0x20\n\t"
	"pop %rax\n\t"
	"incq reuse_count\n\t"
	"iretq\n"
	"reuse_far: incq reuse_count\n\t"
	"lretq\n");

static uint64_t *table[TABLES], *page[ENTRIES], *pd;

/* An entry that says which round and which place it is of, by the page that it maps. */
static uint64_t entry_of(unsigned round, unsigned i)
{
	return (uint64_t)page[(i + round) % ENTRIES] | RIGHTS;
}

static void use_as_table(uint64_t *t, unsigned round)
{
	unsigned i;

	for (i = 0; i < ENTRIES; i++)
		t[i] = entry_of(round, i);
	for (; i < 512; i++)
		t[i] = 0;
	pd[0] = (uint64_t)t | RIGHTS;
	for (i = 0; i < ENTRIES; i++) {
		volatile uint64_t *at = (volatile uint64_t *)(WINDOW + i * PAGE_BYTES);

		page_invalidate(at);
		EXPECT_EQ(*at, (i + round) % ENTRIES, "word of a page, through the table");
		at[1] = round;
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(page[i][1], round, "word that was written through the table");
}

static void unlink_table(void)
{
	unsigned i;

	pd[0] = 0;
	for (i = 0; i < ENTRIES; i++)
		page_invalidate((const volatile void *)(WINDOW + i * PAGE_BYTES));
}

/* What is not under the stack is still what the table held, but for the A and D bits that its use has set. */
static void check_rest(const uint64_t *t, unsigned round)
{
	unsigned i;

	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(t[i] & ~(uint64_t)(PTE_A | PTE_D), entry_of(round, i), "entry of the former table");
}

/* ---- what lands on the page, whose end is top ---- */

static void check_frame(const uint64_t *top, uint64_t rsp, unsigned long flags)
{
	EXPECT_EQ(top[-1], SEL_DATA, "SS of the frame");
	EXPECT_EQ(top[-2], rsp, "RSP of the frame");
	EXPECT_EQ(top[-3] & flags, flags, "flags of the frame");
	EXPECT_EQ(top[-4], SEL_CODE64, "CS of the frame");
}

static void by_software_interrupt(uint64_t *top)
{
	uint64_t rsp, after;

	traps_ist_set(VECTOR_INT, (void (*)(void))reuse_int, top);
	__asm__ volatile("mov %%rsp, %0; lea 1f(%%rip), %1; int %2; 1:" : "=&r"(rsp), "=&r"(after) : "i"(VECTOR_INT) : "memory");
	check_frame(top, rsp, RFLAGS_FIXED);
	EXPECT_EQ(top[-5], after, "RIP of the frame");
}

static void by_exception(uint64_t *top)
{
	uint64_t rsp, after;

	traps_ist_set(VEC_BP, (void (*)(void))reuse_int, top);
	__asm__ volatile("mov %%rsp, %0; lea 1f(%%rip), %1; int3; 1:" : "=&r"(rsp), "=&r"(after) : : "memory");
	check_frame(top, rsp, RFLAGS_FIXED);
	EXPECT_EQ(top[-5], after, "RIP of the frame");
}

static void by_interrupt(uint64_t *top)
{
	unsigned long before = reuse_count;

	traps_ist_set(VECTOR_IRQ, (void (*)(void))reuse_irq, top);
	pic_mask(0xfffe);
	pit_start(0, 100);
	/* No HLT: the interrupt comes once, and an emulated host lets it come between STI and HLT now and then (doc/hosts.md). */
	while (reuse_count == before)
		__asm__ volatile("sti; nop; nop; cli" : : : "memory");
	pic_mask(0xffff);
	EXPECT_EQ(top[-1], SEL_DATA, "SS of the interrupt's frame");
	EXPECT_EQ(top[-4], SEL_CODE64, "CS of the interrupt's frame");
	EXPECT_EQ(top[-3] & RFLAGS_IF, RFLAGS_IF, "IF in the interrupt's frame");
}

static void by_far_call(uint64_t *top)
{
	static struct { uint64_t offset; uint16_t selector; } __attribute__((packed)) far;
	uint64_t after;

	far.offset = (unsigned long)reuse_far;
	far.selector = SEL_CODE64;
	__asm__ volatile("mov %%rsp, %%rbx; lea 1f(%%rip), %0; mov %1, %%rsp; .byte 0x48; lcall *%2; 1: mov %%rbx, %%rsp"
			 : "=&r"(after) : "r"(top), "m"(far) : "rbx", "memory");
	/* The real CPU may carry it out, and shows its own privilege level. */
	EXPECT_EQ(top[-1] & ~3ul, SEL_CODE64, "CS of the far call");
	EXPECT_EQ(top[-2], after, "RIP of the far call");
}

static void by_push(uint64_t *top)
{
	__asm__ volatile("mov %%rsp, %%rbx; mov %0, %%rsp; push %1; pushf; mov %%rbx, %%rsp"
			 : : "r"(top), "r"(0x1122334455667788ul) : "rbx", "memory");
	reuse_count++;
	EXPECT_EQ(top[-1], 0x1122334455667788ul, "word that was pushed");
	EXPECT_EQ(top[-2] & RFLAGS_FIXED, RFLAGS_FIXED, "flags that were pushed");
}

static void (*const land[])(uint64_t *top) = { by_software_interrupt, by_exception, by_interrupt, by_far_call, by_push };
#define WAYS	(sizeof(land) / sizeof(land[0]))

/* ---- strings to the root in use, which is never let go ---- */

static void copy_root(unsigned round)
{
	uint64_t *root = (uint64_t *)(cr3_read() & PTE_ADDR);
	unsigned long va = (unsigned long)COPY_SLOT << 39 | 0xffff000000000000ul;
	static uint64_t entries[COPIES];
	void *to = &root[COPY_TO];
	const void *from = entries;
	unsigned long n = COPIES;
	unsigned i;

	for (i = 0; i < COPIES; i++)
		entries[i] = root[COPY_FROM];
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	EXPECT_EQ(n, 0, "RCX after REP MOVSQ");
	page[0][2] = round;
	EXPECT_EQ(*(volatile uint64_t *)(va + (unsigned long)&page[0][2]), round, "word through a slot that was copied");
	to = &root[COPY_TO];
	n = COPIES;
	__asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(0ul) : "memory");
	EXPECT_EQ(n, 0, "RCX after REP STOSQ");
	page_invalidate((const volatile void *)(va + (unsigned long)&page[0][2]));
	if (!probe_read((const volatile void *)(va + (unsigned long)&page[0][2]), &n, 0))
		panic("a slot of the root that was cleared can still be read");
	EXPECT_EQ(fault.vector, VEC_PF, "vector");
}

void guest_main64(void)
{
	unsigned rounds = (unsigned)cmdline_number("rounds", 60), round, i;
	uint64_t *pdpt = (uint64_t *)(*(uint64_t *)(cr3_read() & PTE_ADDR) & PTE_ADDR);
	unsigned long count;

	traps_init();
	traps_stack_set(frame_alloc());
	pic_init();
	pd = frame_alloc();
	pdpt[1] = (uint64_t)pd | RIGHTS;
	for (i = 0; i < TABLES; i++)
		table[i] = frame_alloc();
	for (i = 0; i < ENTRIES; i++) {
		page[i] = frame_alloc();
		page[i][0] = i;
	}
	for (round = 0; round < rounds; round++) {
		uint64_t *t = table[round % TABLES];

		use_as_table(t, round);
		unlink_table();
		count = reuse_count;
		land[round % WAYS](t + 512);
		EXPECT_EQ(reuse_count, count + 1, "handlers that ran");
		check_rest(t, round);
		if (round % 8 == 7)
			copy_root(round);
	}
	print("reuse: ok, %u tables became stacks\n", rounds);
	guest_exit(0);
}
