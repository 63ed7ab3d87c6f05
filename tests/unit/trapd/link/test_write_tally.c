/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trapd's own count of writes to tables: asks poold with the first write beyond the limit. */
#include <criterion/criterion.h>

#include "trapd/link/write_tally.h"

static bool full(struct write_tally *t, uint64_t gpa, uint32_t len)
{
	const struct write_store s = { .gpa = gpa, .rip = 0x1000, .len = len, .entry_size = 8 };

	return write_tally_is_full(t, &s);
}

Test(write_tally, asks_with_the_first_write_beyond_the_limit)
{
	struct write_tally t = { 0 };

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < WRITE_LIMIT_DEFAULT; i++)
			cr_assert(!full(&t, 0x5000 + 8 * i, 8), "round %u, write %u", round, i);
		cr_assert(full(&t, 0x5ff8, 8));
	}
}

Test(write_tally, the_halves_of_an_entry_are_one_write)
{
	struct write_tally t = { 0 };

	for (unsigned i = 0; i < WRITE_LIMIT_DEFAULT; i++) {
		cr_assert(!full(&t, 0x5004 + 8 * i, 4));
		cr_assert(!full(&t, 0x5000 + 8 * i, 4));
	}
	cr_assert(full(&t, 0x5ff8, 4));
}

Test(write_tally, a_part_of_an_entry_counts_as_poold_counts_it)
{
	struct write_tally t = { 0 };

	for (unsigned i = 0; i < WRITE_LIMIT_DEFAULT / 4; i++)
		cr_assert(!full(&t, 0x5002 + 8 * i, 2));
	cr_assert(full(&t, 0x5ff8, 2));
}

Test(write_tally, tables_are_counted_apart)
{
	struct write_tally t = { 0 };

	for (unsigned i = 0; i < WRITE_LIMIT_DEFAULT; i++)
		for (uint64_t n = 0; n < WRITE_TALLY_TABLES; n++)
			cr_assert(!full(&t, n << 12 | 8 * i, 8));
	cr_assert(full(&t, 0, 8));
	cr_assert(full(&t, (WRITE_TALLY_TABLES - 1) << 12, 8));
	for (unsigned i = 0; i < 2 * WRITE_LIMIT_DEFAULT; i++) {
		cr_assert(!full(&t, 0, 8), "the other one takes its place");
		cr_assert(!full(&t, WRITE_TALLY_TABLES << 12, 8));
	}
}
