/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pace.elf: does a VM keep its timer's rate beside others? Sleeps in HLT, takes the PIT's ticks (period=N of 1193182 Hz, 11932)
 * and measures slices=N (20) of ticks=N (10) by the TSC. The fastest slice counts, since any other one may have waited for a
 * processor; it must not take more than 3/2 of alone=N cycles, which a run without neighbours has printed.
 * storm=1 is such a neighbour: interrupts on, for ever setting the timers to the fastest that there is.
 * 64-bit code, the guest's kernel.
 */
#include "tests/guests/irq.h"

#define LINE_TIMER	0u
#define TIMER_PERIODIC	0x20000u

static uint8_t trap_stack[16384] __attribute__((aligned(16)));
static volatile unsigned ticks;

static bool on_trap(struct trap_regs *regs)
{
	if (regs->vector == APIC_TIMER) {
		lapic_write(LAPIC_EOI, 0);
		return true;
	}
	if (regs->vector != PIC_VECTOR + LINE_TIMER)
		return false;
	ticks++;
	pic_eoi(LINE_TIMER);
	return true;
}

static void map_apic(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *pd = frame_alloc();

	pd[0xfee00000u >> 21 & 511] = 0xfee00000ul | PTE_P | PTE_W | PTE_PS | PTE_PCD;
	pdpt[3] = (uint64_t)pd | PTE_P | PTE_W;
}

static void __attribute__((noreturn)) storm(void)
{
	uint16_t count;

	map_apic();
	lapic_init();
	lapic_write(LAPIC_LVT_TIMER, TIMER_PERIODIC | APIC_TIMER);
	print("pace: storm\n");
	__asm__ volatile("sti" : : : "memory");
	for (count = 2;; count ^= 1) {
		pit_start(2, count);
		lapic_write(LAPIC_INITIAL, count);
	}
}

/* Returns with interrupts off. */
static void tick_await(void)
{
	unsigned before = ticks;

	while (ticks == before)
		__asm__ volatile("sti; hlt; cli" : : : "memory");
}

static uint64_t slice_run(unsigned n)
{
	uint64_t start = tsc_read();

	while (n--)
		tick_await();
	return tsc_read() - start;
}

void guest_main64(void)
{
	unsigned slices = (unsigned)cmdline_number("slices", 20), n = (unsigned)cmdline_number("ticks", 10), i;
	uint64_t alone = cmdline_number("alone", 0), best = ~0ull, all = 0, cycles;

	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	trap_hook = on_trap;
	pic_init();
	pic_mask(0xfffe);
	if (cmdline_number("storm", 0))
		storm();
	pit_start(2, (uint16_t)cmdline_number("period", 11932));
	tick_await();
	for (i = 0; i < slices; i++) {
		cycles = slice_run(n);
		all += cycles;
		if (cycles < best)
			best = cycles;
	}
	print("pace: %u slices of %u ticks, in the mean %llu cycles\npace: the fastest %llu\n", slices, n,
	      (unsigned long long)(all / slices), (unsigned long long)best);
	if (alone && best > alone + alone / 2)
		panic("the timer is slower than alone: %llu cycles, not %llu", (unsigned long long)best, (unsigned long long)alone);
	print("pace: ok\n");
	guest_exit(0);
}
