// SPDX-License-Identifier: GPL-2.0-or-later
/* native_loop STEPS: the loop of loop64.elf in a process; prints the TSC ticks of all and of the fastest slice. Test program, one process. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/guests/loop_slices.h"

int main(int argc, char **argv)
{
	uint64_t steps = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	struct loop_ticks t;

	if (steps < LOOP_SLICES)
		return 2;
	t = loop_slices(steps);
	printf("%llu %llu\n", (unsigned long long)t.all, (unsigned long long)t.fastest);
	return 0;
}
