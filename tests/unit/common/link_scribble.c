// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile hand in the peer's object: while both ends of a link run, random words of the object that one end reads
 * are overwritten. That end, the victim, may give up with -EPROTO or go on; it may not crash, hang, or let anything
 * through that is out of range. Meant for builds with --enable-asan --enable-ubsan as well.
 * usage: link_scribble.test [seed]
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/write_class.h"
#include "tests/unit/common/link_pair.h"

#define NSLOTS		64u
#define NVCPU		2u
#define MAX_ROUNDS	600u
#define BUDGET_MS	3000
#define ROUND_MS	10
#define RAM_BYTES	(64u << 20)

struct round {
	struct link_pair pair;
	struct link_client client[NVCPU];
	struct link_server server;
	struct pair_stream streams[NVCPU];
	bool victim_is_server;
	unsigned words;			/* how many are overwritten; 0: until the end */
	uint32_t stop;
	uint32_t started;
	unsigned seed;
	const char *let_through;	/* what should have been refused */
	uint8_t *page_touched;		/* one byte per page of RAM: what a consumer indexes by gpa */
};

/* Byte offset of a word that the victim reads, with few exceptions. */
static uint64_t scribble_where(const struct round *r, unsigned *seed)
{
	static const uint32_t control[] = { 0, 0, 0, 0x80, 0x84, 0x88, 0x100, 0x100, 0x104, 0x138 };
	uint32_t v = (uint32_t)rand_r(seed) % NVCPU, kind = (uint32_t)rand_r(seed) % 16, pick = (uint32_t)rand_r(seed);
	uint64_t block = r->victim_is_server ? LINK_T_VCPU(v) : LINK_P_VCPU(0);

	if (kind < 6)
		return block + control[pick % (sizeof(control) / sizeof(control[0]))];
	if (kind < 10)
		return block + 0x100 + pick % 32 * 4;
	if (kind < 15)
		return r->victim_is_server ? LINK_T_SLOTS(NSLOTS, v) + pick % (NSLOTS * 16) * 4 : LINK_P_LOOP + pick % 4 * 4;
	return pick % LINK_P_SIZE & ~3u;
}

static void *scribble(void *arg)
{
	struct round *r = arg;
	char *base = r->victim_is_server ? r->pair.link_t.base : r->pair.link_p.base;
	unsigned seed = r->seed, i;

	for (i = 0; (!r->words || i < r->words) && !load_relaxed(&r->stop); i++) {
		uint32_t *word = (uint32_t *)(void *)(base + scribble_where(r, &seed));
		uint32_t random = (uint32_t)rand_r(&seed), value = random * 3u;

		/* Mostly values near those that are right. */
		if (random % 3 == 0)
			value = load_relaxed(word) + random / 3 % 5 - 2;
		else if (random % 3 == 1)
			value = load_relaxed(word) ^ 1u << random / 3 % 32;
		store_relaxed(word, value);
		sched_yield();
	}
	return NULL;
}

static const char *event_error(const struct link_event *ev)
{
	uint64_t bytes = (uint64_t)ev->ev_count * (ev->ev_type == LINK_EV_RANGE ? 1 : ev->ev_size);

	if (ev->ev_type < LINK_EV_WRITE || ev->ev_type > LINK_EV_RANGE)
		return "type of an event";
	if (!bytes || (ev->ev_type != LINK_EV_RANGE && (ev->ev_gpa & 4095) + bytes > 4096))
		return "bytes of an event";
	if (ev->ev_gpa + bytes < ev->ev_gpa || ev->ev_zero || (ev->ev_flags & 0xf0fc))
		return "field of an event";
	return NULL;
}

/* Use an event as poold does: RAM is checked by the consumer, all else is the link's promise. */
static void use_event(struct round *r, const struct link_event *ev)
{
	if (!r->let_through)
		r->let_through = event_error(ev);
	if (ev->ev_gpa < RAM_BYTES && ev->ev_count <= RAM_BYTES - ev->ev_gpa)
		r->page_touched[ev->ev_gpa >> 12]++;
}

static int take(struct round *r, uint32_t v)
{
	struct link_event ev[RING_BATCH];
	int n = link_server_events(&r->server, v, ev), i;

	if (n > (int)RING_BATCH)
		r->let_through = "batch";
	for (i = 0; i < n; i++)
		use_event(r, &ev[i]);
	return n;
}

static int answer(struct round *r, uint32_t v, const struct link_req *req)
{
	struct link_rep rep = { .rp_op = req->rq_op };
	uint64_t sum = 0;
	uint32_t w;

	if (req->rq_op < 1 || req->rq_op >= LINK_OP_COUNT || req->rq_nwalk > 4 || (req->rq_flags & LINK_RQF_RESERVED))
		r->let_through = "request";
	for (w = 0; w < req->rq_nwalk; w++)
		sum += req->rq_walk[w];
	for (w = 0; w < NVCPU; w++) {
		int64_t left;
		unsigned turns = 0;

		while ((left = link_server_claimed(&r->server, v, w, req)) > 0) {
			int rc = take(r, w);

			if (rc < 0)
				return rc;
			/* What is claimed is there: two batches of a ring of 64 are all it can take. */
			if (left > NSLOTS || rc == 0 || ++turns > NSLOTS / RING_BATCH + 1) {
				r->let_through = "claim";
				return -EPROTO;
			}
		}
		if (left < 0)
			return (int)left;
	}
	rep.rp_entry = sum;
	rep.rp_gva = req->rq_gva;
	link_server_reply(&r->server, v, &rep, NULL);
	return 1;
}

static void *victim_server(void *arg)
{
	struct round *r = arg;
	struct link_req req;
	long rc = 0;
	uint32_t v;

	while (rc >= 0 && !load_relaxed(&r->stop)) {
		bool worked = false;

		for (v = 0; rc >= 0 && v < NVCPU; v++) {
			rc = take(r, v);
			worked |= rc > 0;
			if (rc >= 0)
				rc = link_server_request(&r->server, v, &req);
			if (rc > 0)
				rc = answer(r, v, &req);
			worked |= rc > 0;
		}
		/*
		 * Its sleep is not the point here, its arming is: the words that it reads then are scribbled as well.
		 */
		if (rc >= 0 && !worked && !link_server_spin(&r->server) && link_server_arm(&r->server)) {
			sched_yield();
			link_server_disarm(&r->server, false);
		}
	}
	return (void *)(rc < 0 ? rc : 0);
}

static void *honest_server(void *arg)
{
	struct round *r = arg;
	int rc = 0;

	while (rc >= 0 && !load_relaxed(&r->stop))
		rc = pair_serve(&r->server, r->streams, r->pair.eventfd, 5);
	return (void *)(long)(rc < 0 ? rc : 0);
}

/* Honest or victim: what it does is the same. */
static void *client(void *arg)
{
	struct round *r = arg;
	uint32_t v = fetch_add_relaxed(&r->started, 1);
	struct link_client *c = &r->client[v];
	uint64_t i = 0, touch[POOL_MAX_TOUCH] = { 0 };
	struct link_event ev;
	long rc = 0;

	while (!rc) {
		struct link_req req = { .rq_op = LINK_OP_NOP };
		struct link_rep rep = { 0 };
		uint64_t until = i + 1 + i * 2654435761u % 50;

		for (; !rc && i < until; i++) {
			pair_event(&ev, i);
			rc = link_client_post(c, &ev);
		}
		link_client_claim(c, !v, load_acquire(&r->client[!v].mine->lt_tail));
		if (rc)
			break;
		req.rq_gva = i;
		rc = link_client_request(c, &req, &rep, touch);
		if (!rc && (rep.rp_op != LINK_OP_NOP || rep.rp_flush > POOL_FLUSH_ALL || rep.rp_zero ||
			    (rep.rp_ntouch > POOL_MAX_TOUCH && rep.rp_ntouch != POOL_TOUCH_TOO_MANY)))
			r->let_through = "reply";
	}
	return (void *)rc;
}

/* Join, or after the round's time make the thread end. */
static long victim_join(struct round *r, pthread_t thread)
{
	struct timespec until;
	void *result;
	uint32_t v;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ROUND_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	if (pthread_timedjoin_np(thread, &result, &until) == 0)
		return (long)result;
	store_relaxed(&r->stop, 1);
	for (v = 0; v < NVCPU; v++)
		link_client_kill(&r->client[v]);
	pthread_join(thread, &result);
	return (long)result;
}

/* Result of the victim: -EPROTO, or 0 (server) or -ENOTCONN (client) if it went on to the end. */
static long round_run(struct round *r, long *others)
{
	pthread_t victim, writer, other[NVCPU];
	uint32_t v, nothers = 0;
	uint64_t one = 1;
	void *result;
	long rc;

	pair_server(&r->pair, &r->server);
	for (v = 0; v < NVCPU; v++)
		pair_client(&r->pair, &r->client[v], v);
	if (r->victim_is_server) {
		for (v = 0; v < NVCPU; v++)
			pthread_create(&other[nothers++], NULL, client, r);
		pthread_create(&victim, NULL, victim_server, r);
	} else {
		pthread_create(&other[nothers++], NULL, honest_server, r);
		pthread_create(&victim, NULL, client, r);
	}
	pthread_create(&writer, NULL, scribble, r);
	rc = victim_join(r, victim);
	store_relaxed(&r->stop, 1);
	for (v = 0; v < NVCPU; v++)
		link_client_kill(&r->client[v]);
	if (write(r->pair.eventfd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		rc = -errno;
	pthread_join(writer, NULL);
	for (v = 0; v < nothers; v++) {
		pthread_join(other[v], &result);
		if ((long)result && (long)result != -ENOTCONN)
			*others = (long)result;
	}
	return rc;
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)time(NULL), i, faults[LINK_FAULT_COUNT] = { 0 };
	uint8_t *page_touched = calloc(RAM_BYTES >> 12, 1);
	unsigned gave_up[2] = { 0 }, went_on[2] = { 0 };
	int64_t until = clock_ms() + BUDGET_MS;
	int failed = !page_touched;

#ifdef BARRIER_TSAN
	printf("skipped: scribbling is a data race on purpose, ThreadSanitizer has nothing to say about it\n");
	return 77;
#endif
	printf("seed %u\n", seed);
	fflush(stdout);
	srandom(seed);
	for (i = 0; i < MAX_ROUNDS && (clock_ms() < until || !gave_up[0] || !gave_up[1]) && !failed; i++) {
		struct round r = {
			.victim_is_server = i % 2, .words = "\0\4\40\200"[random() % 4] & 0xffu, .seed = (unsigned)random(),
			.page_touched = page_touched,
		};
		long rc, others = 0;

		if (pair_create(&r.pair, NVCPU, NSLOTS, 0xffffffc0u)) {
			fprintf(stderr, "cannot create the link\n");
			failed = 1;
			break;
		}
		rc = round_run(&r, &others);
		if (rc == -EPROTO) {
			gave_up[r.victim_is_server]++;
			faults[r.victim_is_server ? r.server.fault : r.client[0].fault]++;
		} else {
			went_on[r.victim_is_server]++;
		}
		/* What reaches the other end through a misled victim may make that one give up as well. */
		if (r.let_through || (others && others != -EPROTO) || (rc && rc != -EPROTO && rc != -ENOTCONN)) {
			fprintf(stderr, "round %u, victim %s: %s, let through: %s, the other end: %s\n", i,
				r.victim_is_server ? "poold" : "trapd", strerror((int)-rc), r.let_through ? r.let_through : "nothing",
				strerror((int)-others));
			failed = 1;
		}
		pair_destroy(&r.pair);
	}
	printf("%u rounds; trapd gave up %u, went on %u; poold gave up %u, went on %u\n", i, gave_up[0], went_on[0], gave_up[1],
	       went_on[1]);
	for (i = 1; i < LINK_FAULT_COUNT; i++)
		printf("%6u %s\n", faults[i], link_fault_text((enum link_fault)i));
	/* Scribbling that nobody ever notices tests nothing. */
	if (!gave_up[0] || !gave_up[1])
		failed = fprintf(stderr, "no peer was ever found broken\n");
	free(page_touched);
	return failed ? 1 : 0;
}
