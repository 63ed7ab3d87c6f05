// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The wake handshake with delays of 0 to 2 us between its steps: both ends always sleep, never spin, and a sleep
 * lasts 5 s if nobody ends it. So a lost wake, which the daemons' 100 ms timeout would hide as a delay, is a failure
 * here. The code is the daemons' own, compiled once more with the hooks of common/link_priv.h.
 * usage: link_wake.test [milliseconds]
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/link_priv.h"
#include "tests/unit/common/link_pair.h"
#include "tests/wait.h"

#define SLEEP_MS	5000	/* times the scale */
#define NSLOTS		8u
#define MIN_SLEEPS	500u

uint32_t link_test_sleep_ms, link_test_stuck_ms;

enum phase { PHASE_LOOP_SLEEPS, PHASE_REPLY, PHASE_ROOM, PHASE_MIXED, PHASE_COUNT };

struct run {
	struct link_pair pair;
	struct link_client client;
	struct link_server server;
	struct pair_stream stream;
	uint32_t phase;
	uint32_t stop;
	int server_result;
};

static __thread uint32_t random_state;

static uint32_t random_next(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state >> 8;
}

void link_test_delay(enum link_delay_site site)
{
	uint32_t random = random_next() + (uint32_t)site;
	int64_t until;

	/* Half of the time none: what hides in a store buffer is gone after a delay. */
	if (random & 1)
		return;
	until = clock_ns() + (random >> 1) % 2000;
	while (clock_ns() < until)
		cpu_relax();
}

/* 0 to 2 us, or nothing at all. */
static void delay(void)
{
	link_test_delay(DELAY_PUBLISHED);
}

static void *serve(void *arg)
{
	struct run *r = arg;
	int rc = 0;

	random_state = 2;
	while (rc >= 0 && !load_acquire(&r->stop)) {
		/* Wake for each event, or let some rest until there are more or a request comes. */
		r->server.wake_after = load_relaxed(&r->phase) == PHASE_MIXED && random_next() % 2 ? NSLOTS / 4 : 1;
		if (load_relaxed(&r->phase) == PHASE_LOOP_SLEEPS || load_relaxed(&r->phase) == PHASE_MIXED) {
			rc = pair_serve(&r->server, &r->stream, r->pair.eventfd, (int)load_relaxed(&link_test_sleep_ms));
			continue;
		}
		delay();
		rc = pair_poll(&r->server, &r->stream);
		if (!rc)
			link_server_release(&r->server);
	}
	r->server_result = rc < 0 ? rc : 0;
	if (rc < 0)
		link_client_kill(&r->client);
	return NULL;
}

static int post(struct run *r, unsigned count)
{
	struct link_event ev;
	int rc = 0;

	while (!rc && count--) {
		pair_event(&ev, r->client.count.events);
		rc = link_client_post(&r->client, &ev);
	}
	return rc;
}

/* The loop arms while an event is being published: this end is awake, so that both happen at the same moment. */
static int phase_loop_sleeps(struct run *r)
{
	uint32_t tail;
	int rc = post(r, 1 + random_next() % 3);

	link_client_publish(&r->client);
	tail = r->client.ring.published;
	while (!rc && load_acquire(r->client.ring.head) != tail && !load_relaxed(&r->client.dead))
		cpu_relax();
	delay();
	return rc;
}

/* The reply comes while this end goes to sleep. */
static int phase_reply(struct run *r)
{
	return pair_request(&r->client, r->client.count.events);
}

/* Room is made while this end goes to sleep. */
static int phase_room(struct run *r)
{
	return post(r, NSLOTS);
}

static bool slept_enough(struct run *r)
{
	return r->client.count.sleeps >= MIN_SLEEPS && load_relaxed(&r->server.count.sleeps) >= MIN_SLEEPS;
}

/* Everything at once: runs that fit into the ring, that wait for room in the middle, and requests. */
static int phase_mixed(struct run *r)
{
	int rc = post(r, random_next() % (2 * NSLOTS));

	if (random_next() % 4 == 0)
		link_client_publish(&r->client);
	return rc ? rc : pair_request(&r->client, r->client.count.events);
}

static int (*const phases[])(struct run *) = {
	[PHASE_LOOP_SLEEPS] = phase_loop_sleeps, [PHASE_REPLY] = phase_reply, [PHASE_ROOM] = phase_room,
	[PHASE_MIXED] = phase_mixed,
};

static int produce(struct run *r, uint64_t ms)
{
	uint32_t phase;
	int rc = 0;

	random_state = 1;
	for (phase = 0; phase < PHASE_COUNT; phase++) {
		int64_t until = clock_ns() + (int64_t)ms * CLOCK_NS_PER_MS / PHASE_COUNT;
		uint64_t n = 0;
		uint64_t sleeps = r->client.count.sleeps, loop_sleeps = load_relaxed(&r->server.count.sleeps);

		store_relaxed(&r->phase, phase);
		/* On a busy machine the last one goes on until both ends have slept often. */
		for (; !rc && (clock_ns() < until || (phase == PHASE_MIXED && !slept_enough(r))); n++)
			rc = phases[phase](r);
		printf("phase %u: %llu rounds, trapd slept %llu, poold slept %llu\n", phase, (unsigned long long)n,
		       (unsigned long long)(r->client.count.sleeps - sleeps),
		       (unsigned long long)(load_relaxed(&r->server.count.sleeps) - loop_sleeps));
	}
	return rc;
}

int main(int argc, char **argv)
{
	static struct run r;
	uint64_t ms = argc > 1 ? strtoul(argv[1], NULL, 0) : 2500, slept, lost, one = 1;
	pthread_t server;
	int rc, stuck;

	link_test_sleep_ms = (uint32_t)(SLEEP_MS * test_scale());
	link_test_stuck_ms = (uint32_t)(LINK_STUCK_MS * test_scale());
	if (pair_create(&r.pair, 1, NSLOTS, 0xfffffff0u)) {
		fprintf(stderr, "cannot create the link\n");
		return 1;
	}
	pair_server(&r.pair, &r.server);
	pair_client(&r.pair, &r.client, 0);
	pthread_create(&server, NULL, serve, &r);
	rc = produce(&r, ms);
	store_release(&r.stop, 1);
	if (write(r.pair.eventfd, &one, sizeof(one)) < 0)
		rc = -errno;
	pthread_join(server, NULL);
	/* Nobody serves any more: the client gives up by itself, after several sleeps. */
	link_test_sleep_ms = 5;
	link_test_stuck_ms = 50;
	stuck = pair_request(&r.client, r.client.count.events);
	slept = r.client.count.sleeps < r.server.count.sleeps ? r.client.count.sleeps : r.server.count.sleeps;
	lost = r.client.count.lost_wakes + r.server.count.lost_wakes;
	printf("events %llu, requests %llu, sleeps %llu (trapd) %llu (poold), lost wakes %llu\n",
	       (unsigned long long)r.client.count.events, (unsigned long long)r.client.count.requests,
	       (unsigned long long)r.client.count.sleeps, (unsigned long long)r.server.count.sleeps, (unsigned long long)lost);
	if (rc || r.server_result)
		fprintf(stderr, "trapd: %s; poold: %s\n", strerror(-rc), strerror(-r.server_result));
	if (slept < MIN_SLEEPS)
		fprintf(stderr, "too few sleeps: the handshake was not tested\n");
	if (stuck != -ETIMEDOUT)
		fprintf(stderr, "a request that nobody answers: %s\n", strerror(-stuck));
	pair_destroy(&r.pair);
	return rc || stuck != -ETIMEDOUT || r.server_result || lost || slept < MIN_SLEEPS;
}
