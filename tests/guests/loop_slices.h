/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A loop of N steps timed in slices; the same code in a guest (loop64.elf) and in a process (native_loop). Neighbours on the
 * machine disturb a second of running almost always, but seldom every one of a hundred slices: the fastest slice is what
 * the processor does, and still long enough (10^7 steps, some milliseconds) to contain the host's timer interrupts.
 */
#ifndef SHADOWPOOL_TESTS_LOOP_SLICES_H
#define SHADOWPOOL_TESTS_LOOP_SLICES_H

#include <stdint.h>

#define LOOP_SLICES 100u

struct loop_ticks { uint64_t all, fastest; };

static inline uint64_t loop_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline struct loop_ticks loop_slices(uint64_t steps)
{
	struct loop_ticks t = { 0, UINT64_MAX };

	for (unsigned i = 0; i < LOOP_SLICES; i++) {
		uint64_t left = steps / LOOP_SLICES, before = loop_tsc(), ticks;

		__asm__ volatile(".p2align 6; 1: dec %0; jnz 1b" : "+c"(left) : : "cc");
		ticks = loop_tsc() - before;
		t.all += ticks;
		if (ticks < t.fastest)
			t.fastest = ticks;
	}
	return t;
}

#endif
