/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that C cannot say, for guest code of 32 and 64 bits. Runs as the guest's kernel only: nearly all of them
 * are privileged. Values are full registers (unsigned long is 32 bits in 32-bit code).
 * Source: SDM vol. 2 (the instructions), vol. 3A 2.5.
 */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/x86.h"

#define PAGE_BYTES	4096ul		/* PAGE_SIZE in the width of the code */
#define SEL_CODE32	0x08
#define SEL_CODE64	0x10
#define SEL_DATA	0x18
#define SEL_USER_CODE32	0x53
#define SEL_USER_DATA	0x5b
#define SEL_USER_CODE64	0x63
/* Where a widespread 64-bit kernel has them; some hosts carry out an IRETQ to these without a trap. */
#define SEL_USER_DATA_LINUX	0x2b
#define SEL_USER_CODE64_LINUX	0x33
#define SEL_TSS64	0x38
#define SEL_TSS32	0x48

static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#define CPU_REGISTER(name)								\
static inline unsigned long name##_read(void)						\
{											\
	unsigned long v;								\
											\
	__asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory");			\
	return v;									\
}											\
static inline void name##_write(unsigned long v)					\
{											\
	__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");			\
}
CPU_REGISTER(cr0)
CPU_REGISTER(cr2)
CPU_REGISTER(cr3)
CPU_REGISTER(cr4)
CPU_REGISTER(dr0)
CPU_REGISTER(dr6)
CPU_REGISTER(dr7)
#undef CPU_REGISTER

static inline void page_invalidate(const volatile void *va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct cpuid { uint32_t eax, ebx, ecx, edx; };

static inline struct cpuid cpuid_read(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c;

	__asm__ volatile("cpuid" : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx) : "0"(leaf), "2"(subleaf));
	return c;
}

static inline uint64_t tsc_read(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline unsigned long flags_read(void)
{
	unsigned long f;

	__asm__ volatile("pushf; pop %0" : "=r"(f) : : "memory");
	return f;
}

static inline void flags_write(unsigned long f)
{
	__asm__ volatile("push %0; popf" : : "r"(f) : "memory", "cc");
}

#endif
