// SPDX-License-Identifier: GPL-2.0-or-later
/* Both ends of a link by single steps in one thread: what each refuses, with its reason, and who wakes whom when. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/link_priv.h"
#include "common/write_class.h"
#include "tests/unit/common/link_pair.h"
#include "tests/wait.h"

#define N 16u
#define START 0xfffffff8u

/* What common/link_priv.h leaves to tests: sleeps are the daemons' unless a test says otherwise. */
uint32_t link_test_sleep_ms = LINK_SLEEP_MS, link_test_stuck_ms = LINK_STUCK_MS;
void link_test_delay(enum link_delay_site site) { }

struct fixture {
	struct link_pair pair;
	struct link_client c[2];
	struct link_server s;
};

static void setup(struct fixture *f)
{
	uint32_t v;

	memset(f, 0, sizeof(*f));
	cr_assert_eq(pair_create(&f->pair, 2, N, START), 0);
	pair_server(&f->pair, &f->s);
	for (v = 0; v < 2; v++)
		pair_client(&f->pair, &f->c[v], v);
}

static void post(struct fixture *f, uint32_t v, unsigned count)
{
	struct link_event ev;

	while (count--) {
		pair_event(&ev, f->c[v].count.events);
		cr_assert_eq(link_client_post(&f->c[v], &ev), 0);
	}
	link_client_publish(&f->c[v]);
}

/* Write a request as a hostile or honest trapd would, without waiting for the reply. */
static void put_request(struct fixture *f, uint32_t v, const struct link_req *req)
{
	f->c[v].mine->lt_req = *req;
}

static struct link_req nop(const struct fixture *f, uint32_t v)
{
	return (struct link_req){ .rq_seq = f->s.vcpu[v].seq + 1, .rq_op = LINK_OP_NOP, .rq_tail = f->c[v].ring.published };
}

static bool kicked(struct fixture *f)
{
	uint64_t kicks;

	return read(f->pair.eventfd, &kicks, sizeof(kicks)) == sizeof(kicks);
}

Test(link, headers_are_compared_word_by_word)
{
	struct fixture f;
	unsigned i;

	setup(&f);
	cr_assert_eq(link_t_check(f.pair.seen_t.base, &f.pair.params), 0);
	cr_assert_eq(link_p_check(f.pair.seen_p.base, &f.pair.params), 0);
	cr_assert_eq(link_p_check(f.pair.seen_t.base, &f.pair.params), -EPROTO, "the other object's header");
	for (i = 0; i < LINK_HEADER_SIZE; i++) {
		((uint8_t *)f.pair.link_t.base)[i] ^= 0x10;
		cr_assert_eq(link_t_check(f.pair.seen_t.base, &f.pair.params), -EPROTO, "byte %u", i);
		((uint8_t *)f.pair.link_t.base)[i] ^= 0x10;
	}
	cr_assert_eq(link_t_check(f.pair.seen_t.base, &f.pair.params), 0);
}

Test(link, layout_hash_is_stable_within_a_build)
{
	cr_assert_neq(shm_layout_hash(), 0);
	cr_assert_eq(shm_layout_hash(), shm_layout_hash());
}

Test(link, events_with_a_field_out_of_range_are_refused)
{
	static const struct {
		struct link_event ev;
		int result;
		const char *what;
	} rows[] = {
#define ROW(result, what, ...) { { __VA_ARGS__ }, result, what }
		ROW(1, "store", .ev_type = 1, .ev_size = 8, .ev_count = 1, .ev_gpa = 0xff8),
		ROW(1, "16 bytes", .ev_type = 1, .ev_size = 16, .ev_count = 1, .ev_gpa = 0xff0),
		ROW(1, "fill of a page", .ev_type = 2, .ev_size = 4, .ev_count = 1024),
		ROW(1, "range over pages", .ev_type = 3, .ev_count = 1u << 20, .ev_gpa = 0x123),
		ROW(1, "every flag", .ev_type = 1, .ev_size = 1, .ev_count = 1, .ev_flags = 0x703),
		ROW(-EPROTO, "type 0", .ev_size = 8, .ev_count = 1),
		ROW(-EPROTO, "type 4", .ev_type = 4, .ev_size = 8, .ev_count = 1),
		ROW(-EPROTO, "size 0", .ev_type = 1, .ev_count = 1),
		ROW(-EPROTO, "size 3", .ev_type = 1, .ev_size = 3, .ev_count = 1),
		ROW(-EPROTO, "size 32", .ev_type = 1, .ev_size = 32, .ev_count = 1),
		ROW(-EPROTO, "store across a page", .ev_type = 1, .ev_size = 8, .ev_count = 1, .ev_gpa = 0xff9),
		ROW(-EPROTO, "store that counts two", .ev_type = 1, .ev_size = 8, .ev_count = 2),
		ROW(-EPROTO, "fill across a page", .ev_type = 2, .ev_size = 4, .ev_count = 1024, .ev_gpa = 4),
		ROW(-EPROTO, "fill whose length wraps", .ev_type = 2, .ev_size = 16, .ev_count = 0x10000000),
		ROW(-EPROTO, "empty fill", .ev_type = 2, .ev_size = 4),
		ROW(-EPROTO, "empty range", .ev_type = 3),
		ROW(-EPROTO, "range that wraps", .ev_type = 3, .ev_count = 4096, .ev_gpa = ~0ull - 4000),
		ROW(-EPROTO, "reserved flag", .ev_type = 1, .ev_size = 8, .ev_count = 1, .ev_flags = 4),
		ROW(-EPROTO, "class unknown", .ev_type = 1, .ev_size = 8, .ev_count = 1, .ev_flags = WRITE_CLASS_COUNT << 8),
		ROW(-EPROTO, "reserved field", .ev_type = 1, .ev_size = 8, .ev_count = 1, .ev_zero = 1),
#undef ROW
	};
	struct link_event out[RING_BATCH];
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		setup(&f);
		cr_assert_eq(link_client_post(&f.c[0], &rows[i].ev), 0);
		link_client_publish(&f.c[0]);
		cr_assert_eq(link_server_events(&f.s, 0, out), rows[i].result, "%s", rows[i].what);
		cr_assert_eq(f.s.fault, rows[i].result < 0 ? LINK_FAULT_EVENT : LINK_FAULT_NONE, "%s", rows[i].what);
		pair_destroy(&f.pair);
	}
}

Test(link, requests_out_of_sequence_or_range_are_refused)
{
	static const struct {
		uint32_t seq;
		uint8_t op, nwalk;
		uint16_t flags;
		enum link_fault fault;
	} rows[] = {
		{ 1, LINK_OP_TRACK, 4, 0x17ff, LINK_FAULT_NONE },
		{ 2, LINK_OP_NOP, 0, 0, LINK_FAULT_REQUEST_SEQ },
		{ ~0u, LINK_OP_NOP, 0, 0, LINK_FAULT_REQUEST_SEQ },
		{ 1, 0, 0, 0, LINK_FAULT_REQUEST },
		{ 1, LINK_OP_COUNT, 0, 0, LINK_FAULT_REQUEST },
		{ 1, LINK_OP_MAP, 5, 0, LINK_FAULT_REQUEST },
		{ 1, LINK_OP_MAP, 4, 0x2000, LINK_FAULT_REQUEST },
		{ 1, LINK_OP_MAP, 4, WRITE_CLASS_COUNT << 8, LINK_FAULT_REQUEST },
	};
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct link_req req = {
			.rq_seq = rows[i].seq, .rq_op = rows[i].op, .rq_nwalk = rows[i].nwalk, .rq_flags = rows[i].flags,
		}, got;
		struct fixture f;

		setup(&f);
		cr_assert_eq(link_server_request(&f.s, 0, &got), 0);
		put_request(&f, 0, &req);
		cr_assert_eq(link_server_request(&f.s, 0, &got), rows[i].fault ? -EPROTO : 1, "row %u", i);
		cr_assert_eq(f.s.fault, rows[i].fault, "row %u", i);
		cr_assert_eq(link_server_request(&f.s, 1, &got), 0, "the other vCPU's mailbox is its own");
		pair_destroy(&f.pair);
	}
}

Test(link, a_request_claims_what_is_published_and_no_more)
{
	struct link_event out[RING_BATCH];
	struct link_req req, got;
	struct fixture f;

	setup(&f);
	post(&f, 0, 5);
	post(&f, 1, 9);
	link_client_claim(&f.c[0], 1, START + 7);
	req = nop(&f, 0);
	put_request(&f, 0, &req);
	cr_assert_eq(link_server_request(&f.s, 0, &got), 1);
	cr_assert_eq(link_server_claimed(&f.s, 0, 0, &got), 5);
	cr_assert_eq(link_server_claimed(&f.s, 0, 1, &got), 7);
	link_client_claim(&f.c[0], 1, START + 9);
	cr_assert_eq(link_server_claimed(&f.s, 0, 1, &got), 7, "the claims were read once, with the request");
	cr_assert_eq(link_server_events(&f.s, 1, out), 9);
	cr_assert_eq(link_server_claimed(&f.s, 0, 1, &got), 0, "consumed beyond the claim");
	cr_assert_eq(link_server_events(&f.s, 0, out), 5);
	cr_assert_eq(link_server_claimed(&f.s, 0, 0, &got), 0);
}

Test(link, a_claim_beyond_the_published_tail_is_refused)
{
	struct link_req req, got;
	struct fixture f;

	setup(&f);
	post(&f, 0, 5);
	post(&f, 1, 2);
	link_client_claim(&f.c[0], 1, START + 3);
	req = nop(&f, 0);
	req.rq_tail++;
	put_request(&f, 0, &req);
	cr_assert_eq(link_server_request(&f.s, 0, &got), 1);
	cr_assert_eq(link_server_claimed(&f.s, 0, 0, &got), -EPROTO, "its own ring");
	cr_assert_eq(f.s.fault, LINK_FAULT_CLAIM);
	cr_assert_eq(link_server_claimed(&f.s, 0, 1, &got), -EPROTO, "another one's ring");
	got.rq_tail = START - 1;
	cr_assert_eq(link_server_claimed(&f.s, 0, 0, &got), -EPROTO, "its own ring never lies behind");
	got.rq_tail = START + 5;
	f.c[0].mine->lt_tail = START + N + 1;
	cr_assert_eq(link_server_claimed(&f.s, 0, 0, &got), -EPROTO, "a tail out of range");
	cr_assert_eq(f.s.fault, LINK_FAULT_TAIL);
}

/* A reply that lies in the mailbox before the request is sent: the request takes it at once. */
static int request_with_reply(const struct link_rep *rep, enum link_fault *fault, struct link_rep *got, uint64_t *touch)
{
	struct link_req req = { .rq_op = LINK_OP_MAP };
	struct fixture f;
	int rc;

	setup(&f);
	*(struct link_rep *)&f.s.vcpu[0].mine->lp_rep = *rep;
	f.s.vcpu[0].mine->lp_touch[7] = 0x7000;
	rc = link_client_request(&f.c[0], &req, got, touch);
	*fault = f.c[0].fault;
	pair_destroy(&f.pair);
	return rc;
}

Test(link, replies_out_of_sequence_or_range_are_refused)
{
	static const struct {
		struct link_rep rep;
		enum link_fault fault;
	} rows[] = {
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP }, LINK_FAULT_NONE },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_status = POOL_E_CORRUPT, .rp_flush = 3, .rp_ntouch = 8 }, LINK_FAULT_NONE },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_ntouch = POOL_TOUCH_TOO_MANY }, LINK_FAULT_NONE },
		{ { .rp_seq = 2, .rp_op = LINK_OP_MAP }, LINK_FAULT_REPLY_SEQ },
		{ { .rp_seq = ~0u, .rp_op = LINK_OP_MAP }, LINK_FAULT_REPLY_SEQ },
		{ { .rp_seq = 1, .rp_op = LINK_OP_NOP }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_status = 9 }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_status = 21 }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_flush = 4 }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_ntouch = 9 }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_ntouch = 254 }, LINK_FAULT_REPLY },
		{ { .rp_seq = 1, .rp_op = LINK_OP_MAP, .rp_zero = 1 }, LINK_FAULT_REPLY },
	};
	uint64_t touch[POOL_MAX_TOUCH + 1] = { 0 };
	unsigned i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum link_fault fault;
		struct link_rep got;

		touch[7] = 1;
		cr_assert_eq(request_with_reply(&rows[i].rep, &fault, &got, touch), rows[i].fault ? -EPROTO : 0, "row %u", i);
		cr_assert_eq(fault, rows[i].fault, "row %u", i);
		cr_assert_eq(touch[7], rows[i].rep.rp_ntouch == 8 ? 0x7000 : 1, "row %u", i);
		cr_assert_eq(touch[8], 0);
	}
}

Test(link, nobody_is_kicked_who_has_not_armed)
{
	struct fixture f;

	setup(&f);
	post(&f, 0, N - 1);
	cr_assert_not(kicked(&f));
	cr_assert_not(link_server_arm(&f.s), "there are events");
	cr_assert_not(f.s.loop->ll_armed);
	cr_assert_eq(f.c[0].count.kicks, 0);
}

Test(link, an_armed_loop_is_kicked_once_when_events_cross_its_mark)
{
	struct pair_stream streams[2] = { { 0 } };
	struct fixture f;
	unsigned i;

	setup(&f);
	f.s.wake_after = 3;
	post(&f, 1, 2);
	cr_assert(link_server_arm(&f.s), "two events may rest");
	for (i = 0; i < 6; i++) {
		post(&f, 0, 1);
		cr_assert_eq(kicked(&f), i == 2, "event %u", i);
	}
	post(&f, 1, 3);
	cr_assert(kicked(&f), "a batch that leaps over the mark");
	link_server_disarm(&f.s, false);
	cr_assert_eq(pair_poll(&f.s, streams), 1);
	post(&f, 0, 4);
	cr_assert_not(kicked(&f), "disarmed");
	cr_assert_eq(f.s.count.lost_wakes, 0);
}

Test(link, a_sleep_that_times_out_over_work_is_counted)
{
	struct fixture f;

	setup(&f);
	cr_assert(link_server_arm(&f.s));
	link_server_disarm(&f.s, true);
	cr_assert_eq(f.s.count.lost_wakes, 0);
	cr_assert(link_server_arm(&f.s));
	f.s.loop->ll_armed = 0;		/* as if the producer had missed it */
	post(&f, 0, 1);
	link_server_disarm(&f.s, true);
	cr_assert_eq(f.s.count.lost_wakes, 1);
}

Test(link, draining_never_blocks_whatever_the_descriptor)
{
	int fd = eventfd(2, EFD_CLOEXEC), pipefd[2];	/* a blocking one */

	cr_assert_eq(link_server_drain(fd), 0);
	cr_assert_eq(link_server_drain(fd), 0, "empty");
	cr_assert_eq(pipe(pipefd), 0);
	cr_assert_eq(link_server_drain(pipefd[0]), 0, "an empty pipe blocks nobody");
	cr_assert_eq(write(pipefd[1], "x", 1), 1);
	cr_assert_eq(link_server_drain(pipefd[0]), -EPROTO);
	close(pipefd[1]);
	cr_assert_eq(link_server_drain(pipefd[0]), -EPROTO, "its end");
	cr_assert_eq(link_server_drain(-1), -EPROTO);
}

Test(link, a_killed_client_answers_nothing_but_enotconn)
{
	struct link_req req = { .rq_op = LINK_OP_NOP };
	uint64_t touch[POOL_MAX_TOUCH];
	struct link_event ev;
	struct link_rep rep;
	struct fixture f;

	setup(&f);
	pair_event(&ev, 0);
	link_client_kill(&f.c[0]);
	link_client_kill(&f.c[0]);
	cr_assert_eq(link_client_post(&f.c[0], &ev), -ENOTCONN);
	link_client_publish(&f.c[0]);
	cr_assert_eq(link_client_request(&f.c[0], &req, &rep, touch), -ENOTCONN);
	cr_assert_eq(f.c[0].mine->lt_req.rq_seq, 0, "nothing was sent");
	cr_assert_eq(pair_request(&f.c[0], 0), -ENOTCONN);
}

struct waiter {
	struct fixture f;
	bool for_room;
	uint32_t tid;	/* atomic: of the thread that waits, 0 before it runs */
	int result;
};

static void *wait_forever(void *arg)
{
	struct waiter *w = arg;
	struct link_event ev;

	store_release(&w->tid, (uint32_t)gettid());
	w->result = 0;
	if (!w->for_room)
		w->result = pair_request(&w->f.c[0], 0);
	while (!w->result) {
		pair_event(&ev, w->f.c[0].count.events);
		w->result = link_client_post(&w->f.c[0], &ev);
	}
	return NULL;
}

/* The sleep itself lasts until the test is given up; so if the thread ends, it was woken. */
static void kill_wakes(bool for_room)
{
	unsigned round;

	link_test_sleep_ms = link_test_stuck_ms = (uint32_t)test_wait_ms();
	for (round = 0; round < 8; round++) {
		struct waiter w = { .for_room = for_room };
		int64_t start;
		pthread_t thread;
		int id;

		setup(&w.f);
		pthread_create(&thread, NULL, wait_forever, &w);
		while (load_relaxed(&w.f.c[0].mine->lt_waiting) == LINK_WAIT_NONE)
			sched_yield();
		/* Before it sleeps it finds out by itself. */
		id = (int)load_acquire(&w.tid);
		while (!test_task_sleeps(id))
			sched_yield();
		start = clock_ms();
		link_client_kill(&w.f.c[0]);
		pthread_join(thread, NULL);
		cr_assert_lt(clock_ms() - start, test_wait_ms() / 2, "round %u: it was not woken", round);
		cr_assert_eq(w.result, -ENOTCONN);
		pair_destroy(&w.f.pair);
	}
}

Test(link, kill_wakes_one_who_waits_for_a_reply)
{
	kill_wakes(false);
}

Test(link, kill_wakes_one_who_waits_for_room)
{
	kill_wakes(true);
}

Test(link, mailbox_predicate)
{
	struct link_req req = { .rq_seq = 0 };
	struct link_rep rep = { .rp_seq = 0xffffffffu };

	cr_assert(link_mailbox_valid(&req, &rep));
	rep.rp_seq = 0;
	cr_assert(link_mailbox_valid(&req, &rep));
	rep.rp_seq = 1;
	cr_assert_not(link_mailbox_valid(&req, &rep));
	rep.rp_seq = 0xfffffffeu;
	cr_assert_not(link_mailbox_valid(&req, &rep));
}

Test(link, every_fault_has_a_text)
{
	unsigned i;

	for (i = 0; i < LINK_FAULT_COUNT; i++)
		cr_assert_str_neq(link_fault_text((enum link_fault)i), "unknown");
	cr_assert_str_eq(link_fault_text(LINK_FAULT_COUNT), "unknown");
}
