/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostile.elf: random values to the ports, but to those that end the VM, to the registers of both APICs, to CR8 and to MSRs, with whatever
 * interrupts that brings. It goes well if it comes to its end. 64-bit code, the guest's kernel. seed=N; writes=N (5000).
 */
#include "tests/guests/traps.h"

#define DEBUG_EXIT_PORT	0xf4u
#define LAPIC		0xfee00000ul
#define IOAPIC		0xfec00000ul

static uint8_t trap_stack[16384] __attribute__((aligned(16)));
static volatile unsigned interrupts;
static volatile bool window_open;
static uint64_t state;

static unsigned random_below(unsigned n)
{
	return (unsigned)(random_next(&state) >> 32) % n;
}

static unsigned long window_stack __attribute__((used));

/*
 * Interrupts come here only, with any vector, those of exceptions among them, whose frames have an error code that an
 * interrupt's has not: so nothing returns, the stack is taken back.
 */
static void open_window(void)
{
	window_open = true;
	__asm__ volatile("push %%rbp; push %%rbx; mov %%rsp, window_stack; sti; nop; nop; cli\n"
			 "window_end: pop %%rbx; pop %%rbp"
			 : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	window_open = false;
}

/* Both kinds of EOI: it may have come from anywhere. */
static bool on_trap(struct trap_regs *regs)
{
	if (!window_open)
		return false;
	interrupts++;
	port_write8(0x20, 0x20);
	port_write8(0xa0, 0x20);
	*(volatile uint32_t *)(LAPIC + 0xb0) = 0;
	__asm__ volatile("mov window_stack, %rsp; jmp window_end");
	__builtin_unreachable();
}

static void map_apics(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *pd = frame_alloc();

	pd[IOAPIC >> 21 & 511] = IOAPIC | PTE_P | PTE_W | PTE_PS;
	pd[LAPIC >> 21 & 511] = LAPIC | PTE_P | PTE_W | PTE_PS;
	pdpt[3] = (uint64_t)pd | PTE_P | PTE_W;
}

/* Mostly where there is a device. */
static void write_port(void)
{
	static const uint16_t known[] = { 0x20, 0x21, 0xa0, 0xa1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x60, 0x70, 0x71, 0x4d0, 0x4d1,
					  0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f4,
					  0x1f5, 0x1f6, 0x1f7, 0x3f6, 0xcf8, 0xcfc };
	/* What ends a VM or resets it: debug exit, keyboard controller, ports 0x92 and 0xcf9, ACPI's soft off. */
	static const uint16_t ends[] = { DEBUG_EXIT_PORT, 0x64, 0x92, 0xcf9, 0x605 };
	uint16_t port = random_below(4) ? known[random_below(sizeof(known) / 2)] : (uint16_t)random_below(0x10000);
	uint32_t value = (uint32_t)random_next(&state);
	unsigned i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (port <= ends[i] && port + 3u >= ends[i])
			return;
	if (port == 0x3f8)
		value = '.';
	switch (random_below(6)) {
	case 0:
		__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
		break;
	case 1:
		__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port));
		break;
	case 2:
		port_read8(port);
		break;
	default:
		port_write8(port, (uint8_t)value);
	}
}

static void write_apics(void)
{
	uint32_t value = (uint32_t)random_next(&state);
	unsigned long at = random_below(3) ? LAPIC + random_below(0x100) * 16 : IOAPIC + random_below(2) * 16;

	if (random_below(8) == 0)
		at += random_below(16);
	if ((at & ~15ul) == LAPIC + 0x300)
		value &= ~0x700u;	/* an INIT would stop this very processor */
	if (random_below(4))
		*(volatile uint32_t *)at = value;
	else
		(void)*(volatile uint8_t *)at;
}

static void write_msr(void)
{
	static const uint32_t known[] = { MSR_TSC, MSR_APIC_BASE, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_MISC_ENABLE,
					  MSR_PAT, MSR_TSC_DEADLINE, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE,
					  MSR_KERNEL_GS_BASE, MSR_TSC_AUX, 0x800, 0x830 };
	uint32_t msr = random_below(8) ? known[random_below(sizeof(known) / 4)] : (uint32_t)random_next(&state);
	uint64_t value = random_next(&state);

	if (msr == MSR_APIC_BASE)
		value = LAPIC | (value & 0x900);
	if (msr == MSR_TSC_DEADLINE)
		value = tsc_read() + (value & 0xffffff);
	if (msr == MSR_EFER || msr == MSR_GS_BASE)
		return;
	PROBE_INSN("wrmsr", : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
	PROBE_INSN("rdmsr", : "=a"(value) : "c"(msr) : "rdx", "memory");
	__asm__ volatile("mov %0, %%cr8" : : "r"((unsigned long)random_below(16)) : "memory");
}

void guest_main64(void)
{
	unsigned writes = (unsigned)cmdline_number("writes", 5000), i;

	state = cmdline_number("seed", 1);
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	map_apics();
	trap_hook = on_trap;
	for (i = 0; i < writes; i++) {
		switch (random_below(4)) {
		case 0:
			write_apics();
			break;
		case 1:
			write_msr();
			break;
		default:
			write_port();
		}
		if (random_below(8) == 0)
			open_window();
	}
	port_write8(0x3fc, 0);		/* the UART's loopback off: the verdict is to be seen */
	port_write8(0x3fb, 3);
	port_write8(0x3f9, 0);
	print("\nhostile: ok, %u writes, %u interrupts\n", writes, interrupts);
	guest_exit(0);
}
