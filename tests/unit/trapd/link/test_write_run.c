/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stores side by side are told as one event of their range. */
#include <criterion/criterion.h>
#include <string.h>

#include "trapd/link/write_run.h"

static struct link_event store(uint64_t gpa, uint8_t size)
{
	return (struct link_event){ .ev_type = LINK_EV_WRITE, .ev_size = size, .ev_gpa = gpa, .ev_new = { gpa }, .ev_old = { ~gpa },
				    .ev_count = 1, .ev_flags = LINK_EVF_LAST, .ev_rip = 0x77 };
}

static void expect_range(const struct link_event *ev, uint64_t gpa, uint32_t bytes)
{
	const struct link_event range = { .ev_type = LINK_EV_RANGE, .ev_size = 1, .ev_gpa = gpa, .ev_count = bytes,
					  .ev_flags = LINK_EVF_LAST, .ev_rip = 0x77 };

	cr_assert(!memcmp(ev, &range, sizeof(range)), "%#lx, %u bytes", (unsigned long)ev->ev_gpa, ev->ev_count);
}

Test(write_run, one_store_stays_what_it_is)
{
	const struct link_event one = store(0x5008, 8);
	struct write_run r = { .open = true };
	struct link_event out;

	cr_assert(!write_run_add(&r, &one, &out));
	cr_assert(write_run_end(&r, &out));
	cr_assert(!memcmp(&out, &one, sizeof(one)));
	cr_assert(!write_run_end(&r, &out), "nothing is held any more");
}

Test(write_run, ascending_and_descending_stores_join)
{
	for (unsigned down = 0; down < 2; down++) {
		struct write_run r = { .open = true };
		struct link_event out;

		for (unsigned i = 0; i < 32; i++) {
			struct link_event ev = store(0x5ff0 + 4 * (down ? 31 - i : i), 4);

			cr_assert(!write_run_add(&r, &ev, &out));
		}
		cr_assert(write_run_end(&r, &out));
		expect_range(&out, 0x5ff0, 128);
	}
}

Test(write_run, sizes_mix_and_fills_count_all_their_stores)
{
	struct link_event a = store(0x5000, 8), fill = store(0x5008, 4), b = store(0x5028, 1), out;
	struct write_run r = { .open = true };

	fill.ev_type = LINK_EV_FILL;
	fill.ev_count = 8;
	cr_assert(!write_run_add(&r, &a, &out) && !write_run_add(&r, &fill, &out) && !write_run_add(&r, &b, &out));
	cr_assert(write_run_end(&r, &out));
	expect_range(&out, 0x5000, 41);
}

Test(write_run, a_store_elsewhere_begins_another_run)
{
	struct link_event a = store(0x5000, 8), b = store(0x5008, 8), gap = store(0x5018, 8), again = store(0x5018, 8), out;
	struct write_run r = { .open = true };

	cr_assert(!write_run_add(&r, &a, &out) && !write_run_add(&r, &b, &out));
	cr_assert(write_run_add(&r, &gap, &out));
	expect_range(&out, 0x5000, 16);
	cr_assert(write_run_add(&r, &again, &out), "the same bytes again are not side by side");
	cr_assert(!memcmp(&out, &gap, sizeof(gap)));
	cr_assert(write_run_end(&r, &out));
	cr_assert(!memcmp(&out, &again, sizeof(again)));
}

/* A count has 32 bits: a range that would not fit into it begins anew. */
Test(write_run, a_range_does_not_wrap)
{
	struct link_event big = store(0, 1), more = store(0xffffffff, 8), out;
	struct write_run r = { .open = true };

	big.ev_type = LINK_EV_RANGE;
	big.ev_count = 0xffffffff;
	cr_assert(!write_run_add(&r, &big, &out));
	cr_assert(write_run_add(&r, &more, &out));
	cr_assert_eq(out.ev_count, 0xffffffff);
}
