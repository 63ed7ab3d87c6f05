/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one clock of all processes. */
#include <criterion/criterion.h>

#include "common/clock.h"

Test(clock, ns_and_ms_are_the_same_clock)
{
	int64_t before = clock_ns(), ms = clock_ms(), after = clock_ns();

	cr_assert_leq(before, after);
	cr_assert_leq(before / CLOCK_NS_PER_MS, ms);
	cr_assert_leq(ms, after / CLOCK_NS_PER_MS);
}

Test(clock, timespec_carries_whole_seconds)
{
	struct timespec t = clock_timespec(0);

	cr_assert_eq(t.tv_sec, 0);
	cr_assert_eq(t.tv_nsec, 0);
	t = clock_timespec(999999999);
	cr_assert_eq(t.tv_sec, 0);
	cr_assert_eq(t.tv_nsec, 999999999);
	t = clock_timespec(3 * CLOCK_NS_PER_S + 250 * CLOCK_NS_PER_MS);
	cr_assert_eq(t.tv_sec, 3);
	cr_assert_eq(t.tv_nsec, 250000000);
}
