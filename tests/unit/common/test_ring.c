// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event ring by single steps, both ends in one thread: limits, wrap of the index, and a peer that writes
 * nonsense.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/ring.h"

#define N 8u

struct fixture {
	struct link_event slots[N];
	uint32_t tail, head;
	struct ring_spsc_producer p;
	struct ring_spsc_consumer c;
};

static void setup(struct fixture *f, uint32_t start)
{
	memset(f, 0, sizeof(*f));
	ring_producer_init(&f->p, f->slots, &f->tail, &f->head, N, start);
	ring_consumer_init(&f->c, f->slots, &f->tail, &f->head, N, start);
}

static void push(struct fixture *f, unsigned count)
{
	struct link_event ev = { .ev_type = LINK_EV_WRITE };

	while (count--) {
		ev.ev_gpa = f->p.next;
		cr_assert_eq(ring_push(&f->p, &ev), 0);
	}
	ring_publish(&f->p);
}

Test(ring, keeps_order_across_the_wrap_of_the_index)
{
	struct link_event out[RING_BATCH];
	struct fixture f;
	uint32_t round, i, next = 0xfffffff0u;

	setup(&f, next);
	for (round = 0; round < 20; round++) {
		push(&f, 5);
		cr_assert_eq(ring_take(&f.c, out, RING_BATCH), 5);
		for (i = 0; i < 5; i++, next++) {
			cr_assert_eq(out[i].ev_seq, next);
			cr_assert_eq(out[i].ev_gpa, next);
		}
		ring_release(&f.c);
	}
	cr_assert_eq(f.head, next);
	cr_assert_eq(f.tail, next);
}

Test(ring, uses_all_slots_and_then_is_full)
{
	struct link_event ev = { .ev_gpa = 1 }, out[RING_BATCH];
	struct fixture f;

	setup(&f, 0xfffffffdu);
	push(&f, N);
	cr_assert_eq(ring_push(&f.p, &ev), -EAGAIN);
	cr_assert_eq(ring_take(&f.c, out, 3), 3);
	cr_assert_eq(ring_push(&f.p, &ev), -EAGAIN, "taken but not released: the slots still belong to the consumer");
	ring_release(&f.c);
	push(&f, 3);
	cr_assert_eq(ring_push(&f.p, &ev), -EAGAIN);
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), N);
	cr_assert_eq(out[N - 1].ev_seq, 0xfffffffdu + N + 2);
}

Test(ring, nothing_is_seen_before_it_is_published)
{
	struct link_event ev = { .ev_gpa = 1 }, out[RING_BATCH];
	struct fixture f;

	setup(&f, 0);
	cr_assert_not(ring_publish(&f.p));
	cr_assert_eq(ring_push(&f.p, &ev), 0);
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), 0);
	cr_assert(ring_publish(&f.p));
	cr_assert_not(ring_publish(&f.p));
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), 1);
}

Test(ring, producer_refuses_a_head_that_passed_its_tail_or_went_back)
{
	struct link_event ev = { .ev_gpa = 1 };
	uint32_t start = 0xfffffff8u, bad[] = { start + N + 1, start - 1, start + 0x80000000u, start - N };
	struct fixture f;
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(&f, start);
		push(&f, N);
		f.head = bad[i];
		cr_assert_eq(ring_push(&f.p, &ev), -EPROTO, "head %#x", bad[i]);
		cr_assert_eq(f.p.next, start + N);
	}
}

Test(ring, consumer_refuses_a_tail_out_of_range_and_never_takes)
{
	uint32_t start = 0xfffffff8u, bad[] = { start + N + 1, start - 1, start + 0x80000000u };
	struct link_event out[RING_BATCH];
	struct fixture f;
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(&f, start);
		push(&f, 2);
		f.tail = bad[i];
		cr_assert_eq(ring_take(&f.c, out, RING_BATCH), -EPROTO, "tail %#x", bad[i]);
		cr_assert_eq(f.c.next, start);
	}
	/* Taken back after it was consumed, though still above the published head. */
	setup(&f, start);
	push(&f, 4);
	cr_assert_eq(ring_take(&f.c, out, 3), 3);
	f.tail = start + 2;
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), -EPROTO);
}

Test(ring, consumer_refuses_more_than_its_own_published_head_allows)
{
	struct link_event out[RING_BATCH];
	struct fixture f;

	setup(&f, 0);
	push(&f, N);
	cr_assert_eq(ring_take(&f.c, out, 4), 4);
	f.tail += 2;	/* overwrites slots that were not released */
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), -EPROTO);
}

Test(ring, consumer_refuses_a_slot_with_another_number)
{
	struct link_event out[RING_BATCH];
	struct fixture f;

	setup(&f, 0xfffffffeu);
	push(&f, 4);
	f.slots[0xffffffffu % N].ev_seq ^= N;
	cr_assert_eq(ring_take(&f.c, out, RING_BATCH), -EPROTO);
}

Test(ring, takes_a_batch_at_most_however_much_is_asked)
{
	static struct link_event slots[128];
	struct link_event ev = { .ev_gpa = 1 }, out[RING_BATCH + 1];
	struct ring_spsc_producer p;
	struct ring_spsc_consumer c;
	uint32_t tail = 0, head = 0, i;

	ring_producer_init(&p, slots, &tail, &head, 128, 5);
	ring_consumer_init(&c, slots, &tail, &head, 128, 5);
	for (i = 0; i < 100; i++)
		cr_assert_eq(ring_push(&p, &ev), 0);
	ring_publish(&p);
	memset(&out[RING_BATCH], 0xa5, sizeof(out[0]));
	cr_assert_eq(ring_take(&c, out, 1000), RING_BATCH);
	cr_assert_eq(out[RING_BATCH].ev_seq, 0xa5a5a5a5u);
	cr_assert_eq(ring_take(&c, out, 7), 7);
}

Test(ring, behind_counts_across_the_wrap_and_refuses_more_than_the_ring_holds)
{
	struct fixture f;

	setup(&f, 0xfffffffcu);
	cr_assert_eq(ring_behind(&f.c, 0xfffffffcu), 0);
	cr_assert_eq(ring_behind(&f.c, 0xfffffffcu + N), N);
	cr_assert_eq(ring_behind(&f.c, 0xfffffffcu + N + 1), -EPROTO);
	cr_assert_eq(ring_behind(&f.c, 0xfffffffbu), -EPROTO);
}

Test(ring, valid_tells_a_sound_ring_from_a_broken_one)
{
	struct fixture f;

	setup(&f, 0xfffffffeu);
	push(&f, 6);
	cr_assert(ring_valid(f.slots, N, f.head, f.tail));
	cr_assert_not(ring_valid(f.slots, N - 1, f.head, f.tail));
	cr_assert_not(ring_valid(f.slots, 0, f.head, f.tail));
	cr_assert_not(ring_valid(f.slots, N, f.head, f.head + N + 1));
	cr_assert_not(ring_valid(f.slots, N, f.tail, f.head), "head after tail");
	cr_assert_not(ring_valid(f.slots, N, f.head, f.tail + 1), "a slot that was never written");
	f.slots[1].ev_seq++;
	cr_assert_not(ring_valid(f.slots, N, f.head, f.tail));
}

Test(ring, repair_drops_what_was_never_published)
{
	struct link_event ev = { .ev_gpa = 1 };
	struct fixture f;

	setup(&f, 0xffffffffu);
	push(&f, 3);
	cr_assert_not(ring_repair(&f.p));
	cr_assert_eq(ring_push(&f.p, &ev), 0);
	cr_assert(ring_repair(&f.p));
	cr_assert_eq(f.p.next, f.tail);
	cr_assert_not(ring_publish(&f.p));
	cr_assert(ring_valid(f.slots, N, f.head, f.tail));
}
