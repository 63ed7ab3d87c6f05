/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop64.elf: counts steps=N down (default 10^9) in 64-bit code and prints how many TSC ticks that took, to be compared with
 * the same loop in a host process. 64-bit code, the guest's kernel; no exit happens inside the loop.
 */
#include "tests/guests/lib.h"

void guest_main64(void)
{
	uint64_t steps = cmdline_number("steps", 1000000000), left = steps, before, ticks;

	EXPECT_EQ(steps != 0, 1, "steps is at least 1");
	before = tsc_read();
	__asm__ volatile(".p2align 6; 1: dec %0; jnz 1b" : "+c"(left) : : "cc");
	ticks = tsc_read() - before;
	print("loop64: ok, %llu steps took %llu ticks\n", (unsigned long long)steps, (unsigned long long)ticks);
	guest_exit(0);
}
