/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Histograms of durations: which operations are timed, and where their times go. */
#include <criterion/criterion.h>

#include "common/duration.h"

static unsigned timed(struct duration_timer *t, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t begin = duration_begin(t);

		count += begin != 0;
		duration_end(t, begin);
	}
	return count;
}

Test(duration, one_in_so_many_is_timed_from_the_first_on)
{
	struct duration d = { 0 };
	struct duration_timer t;

	duration_timer_init(&t, &d, 16);
	cr_assert_eq(timed(&t, 1), 1);
	cr_assert_eq(timed(&t, 15), 0);
	cr_assert_eq(timed(&t, 160), 10);
	cr_assert_eq(d.samples, 11);
	duration_timer_init(&t, &d, 1);
	cr_assert_eq(timed(&t, 5), 5);
}

Test(duration, without_a_histogram_nothing_is)
{
	struct duration_timer t = { 0 };

	cr_assert_eq(timed(&t, 100), 0);
	duration_timer_init(&t, NULL, 1);
	cr_assert_eq(timed(&t, 100), 0);
}

Test(duration, a_bucket_has_the_times_from_its_power_of_two_on)
{
	struct duration d = { 0 };

	for (unsigned i = 0; i < 63; i++) {
		unsigned bucket = i < DURATION_BUCKETS ? i : DURATION_BUCKETS - 1;
		uint64_t before = d.bucket[bucket];

		duration_add(&d, 1ull << i);
		duration_add(&d, (2ull << i) - 1);
		cr_assert_eq(d.bucket[bucket], before + 2, "2^%u", i);
	}
	duration_add(&d, 0);
	cr_assert_eq(d.bucket[0], 3);
	cr_assert_eq(d.samples, 2 * 63 + 1);
	cr_assert_eq(d.longest, INT64_MAX);
}

Test(duration, a_clock_that_went_back_counts_for_nothing)
{
	struct duration d = { 0 };

	duration_add(&d, (uint64_t)-5);
	cr_assert_eq(d.samples, 0);
	cr_assert_eq(d.longest, 0);
}

Test(duration, sums_add_up_and_keep_the_longest)
{
	struct duration a = { 0 }, b = { 0 }, sum = { 0 };

	duration_add(&a, 100);
	duration_add(&a, 5);
	duration_add(&b, 70);
	duration_sum(&sum, &a);
	duration_sum(&sum, &b);
	cr_assert_eq(sum.samples, 3);
	cr_assert_eq(sum.ticks, 175);
	cr_assert_eq(sum.longest, 100);
	cr_assert_eq(sum.bucket[6], 2);
	cr_assert_eq(sum.bucket[2], 1);
}
