/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smp.elf: starts the other processors (vcpus=N, 2) by INIT and start-up messages, then lets all of them work on the same page
 * tables: atomic counting, a page that moves under running readers, and edits of neighbouring entries of one table, each
 * verified by the processor that made it (edits=N for each, 2000), and code with POPF and PUSHF that one of them changes for all
 * (N / 10 times). 64-bit code, the guest's kernel, all processors.
 * Sources: SDM vol. 3A 8.4 (start-up), 4.10.5 (shootdown), 10.6 (ICR).
 */
#include "tests/guests/lib.h"

#define MAX_CPUS	16u
#define START_PAGE	0x8000ul
#define APIC		0xfee00000ul
#define APIC_ICR_LOW	0x300u
#define APIC_ICR_HIGH	0x310u
#define ICR_INIT	0x00000500u
#define ICR_STARTUP	0x00000600u
#define ICR_ALL_BUT_SELF 0x000c0000u
#define ICR_ASSERT	0x00004000u
#define WORK_VA		0x40000000ul	/* one page table of its own behind PDPT entry 1 */
#define MOVE_VA		(WORK_VA + 511 * PAGE_BYTES)
#define PHASE_COUNT	1u
#define PHASE_MOVE	2u
#define PHASE_EDIT	3u
#define PHASE_CODE	4u
#define MAX_CHANGES	200u		/* of code */
#define LEAF		(PTE_P | PTE_W)
#define COUNT		20000u

extern char smp_start_begin[], smp_start_end[], smp_cr3[];
extern volatile uint32_t smp_started;
void smp_main(unsigned cpu);

static unsigned cpus;
static uint64_t edits, *table;			/* the page table behind WORK_VA */
static volatile uint32_t phase, arrived, counter;
static uint8_t *code_page;
static volatile uint32_t code_generation, code_seen[MAX_CPUS];
static volatile uint32_t demand, answered[MAX_CPUS];	/* the shootdown by hand of PHASE_MOVE */

static uint32_t add(volatile uint32_t *to, uint32_t n)
{
	return __atomic_add_fetch(to, n, __ATOMIC_SEQ_CST);
}

/* All processors meet; the first one opens the next phase. */
static void meet(unsigned cpu, uint32_t next)
{
	if (cpu) {
		add(&arrived, 1);
		while (phase != next)
			__builtin_ia32_pause();
		return;
	}
	while (arrived != cpus - 1)
		__builtin_ia32_pause();
	arrived = 0;
	phase = next;
}

static void count(void)
{
	for (unsigned i = 0; i < COUNT; i++)
		add(&counter, 1);
}

/* Words of a page say which generation it is; the page of an old generation is poisoned as soon as nobody may see it. */
static void move_read(unsigned cpu)
{
	volatile uint64_t *page = (volatile uint64_t *)MOVE_VA;
	uint64_t last = 0, seen;
	uint32_t asked;

	while (phase == PHASE_MOVE) {
		asked = demand;
		if (asked != answered[cpu]) {
			page_invalidate((void *)MOVE_VA);
			answered[cpu] = asked;
		}
		seen = page[cpu];
		if (seen < last)
			panic("processor %u reads generation 0x%llx after 0x%llx", cpu, (unsigned long long)seen,
			      (unsigned long long)last);
		if (seen == ~0ull)
			panic("processor %u reads a page that it has given up", cpu);
		last = seen;
	}
}

static void move_all(uint64_t rounds)
{
	uint64_t *page[2] = { frame_alloc(), frame_alloc() };
	uint64_t *entry = &table[(MOVE_VA - WORK_VA) / PAGE_BYTES];

	memset(page[0], 0, PAGE_BYTES);
	*(volatile uint64_t *)entry = (uint64_t)page[0] | LEAF;
	meet(0, PHASE_MOVE);
	for (uint64_t round = 1; round <= rounds; round++) {
		uint64_t *now = page[round & 1], *old = page[~round & 1];

		for (unsigned i = 0; i < PAGE_BYTES / 8; i++)
			now[i] = round;
		*(volatile uint64_t *)entry = (uint64_t)now | LEAF;
		page_invalidate((void *)MOVE_VA);
		demand = (uint32_t)round;
		for (unsigned cpu = 1; cpu < cpus; cpu++)
			while (answered[cpu] != round)
				__builtin_ia32_pause();
		EXPECT_EQ(*(volatile uint64_t *)MOVE_VA, round, "generation that the first processor reads");
		memset(old, 0xff, PAGE_BYTES);
	}
}

/* Every processor maps, checks, remaps and unmaps at its own entries of the one table, which lie among the others'. */
static void edit(unsigned cpu)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * (cpu + 1), *page[2] = { 0 };
	volatile uint64_t *entry;

	while (!page[1]) {	/* the allocator is not made for several processors */
		static volatile uint32_t lock;

		if (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
			continue;
		page[0] = frame_alloc();
		page[1] = frame_alloc();
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	}
	*page[0] = 2 * cpu;
	*page[1] = 2 * cpu + 1;
	for (uint64_t i = 0; i < edits; i++) {
		unsigned slot = (unsigned)(random_next(&seed) % (480 / cpus)) * cpus + cpu, which = random_next(&seed) & 1;
		uint64_t *at = (uint64_t *)(WORK_VA + slot * PAGE_BYTES);

		entry = &table[slot];
		*entry = (uint64_t)page[which] | LEAF;
		page_invalidate(at);
		EXPECT_EQ(*(volatile uint64_t *)at, 2 * cpu + which, "word of a page just mapped");
		((volatile uint64_t *)at)[1 + cpu] = i;
		EXPECT_EQ(((volatile uint64_t *)page[which])[1 + cpu], i, "word written through a mapping");
		if (random_next(&seed) & 1) {
			*entry = 0;
			page_invalidate(at);
		}
	}
}

/*
 * mov ecx, generation << 16; push rdi; popf; pushf; pop rax; cli; and eax, 0x200; add eax, ecx; ret, with IF set in rdi. Whoever runs
 * code that another processor has written serializes first (SDM vol. 3A 8.1.3).
 */
static const uint8_t code[] = { 0xb9, 0, 0, 0, 0, 0x57, 0x9d, 0x9c, 0x58, 0xfa, 0x25, 0, 2, 0, 0, 0x01, 0xc8, 0xc3 };

static void code_run(unsigned cpu, uint32_t generation)
{
	unsigned long flags = (flags_read() & ~RFLAGS_IF) | RFLAGS_IF;

	cpuid_read(0, 0);
	EXPECT_EQ(((uint32_t (*)(unsigned long))(code_page + 0x40))(flags), generation << 16 | RFLAGS_IF, "code that another processor has changed");
	code_seen[cpu] = generation;
}

static void code_follow(unsigned cpu, uint32_t changes)
{
	for (uint32_t n = 1; n <= changes; n++) {
		while (code_generation < n)
			__builtin_ia32_pause();
		code_run(cpu, n);
	}
}

static void code_change(uint32_t changes)
{
	for (uint32_t n = 1; n <= changes; n++) {
		*(volatile uint32_t *)(code_page + 0x41) = n << 16;
		code_generation = n;
		code_run(0, n);
		for (unsigned cpu = 1; cpu < cpus; cpu++)
			while (code_seen[cpu] != n)
				__builtin_ia32_pause();
	}
}

static void work(unsigned cpu)
{
	meet(cpu, PHASE_COUNT);
	count();
	if (cpu) {
		meet(cpu, PHASE_MOVE);
		move_read(cpu);
		meet(cpu, PHASE_EDIT);
	} else {
		move_all(edits);
		phase = 0;
		meet(0, PHASE_EDIT);
	}
	edit(cpu);
	meet(cpu, PHASE_CODE);
	if (cpu)
		code_follow(cpu, edits / 10 < MAX_CHANGES ? (uint32_t)(edits / 10) : MAX_CHANGES);
	else
		code_change(edits / 10 < MAX_CHANGES ? (uint32_t)(edits / 10) : MAX_CHANGES);
	meet(cpu, 0);
}

void smp_main(unsigned cpu)
{
	work(cpu);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void send(uint32_t command)
{
	volatile uint32_t *apic = (volatile uint32_t *)APIC;

	apic[APIC_ICR_HIGH / 4] = 0;
	apic[APIC_ICR_LOW / 4] = command | ICR_ASSERT | ICR_ALL_BUT_SELF;
}

static void start_others(void)
{
	memcpy((void *)START_PAGE, smp_start_begin, (size_t)(smp_start_end - smp_start_begin));
	*(uint32_t *)(START_PAGE + (unsigned long)(smp_cr3 - smp_start_begin)) = (uint32_t)cr3_read();
	send(ICR_INIT);
	send(ICR_STARTUP | START_PAGE >> 12);
	send(ICR_STARTUP | START_PAGE >> 12);
	while (smp_started != cpus)
		__builtin_ia32_pause();
}

void guest_main64(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR);
	uint64_t *pd = frame_alloc(), *pd_apic = frame_alloc();

	cpus = (unsigned)cmdline_number("vcpus", 2);
	edits = cmdline_number("edits", 2000);
	EXPECT_EQ(cpus >= 1 && cpus <= MAX_CPUS, 1, "number of processors is possible");
	code_page = frame_alloc();
	memcpy(code_page + 0x40, code, sizeof(code));
	table = frame_alloc();
	pd[0] = (uint64_t)table | LEAF;
	pdpt[1] = (uint64_t)pd | LEAF;
	pd_apic[APIC >> 21 & 511] = (APIC & ~0x1ffffful) | LEAF | PTE_PS;
	pdpt[3] = (uint64_t)pd_apic | LEAF;
	start_others();
	print("smp: %u processors run\n", cpus);
	work(0);
	EXPECT_EQ(counter, cpus * COUNT, "what all processors have counted together");
	print("smp: ok, %u processors, %llu moves of a page, %llu edits each\n", cpus, (unsigned long long)edits,
	      (unsigned long long)edits);
	guest_exit(0);
}
