/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of 8 bytes written in two halves: one event. */
#include <criterion/criterion.h>
#include <string.h>

#include "trapd/link/write_pair.h"

static struct link_event half(uint64_t gpa, uint64_t value, uint64_t old)
{
	return (struct link_event){ .ev_type = LINK_EV_WRITE, .ev_size = 4, .ev_gpa = gpa, .ev_new = { value }, .ev_old = { old },
				    .ev_count = 1 };
}

static void check_merged(const struct link_event *ev)
{
	cr_assert_eq(ev->ev_gpa, 0x5010);
	cr_assert_eq(ev->ev_size, 8);
	cr_assert_eq(ev->ev_new[0], 0x80000000aaaa1067ull);
	cr_assert_eq(ev->ev_old[0], 0x1111111122222222ull);
}

Test(write_pair, two_halves_are_one_event_in_either_order)
{
	const struct link_event low = half(0x5010, 0xaaaa1067, 0x22222222), high = half(0x5014, 0x80000000, 0x11111111);

	for (unsigned i = 0; i < 2; i++) {
		struct write_pair p = { .open = true };
		struct link_event out[2];

		cr_assert_eq(write_pair_add(&p, i ? &high : &low, out), 0);
		cr_assert_eq(write_pair_add(&p, i ? &low : &high, out), 1);
		check_merged(&out[0]);
		cr_assert_eq(write_pair_end(&p, out), 0);
	}
}

Test(write_pair, a_half_alone_is_not_lost)
{
	const struct link_event low = half(0x5010, 1, 2);
	struct write_pair p = { .open = true };
	struct link_event out[2];

	cr_assert_eq(write_pair_add(&p, &low, out), 0);
	cr_assert_eq(write_pair_end(&p, out), 1);
	cr_assert(!memcmp(&out[0], &low, sizeof(low)));
	cr_assert_eq(write_pair_end(&p, out), 0, "once");
}

Test(write_pair, other_events_keep_their_order)
{
	const struct link_event low = half(0x5010, 1, 2), next = half(0x5018, 3, 4), again = half(0x5010, 5, 6);
	struct link_event whole = half(0x5010, 7, 8), out[2];
	const struct link_event *others[] = { &next, &again, &whole };

	whole.ev_size = 8;
	for (unsigned i = 0; i < 3; i++) {
		struct write_pair p = { .open = true };

		write_pair_add(&p, &low, out);
		cr_assert_eq(write_pair_add(&p, others[i], out), 2);
		cr_assert(!memcmp(&out[0], &low, sizeof(low)) && !memcmp(&out[1], others[i], sizeof(low)), "other %u", i);
	}
}

Test(write_pair, only_aligned_halves_wait)
{
	struct link_event odd = half(0x5012, 1, 2), fill = half(0x5010, 1, 2), byte = half(0x5010, 1, 2), out[2];
	const struct link_event *others[] = { &odd, &fill, &byte };

	fill.ev_type = LINK_EV_FILL;
	byte.ev_size = 1;
	for (unsigned i = 0; i < 3; i++) {
		struct write_pair p = { .open = true };

		cr_assert_eq(write_pair_add(&p, others[i], out), 1);
	}
}
