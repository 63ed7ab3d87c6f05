// SPDX-License-Identifier: GPL-2.0-or-later
/* native_loop STEPS: the loop of loop64.elf in a process; prints the TSC ticks that it took. Test program, one process. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t tsc_read(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

int main(int argc, char **argv)
{
	uint64_t left = argc == 2 ? strtoull(argv[1], NULL, 10) : 0, before, ticks;

	if (!left)
		return 2;
	before = tsc_read();
	__asm__ volatile(".p2align 6; 1: dec %0; jnz 1b" : "+c"(left) : : "cc");
	ticks = tsc_read() - before;
	printf("%llu\n", (unsigned long long)ticks);
	return 0;
}
