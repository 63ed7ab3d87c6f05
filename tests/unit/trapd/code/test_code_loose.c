/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When pages that were left alone are looked at again. trapd/code/code_loose.c. */
#include <criterion/criterion.h>

#include "trapd/code/code_loose.h"

static struct code_loose l;

static bool due(uint64_t now, uint64_t expected)
{
	uint64_t gfn = ~0ull;

	return code_loose_due(&l, now, &gfn) ? gfn == expected : expected == ~0ull;
}

Test(code_loose, waits_double_and_are_told_once)
{
	uint64_t now = 1000;

	code_loose_init(&l);
	cr_assert(due(~0ull - 1, ~0ull), "there is none");
	for (unsigned n = 0; n < 12; n++) {
		uint64_t wait = CODE_LOOSE_NS << (n < CODE_LOOSE_DOUBLINGS ? n : CODE_LOOSE_DOUBLINGS);

		code_loose_add(&l, 7, now);
		cr_assert_eq(l.next_ns, now + wait, "time %u", n);
		cr_assert(due(now + wait - 1, ~0ull));
		cr_assert(due(now + wait, 7));
		cr_assert_eq(l.next_ns, CODE_LOOSE_NEVER);
		cr_assert(due(now + wait, ~0ull));
		now += wait;
	}
	cr_assert_eq(l.used, 1);
}

Test(code_loose, the_first_one_sets_the_time)
{
	code_loose_init(&l);
	code_loose_add(&l, 1, 100);
	code_loose_add(&l, 2, 50);
	code_loose_add(&l, 3, 200);
	cr_assert_eq(l.next_ns, 50 + CODE_LOOSE_NS);
	cr_assert(due(100 + CODE_LOOSE_NS, 1));
	cr_assert_eq(l.next_ns, 50 + CODE_LOOSE_NS, "one more is due");
	cr_assert(due(100 + CODE_LOOSE_NS, 2));
	cr_assert_eq(l.next_ns, 200 + CODE_LOOSE_NS);
	code_loose_reset(&l);
	cr_assert(due(~0ull - 1, ~0ull), "a fresh pool knows of none");
	code_loose_add(&l, 1, 0);
	cr_assert_eq(l.next_ns, 2 * CODE_LOOSE_NS, "how often it was is still known");
}

Test(code_loose, a_full_table_takes_no_more)
{
	uint64_t gfn, n = 0;

	code_loose_init(&l);
	for (uint64_t i = 0; i < CODE_LOOSE_PAGES + 10; i++)
		code_loose_add(&l, i, 0);
	while (code_loose_due(&l, CODE_LOOSE_NS, &gfn)) {
		cr_assert_lt(gfn, CODE_LOOSE_PAGES);
		n++;
	}
	cr_assert_eq(n, CODE_LOOSE_PAGES);
}
