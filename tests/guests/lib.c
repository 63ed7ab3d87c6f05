/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts, command line, frames, CPUID of the guests: see lib.h. Runs as the guest's kernel, in 32- and 64-bit code. */
#include "tests/guests/lib.h"

extern char image_end[];

#define DEBUG_EXIT_PORT	0xf4

void guest_exit(int code)
{
	port_write8(DEBUG_EXIT_PORT, (uint8_t)code);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void expect_eq(uint64_t got, uint64_t expected, const char *what, const char *file, int line)
{
	if (got != expected)
		panic("%s:%d: %s: expected 0x%llx, got 0x%llx", file, line, what, (unsigned long long)expected,
		      (unsigned long long)got);
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	return 255;
}

static uint64_t number_parse(const char *s)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	for (; digit_value(*s) < base; s++)
		v = v * base + digit_value(*s);
	return v;
}

uint64_t cmdline_number(const char *key, uint64_t fallback)
{
	const char *p = boot_info.cmdline;

	while (*p) {
		const char *k = key;

		while (*k && *p == *k) {
			p++;
			k++;
		}
		if (!*k && *p == '=')
			return number_parse(p + 1);
		while (*p && *p != ' ')
			p++;
		while (*p == ' ')
			p++;
	}
	return fallback;
}

void *frame_alloc_run(unsigned long n, unsigned long align)
{
	uint64_t at = (boot_info.frame_next + align - 1) & ~(uint64_t)(align - 1);

	if (at + n > boot_info.ram_end)
		panic("out of memory: %lu bytes wanted, RAM ends at 0x%llx", n, (unsigned long long)boot_info.ram_end);
	boot_info.frame_next = at + n;
	return (void *)(unsigned long)at;
}

void *frame_alloc(void)
{
	return memset(frame_alloc_run(PAGE_BYTES, PAGE_BYTES), 0, PAGE_BYTES);
}

static bool cpuid_bit(uint32_t leaf, char reg, unsigned bit)
{
	struct cpuid c = cpuid_read(leaf & 0x80000000u, 0);

	if (c.eax < leaf)
		return false;
	c = cpuid_read(leaf, 0);
	return (reg == 'b' ? c.ebx : reg == 'c' ? c.ecx : c.edx) >> bit & 1;
}

#define CPU_FEATURE(name, leaf, reg, bit)			\
bool name(void)							\
{								\
	static signed char known;				\
								\
	if (!known)						\
		known = cpuid_bit(leaf, reg, bit) ? 1 : -1;	\
	return known > 0;					\
}
CPU_FEATURE(cpu_has_nx, 0x80000001u, 'd', 20)
CPU_FEATURE(cpu_has_1g, 0x80000001u, 'd', 26)
CPU_FEATURE(cpu_has_smep, 7, 'b', 7)
CPU_FEATURE(cpu_has_smap, 7, 'b', 20)
CPU_FEATURE(cpu_has_pse36, 1, 'd', 17)
#undef CPU_FEATURE

unsigned cpu_maxphyaddr(void)
{
	if (cpuid_read(0x80000000u, 0).eax < 0x80000008u)
		return 36;
	return cpuid_read(0x80000008u, 0).eax & 0xff;
}

bool cpu_is_tcg(void)
{
	struct cpuid c;

	if (!cpuid_bit(1, 'c', 31))	/* no hypervisor: its leaves mean nothing */
		return false;
	c = cpuid_read(0x40000000u, 0);
	return c.ebx == 0x54474354 && c.ecx == 0x43544743 && c.edx == 0x47435447;	/* "TCGTCGTCGTCG" */
}

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

void *memset(void *to, int c, size_t n)
{
	void *p = to;

	__asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(c) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *p = to;

	__asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
