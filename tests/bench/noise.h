/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time and how far it can be trusted. Measuring programs only. */
#ifndef SHADOWPOOL_TESTS_BENCH_NOISE_H
#define SHADOWPOOL_TESTS_BENCH_NOISE_H

#include <stdint.h>

/* CPU time of this thread, ns: what other programs take from it does not count. */
uint64_t bench_now(void);
/* The median of n values; sorts them. */
double bench_median(double *values, unsigned n);
/* A fixed piece of work on a fixed piece of memory, ns of CPU time. */
double bench_probe(void);
/* Fill the caches with something else. */
void bench_cool(void);

#endif
