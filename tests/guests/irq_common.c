/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What irq32 and irq64 check: that interrupts come when IF, priorities and masks allow it and never otherwise, that they
 * disturb nothing, and that HLT waits for them. Waiting is bounded by the outside only: a lost interrupt shows as a timeout.
 * Command line: scale=N repeats more or less (100); pushf=0 leaves out reading and writing IF by PUSHF and POPF; exact=0 does not
 * insist on an interrupt when IF is 1 for an instruction or two only; tcg=1 is for hosts that QEMU's TCG emulates. VMRUN there
 * forgets the shadow of STI, so an interrupt may come between STI and HLT, and nothing that comes once only may be waited for so;
 * and code is slow enough there that the fastest timer leaves no time for any other.
 */
#include "tests/guests/irq.h"

#define PIT_1MS		1193u
#define LINE_TIMER	0u
#define MAX_LOG		16u

static volatile unsigned ticks, spurious, apic_timer_ticks, uart_interrupts, user_ticks;
static volatile unsigned log_length;
static volatile uint8_t log_vector[MAX_LOG];
static uint8_t user_code[] __attribute__((section(".user.data"))) = {
	0x83, 0x3f, 0x00,	/* 1: cmp dword [rdi], 0 */
	0x74, 0xfb,		/* je 1b */
	0xcd, 0x80,		/* int 0x80 */
};
static uint8_t user_stack[1024] __attribute__((section(".user.data"), aligned(16))) = { 0 };
static volatile uint32_t user_flag __attribute__((section(".user.data"))) = 0;
extern char user_data_start[], user_data_end[];
static volatile bool nest;
static bool use_pushf, exact, tcg;
static unsigned scale;

static unsigned times(unsigned n)
{
	return n * scale / 100 ? n * scale / 100 : 1;
}

static void log_add(unsigned vector)
{
	if (log_length < MAX_LOG)
		log_vector[log_length] = (uint8_t)vector;
	log_length++;
}

static void enable(void) { __asm__ volatile("sti" : : : "memory"); }
static void disable(void) { __asm__ volatile("cli" : : : "memory"); }
static void enable_and_halt(void) { __asm__ volatile("sti; hlt" : : : "memory"); }

/* What has been asked for already comes now. */
static void let_in(void)
{
	if (exact)
		__asm__ volatile("sti; nop; nop; cli" : : : "memory");
	else
		__asm__ volatile("sti; inb $0x80, %%al; inb $0x80, %%al; cli" : : : "eax", "memory");
}

static void self_interrupt(unsigned vector)
{
	lapic_write(LAPIC_ICR, 0x40000u | vector);
}

/* Lets a lower vector ask, then opens the gate for a higher one: only that comes, and at once. */
static void on_nesting_vector(void)
{
	log_add(1);
	self_interrupt(APIC_LOW);
	self_interrupt(APIC_HIGH);
	let_in();
	log_add(2);
}

static void uart_interrupt(void)
{
	uart_interrupts++;
	if ((port_read8(0x3fa) & 0x0f) == 0x02 && uart_interrupts < 5)
		port_write8(0x3f8, (uint8_t)('.'));
	else
		port_write8(0x3f9, 0);
}

static bool on_trap(struct trap_regs *regs)
{
	unsigned v = (unsigned)regs->vector;

	if (v < PIC_VECTOR || v == 0x80)
		return false;
	EXPECT_EQ(flags_read() & RFLAGS_IF, use_pushf ? 0 : flags_read() & RFLAGS_IF, "IF in a handler");
	EXPECT_EQ(regs->flags & RFLAGS_IF, RFLAGS_IF, "IF of the code that was interrupted");
	EXPECT_EQ(regs->error, 0, "error code, which the stub pushes");
	if (v == PIC_VECTOR + LINE_TIMER) {
		ticks++;
		if ((regs->cs & 3) && ++user_ticks == 3)
			user_flag = 1;
		pic_eoi(LINE_TIMER);
	} else if (v == PIC_VECTOR + 7) {
		spurious++;
	} else if (v == APIC_SPURIOUS) {
		spurious++;
	} else {
		if (v == APIC_TIMER && nest)
			on_nesting_vector();
		else if (v == APIC_TIMER)
			apic_timer_ticks++;
		else if (v == APIC_UART)
			uart_interrupt();
		else
			log_add(v);
		lapic_write(LAPIC_EOI, 0);
	}
	return true;
}

/* Register state across interrupts: the same numbers come out with and without them. */
static uint64_t compute(unsigned rounds)
{
	uint64_t state = 88172645463325252ull, sum = 0;

	while (rounds--)
		sum += random_next(&state) ^ sum << 1;
	return sum;
}

static void ticks_while_computing(void)
{
	unsigned want = times(50), rounds = 0, size = sizeof(long) == 8 ? 20000 : 300;
	uint64_t quiet = compute(size);

	pic_mask(0xfffe);
	pit_start(2, PIT_1MS);
	ticks = 0;
	enable();
	for (; ticks < want; rounds++)
		EXPECT_EQ(compute(size), quiet, "a computation that was interrupted");
	disable();
	print("irq: %u ticks during %u computations\n", want, rounds);
}

/* Until the next interrupt, which may never come again: so HLT only where no interrupt comes between STI and HLT. */
static void wait_for_interrupt(void)
{
	if (tcg)
		let_in();
	else
		__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* One tick that waits in the controller, because interrupts are off. */
static void tick_waits(void)
{
	pit_start(0, 100);
	while (!(pic_requests() & 1))
		;
}

static void interrupts_off(void)
{
	unsigned before, i;

	pit_stop();
	let_in();
	for (i = 0; i < times(20); i++) {
		before = ticks;
		tick_waits();
		EXPECT_EQ(ticks, before, "ticks with interrupts off");
		if (exact)
			__asm__ volatile("sti; nop; cli" : : : "memory");
		else
			let_in();
		EXPECT_EQ(ticks, before + 1, "a tick behind STI and one instruction");
		tick_waits();
		if (!tcg)
			__asm__ volatile("sti; cli" : : : "memory");
		EXPECT_EQ(ticks, before + 1, "no tick between STI and CLI");
		wait_for_interrupt();
		EXPECT_EQ(ticks, before + 2, "STI; HLT with a tick waiting");
	}
}

static void halts(void)
{
	unsigned before, i;

	pit_start(2, PIT_1MS);
	for (i = 0; i < times(20); i++) {
		before = ticks;
		enable_and_halt();
		disable();
		EXPECT_EQ(ticks > before, true, "HLT ends with an interrupt");
	}
}

static void flags_register(void)
{
	unsigned before, i;

	if (!use_pushf) {
		print("irq: PUSHF and POPF left out\n");
		return;
	}
	pit_stop();
	let_in();
	for (i = 0; i < times(20); i++) {
		EXPECT_EQ(flags_read() & RFLAGS_IF, 0, "IF after CLI");
		tick_waits();
		before = ticks;
		flags_write(flags_read() | RFLAGS_IF);
		while (!exact && ticks == before)
			;
		__asm__ volatile("nop" : : : "memory");
		EXPECT_EQ(ticks, before + 1, "a tick behind POPF");
		EXPECT_EQ(flags_read() & RFLAGS_IF, RFLAGS_IF, "IF after POPF");
		flags_write(flags_read() & ~RFLAGS_IF);
		EXPECT_EQ(flags_read() & RFLAGS_IF, 0, "IF after POPF, cleared");
		enable();
		EXPECT_EQ(flags_read() & RFLAGS_IF, RFLAGS_IF, "IF after STI");
		disable();
	}
}

/* The timer at its fastest: the program goes on beside it. */
static void storm(void)
{
	unsigned rounds = 0, end;

	pit_start(2, 2);
	end = ticks + times(200);
	enable();
	while (ticks < end)
		rounds++;
	disable();
	EXPECT_EQ(rounds > 0 || tcg, true, "progress beside a storm");
	pit_start(2, PIT_1MS);
}

/* A user program that only an interrupt's handler can end. */
static void user_mode(void)
{
#ifdef __x86_64__
	identity_open_user(user_data_start, user_data_end);
#endif
	traps_gate_dpl(0x80, 3);
	pit_start(2, PIT_1MS);
	user_ticks = user_flag = 0;
	user_run((unsigned long)user_code, sizeof(long) == 8 ? SEL_USER_CODE64 : SEL_USER_CODE32,
		 (unsigned long)(user_stack + sizeof(user_stack)), RFLAGS_IF, 0, (unsigned long)&user_flag);
	EXPECT_EQ(fault.vector, 0x80, "the user program's end");
	EXPECT_EQ(user_ticks >= 3, true, "ticks in user mode");
}

static void nesting(void)
{
	static const uint8_t expected[] = { 1, APIC_HIGH, 2, APIC_LOW };
	unsigned i;

	log_length = 0;
	nest = true;
	self_interrupt(APIC_TIMER);
	let_in();
	nest = false;
	EXPECT_EQ(log_length, sizeof(expected), "interrupts that nested");
	for (i = 0; i < sizeof(expected); i++)
		EXPECT_EQ(log_vector[i], expected[i], "order of nesting");
	log_length = 0;
	lapic_write(LAPIC_TPR, 0x90);
	self_interrupt(APIC_HIGH);
	let_in();
	EXPECT_EQ(log_length, 0, "held back by the task priority");
	enable();
	lapic_write(LAPIC_TPR, 0);
	__asm__ volatile("nop" : : : "memory");
	disable();
	EXPECT_EQ(log_length, 1, "let in by the task priority");
}

static void wait_for_apic_ticks(unsigned n)
{
	while (apic_timer_ticks < n)
		wait_for_interrupt();
}

static void apic_timer(void)
{
	unsigned i, n = times(10);
	uint64_t deadline;

	apic_timer_ticks = 0;
	lapic_write(LAPIC_LVT_TIMER, APIC_TIMER);
	for (i = 1; i <= n; i++) {
		lapic_write(LAPIC_INITIAL, 50000);
		wait_for_apic_ticks(i);
		EXPECT_EQ(lapic_read(LAPIC_CURRENT), 0, "count of a one-shot timer that is over");
	}
	apic_timer_ticks = 0;
	lapic_write(LAPIC_LVT_TIMER, 0x20000 | APIC_TIMER);
	lapic_write(LAPIC_INITIAL, 100000);
	wait_for_apic_ticks(n);
	lapic_write(LAPIC_LVT_TIMER, 0x10000);
	let_in();
	if (!(cpuid_read(1, 0).ecx >> 24 & 1)) {
		print("irq: no TSC deadline\n");
		return;
	}
	lapic_write(LAPIC_LVT_TIMER, 0x40000 | APIC_TIMER);
	apic_timer_ticks = 0;
	for (i = 1; i <= n; i++) {
		deadline = tsc_read() + 1000000;
		msr_write(MSR_TSC_DEADLINE, deadline);
		wait_for_apic_ticks(i);
		EXPECT_EQ(tsc_read() >= deadline, true, "the TSC at its deadline");
		EXPECT_EQ(msr_read(MSR_TSC_DEADLINE), 0, "a deadline that is over");
	}
	lapic_write(LAPIC_LVT_TIMER, 0x10000);
}

/* Line 4 by the I/O APIC: the transmitter's interrupt, which its handler feeds until it has had enough. */
static void uart_by_ioapic(void)
{
	uart_interrupts = 0;
	ioapic_route(4, APIC_UART);
	enable();
	port_write8(0x3f9, 0x02);
	while (uart_interrupts < 5)
		;
	disable();
	ioapic_route(4, 0x10000);
	print("\n");
	EXPECT_EQ(uart_interrupts, 5, "UART interrupts");
}

void irq_run(void)
{
	scale = (unsigned)cmdline_number("scale", 100);
	exact = cmdline_number("exact", 1);
	use_pushf = cmdline_number("pushf", 1);
	tcg = cmdline_number("tcg", cpu_is_tcg());
	trap_hook = on_trap;
	pic_init();
	ticks_while_computing();
	interrupts_off();
	halts();
	flags_register();
	user_mode();
	storm();
	pic_mask(0xffff);
	pit_stop();
	EXPECT_EQ(cpuid_read(1, 0).edx >> 9 & 1, 1, "CPUID: local APIC");
	lapic_init();
	nesting();
	apic_timer();
	uart_by_ioapic();
	EXPECT_EQ(spurious, 0, "spurious interrupts");
}
