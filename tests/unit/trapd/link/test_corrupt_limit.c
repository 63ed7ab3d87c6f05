/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the limit of corrupt pools: a minute without waiting for one. */
#include <criterion/criterion.h>

#include "trapd/link/corrupt_limit.h"

Test(corrupt_limit, fourth_within_a_minute_is_too_much)
{
	uint64_t at[CORRUPT_LIMIT] = { 0 };

	cr_assert(!corrupt_too_often(at, 1000));
	cr_assert(!corrupt_too_often(at, 1000));
	cr_assert(!corrupt_too_often(at, 1030));
	cr_assert(corrupt_too_often(at, 1059));
}

Test(corrupt_limit, fourth_after_a_minute_is_not)
{
	uint64_t at[CORRUPT_LIMIT] = { 0 };

	cr_assert(!corrupt_too_often(at, 1000));
	cr_assert(!corrupt_too_often(at, 1010));
	cr_assert(!corrupt_too_often(at, 1020));
	cr_assert(!corrupt_too_often(at, 1060), "the first one is a minute ago");
	cr_assert(corrupt_too_often(at, 1069), "the second one is not");
}

Test(corrupt_limit, one_every_twenty_seconds_goes_on_for_ever)
{
	uint64_t at[CORRUPT_LIMIT] = { 0 };

	for (uint64_t now = 0; now < 20000; now += 20)
		cr_assert(!corrupt_too_often(at, now), "at %llu s", (unsigned long long)now);
}

Test(corrupt_limit, clock_that_has_just_started)
{
	uint64_t at[CORRUPT_LIMIT] = { 0 };

	for (unsigned i = 0; i < CORRUPT_LIMIT; i++)
		cr_assert(!corrupt_too_often(at, 0), "a time of 0 is one");
	cr_assert(corrupt_too_often(at, 0));
}
