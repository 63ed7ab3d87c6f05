/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See noise.h. Measuring programs only; one thread. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/noise.h"

#define PROBE_WORDS	(1u << 17)	/* 1 MiB: larger than what a core has to itself, smaller than what it shares */
#define PROBE_STEPS	400000u
#define COOL_BYTES	(64u << 20)

uint64_t bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double bench_probe(void)
{
	static uint64_t words[PROBE_WORDS];
	uint64_t at = 1, start = bench_now();

	for (unsigned i = 0; i < PROBE_STEPS; i++) {
		at = at * 0x5851f42d4c957f2dull + 0x14057b7ef767814full;
		words[at >> 47] += at;
	}
	/* The result is used, so the work is done. */
	return (double)(bench_now() - start) + (words[at >> 47] ? 0 : 1);
}

void bench_cool(void)
{
	static uint8_t other[COOL_BYTES];
	static uint8_t value;

	memset(other, ++value, sizeof(other));
}
