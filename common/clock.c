/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See clock.h. Any thread of any process; no system call where the vDSO has the clock. */
#include "common/clock.h"

int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

int64_t clock_ms(void)
{
	return clock_ns() / CLOCK_NS_PER_MS;
}

struct timespec clock_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / CLOCK_NS_PER_S), .tv_nsec = (long)(ns % CLOCK_NS_PER_S) };
}
