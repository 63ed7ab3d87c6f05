/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vandal.elf: random values into every port and MSR, random accesses to device memory, for whoever must survive that: the
 * daemons and the other VMs. 64-bit code, the guest's kernel, interrupts off. accesses=N (20000), seed=N.
 * Left out is only what ends or silences this guest itself, as it would a real machine.
 */
#include "tests/guests/traps.h"

#define DEBUG_EXIT	0xf4u
#define UART		0x3f8u
#define UART_LCR	(UART + 3)
#define MSR_X2APIC_ICR	0x830u
#define LAPIC_ICR	0xfee00300ul
#define ICR_MODE	0x700u		/* INIT and start-up messages to oneself stop the CPU */
#define IA32_DEBUGCTL	0x1d9u		/* single-stepping on branches */

static uint8_t trap_stack[8192] __attribute__((aligned(16)));
static uint64_t random_state;
static unsigned refused, nmis;

static uint64_t random_any(void)
{
	return random_next(&random_state);
}

/* Edges as often as anything. */
static uint64_t random_value(void)
{
	uint64_t v = random_any();

	switch (v >> 60) {
	case 0: return 0;
	case 1: return ~0ull;
	case 2: case 3: return v & 0xff;
	case 4: return 1ull << (v & 63);
	default: return v;
	}
}

static uint32_t random_below(uint32_t below)
{
	return (uint32_t)(random_any() >> 32) % below;
}

/* Where PCs of all times have devices, and anywhere. */
static uint16_t random_port(void)
{
	static const uint16_t near[] = { 0x00, 0x20, 0x40, 0x60, 0x70, 0x80, 0xa0, 0xc0, 0x170, 0x1f0, 0x2f8, 0x378, 0x3b0, 0x3f0, 0x4d0,
					 0x600, 0xcf8 };

	if (!random_below(3))
		return (uint16_t)random_any();
	return (uint16_t)(near[random_below(sizeof(near) / sizeof(near[0]))] + random_below(16));
}

/* The exit port, the console's data, the ways to reset a PC: 64, 92, CF9, and to switch it off: the upper half of PM1a_CNT, 605. */
static bool port_is_ours(uint16_t port, unsigned size)
{
	static const uint16_t ours[] = { DEBUG_EXIT, UART, 0x64, 0x92, 0xcf9, 0x605 };
	unsigned i, n;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		for (n = 0; n < size; n++)
			if ((uint16_t)(port + n) == ours[i])
				return true;
	return false;
}

static void port_attack(void)
{
	uint16_t port = random_port();
	uint32_t value = (uint32_t)random_value();
	unsigned size = 1u << random_below(3);

	if (random_below(3) == 0) {
		switch (size) {
		case 1: __asm__ volatile("inb %w1, %b0" : "=a"(value) : "d"(port)); break;
		case 2: __asm__ volatile("inw %w1, %w0" : "=a"(value) : "d"(port)); break;
		default: __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(port)); break;
		}
		return;
	}
	if (port_is_ours(port, size))
		return;
	switch (size) {
	case 1: __asm__ volatile("outb %b0, %w1" : : "a"(value), "d"(port)); break;
	case 2: __asm__ volatile("outw %w0, %w1" : : "a"(value), "d"(port)); break;
	default: __asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port)); break;
	}
}

static uint32_t random_msr(void)
{
	static const uint32_t near[] = { 0x00, 0x10, 0x170, 0x200, 0x270, 0x400, 0x800, 0x830, 0x40000000, 0xc0000080, 0xc0000100,
					 0xc0010000, 0xc0010110 };

	if (!random_below(3))
		return random_below(2) ? (uint32_t)random_any() : random_below(0x2000) + (random_below(2) ? 0xc0000000u : 0);
	return near[random_below(sizeof(near) / sizeof(near[0]))] + random_below(64);
}

static void msr_attack(void)
{
	uint32_t msr = random_msr();
	uint64_t value = random_value();

	if (msr == MSR_X2APIC_ICR)
		value &= ~(uint64_t)ICR_MODE;
	if (random_below(3) == 0)
		PROBE_INSN("rdmsr", : "=a"(value) : "c"(msr) : "rdx", "memory");
	else if (msr != IA32_DEBUGCTL)
		PROBE_INSN("wrmsr", : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
	if (fault.vector != FAULT_NONE && fault.vector != VEC_GP)
		panic("MSR 0x%x: exception %u", msr, fault.vector);
	refused += fault.vector != FAULT_NONE;
}

/* Up to 16 bytes of one page: behind the last window the address space ends. */
static void memory_attack(void)
{
	static const unsigned long windows[] = { 0xfee00000, 0xfec00000, 0xfed00000, 0xd0000000, 0xfffff000 };
	unsigned long at = windows[random_below(sizeof(windows) / sizeof(windows[0]))] + random_below(0xff1);
	uint64_t value = random_value();
	uint8_t buffer[16];
	void *to = (void *)at, *from = buffer;
	unsigned long count = 1 + random_below(sizeof(buffer));

	if (random_below(4))
		at &= ~15ul;
	if ((at & ~15ul) == LAPIC_ICR || (at < LAPIC_ICR && at + 16 > LAPIC_ICR))
		return;
	to = (void *)at;
	switch (random_below(10)) {
	case 0: __asm__ volatile("movb %b0, (%1)" : : "q"(value), "r"(at) : "memory"); break;
	case 1: __asm__ volatile("movw %w0, (%1)" : : "r"(value), "r"(at) : "memory"); break;
	case 2: case 3: __asm__ volatile("movl %k0, (%1)" : : "r"(value), "r"(at) : "memory"); break;
	case 4: __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(at) : "memory"); break;
	case 5: __asm__ volatile("movl (%1), %k0" : "=r"(value) : "r"(at) : "memory"); break;
	case 6: __asm__ volatile("orl %k0, (%1)" : : "r"(value), "r"(at) : "memory", "cc"); break;
	case 7: __asm__ volatile("xchgl %k0, (%1)" : "+r"(value) : "r"(at & ~3ul) : "memory"); break;
	case 8: __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory"); break;
	default: __asm__ volatile("rep movsb" : "+D"(from), "+S"(to), "+c"(count) : : "memory"); break;
	}
}

/* An APIC may have been told to send NMIs. */
static bool on_trap(struct trap_regs *regs)
{
	nmis += regs->vector == VEC_NMI;
	return regs->vector == VEC_NMI;
}

static void devices_map(void)
{
	uint64_t *pml4 = (uint64_t *)(cr3_read() & PTE_ADDR), *pdpt = (uint64_t *)(pml4[0] & PTE_ADDR), *pd = frame_alloc();
	unsigned i;

	for (i = 0; i < 512; i++)
		pd[i] = (0xc0000000ull + i * 0x200000ull) | PTE_P | PTE_W | PTE_PS | PTE_PCD;
	pdpt[3] = (uint64_t)pd | PTE_P | PTE_W;
}

void guest_main64(void)
{
	unsigned accesses = (unsigned)cmdline_number("accesses", 20000), n;
	uint64_t seed = cmdline_number("seed", 1);

	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	trap_hook = on_trap;
	devices_map();
	print("vandal: seed %llu\n", (unsigned long long)seed);
	for (n = 0; n < accesses; n++) {
		switch (random_below(3)) {
		case 0: port_attack(); break;
		case 1: msr_attack(); break;
		default: memory_attack();
		}
	}
	port_write8(UART_LCR, 3);	/* 8 bits, no divisor latch */
	port_write8(UART + 1, 0);
	port_write8(UART + 4, 3);
	print("\nvandal: %u accesses, %u MSRs refused, %u NMIs\nvandal: ok\n", accesses, refused, nmis);
	guest_exit(0);
}
