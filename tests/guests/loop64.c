/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop64.elf: counts steps=N down (default 10^9) in 64-bit code, in slices, and prints the TSC ticks of all and of the
 * fastest slice, to be compared with native_loop, which does the same in a host process. The guest's kernel; no exit
 * happens inside the loop.
 */
#include "tests/guests/lib.h"
#include "tests/guests/loop_slices.h"

void guest_main64(void)
{
	uint64_t steps = cmdline_number("steps", 1000000000);
	struct loop_ticks t;

	EXPECT_EQ(steps >= LOOP_SLICES, 1, "steps is at least the number of slices");
	t = loop_slices(steps);
	print("loop64: ok, %llu steps took %llu ticks, fastest slice %llu\n", (unsigned long long)steps,
	      (unsigned long long)t.all, (unsigned long long)t.fastest);
	guest_exit(0);
}
