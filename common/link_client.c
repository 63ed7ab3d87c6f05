// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trapd's end of a link, one per vCPU: posts events, sends requests and waits for replies. Runs on the vCPU's thread;
 * link_client_kill on any. Everything in link-p is poold's and hostile. Never waits without a timeout, never allocates.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "common/link.h"
#include "common/link_priv.h"

void link_client_init(struct link_client *c, void *link_t, const void *link_p, int eventfd, const struct link_params *p,
		      uint32_t vcpu)
{
	*c = (struct link_client){
		.mine = (struct link_t_vcpu *)((char *)link_t + LINK_T_VCPU(vcpu)),
		.theirs = (const struct link_p_vcpu *)((const char *)link_p + LINK_P_VCPU(vcpu)),
		.loop = (const struct link_p_loop *)((const char *)link_p + LINK_P_LOOP),
		.eventfd = eventfd, .spin_ns = WAIT_SPIN_FIRST_NS / 2,
	};
	ring_producer_init(&c->ring, (struct link_event *)((char *)link_t + LINK_T_SLOTS(p->nslots, vcpu)),
			   &c->mine->lt_tail, &c->theirs->lp_head, p->nslots, p->start_index);
}

static int client_broken(struct link_client *c, enum link_fault fault)
{
	c->fault = fault;
	return -EPROTO;
}

static bool client_is_dead(const struct link_client *c)
{
	return load_relaxed(&c->dead);
}

static void client_kick(struct link_client *c)
{
	uint64_t one = 1;

	counter_add(&c->count.kicks, 1);
	/*
	 * EAGAIN: the counter is full, so poold is awake. The descriptor is shared with poold, which could make this
	 * block; the signal that kicks a vCPU thread then gets it out.
	 */
	while (write(c->eventfd, &one, sizeof(one)) < 0 && errno == EINTR && !client_is_dead(c))
		;
}

/*
 * P4, pairs with L2: either poold's loop sees what was published before it sleeps, or this sees it armed. old: tail
 * before the publication. always: for a request or a full ring, which wake poold however few events there are.
 */
static void client_wake_peer(struct link_client *c, uint32_t old, bool always)
{
	uint32_t new = c->ring.published, wake_at;

	link_delay(DELAY_PUBLISHED);
	fence_full();
	/* In any order: a mark that is older than armed means that L2 is still to come, and L3 sees the new tail. */
	if (!load_relaxed(&c->loop->ll_armed))
		return;
	wake_at = load_relaxed(&c->theirs->lp_wake_at);
	if (always || new - wake_at < new - old)
		client_kick(c);
}

static void client_set_state(struct link_client *c, uint32_t state)
{
	link_tell_state(&c->cpu, &c->mine->lt_cpu, &c->mine->lt_state, state);
}

/* Spin while that can help. True: *value is the word's new value (acquire). */
static bool client_spin(struct link_client *c, const uint32_t *word, uint32_t old, uint32_t *value)
{
	uint64_t budget, start, now;
	uint32_t i;

	/*
	 * Hints of the peer: wrong ones cost the budget at most. On one CPU spinning only keeps the peer from
	 * running.
	 */
	if (load_relaxed(&c->loop->ll_state) != LINK_STATE_RUNNING || load_relaxed(&c->loop->ll_cpu) == c->cpu)
		return false;
	budget = link_wait_budget_ns(c->spin_ns);
	if (!budget)
		return false;
	counter_add(&c->count.spins, 1);
	for (i = 0; i < WAIT_FAST_LOOPS; i++) {
		*value = load_acquire(word);	/* W1, pairs with Q2; C3 for head */
		if (*value != old)
			return true;
		cpu_relax();
	}
	start = clock_ns();
	do {
		for (i = 0; i < 16; i++) {
			*value = load_acquire(word);	/* W1 */
			if (*value != old)
				return true;
			cpu_relax();
		}
		now = clock_ns();
	} while (now - start < budget && !client_is_dead(c));
	sched_yield();
	*value = load_acquire(word);	/* W1 */
	return *value != old;
}

/* Sleep until the word changes. lt_waiting is why. */
static int client_sleep(struct link_client *c, const uint32_t *word, uint32_t old, uint32_t why, uint32_t *value)
{
	uint64_t slept_ns = 0, start = clock_ns(), now;
	bool timed_out = false;
	int rc = 0;

	client_set_state(c, LINK_STATE_SLEEPING);
	store_relaxed(&c->mine->lt_waiting, why);	/* W2 */
	link_delay(DELAY_WAITING);
	fence_full();					/* W3, pairs with Q3 and C3, and with link_client_kill */
	for (;;) {
		*value = load_acquire(word);		/* W4: recheck; W1 at the same time */
		if (client_is_dead(c)) {
			rc = -ENOTCONN;
			break;
		}
		if (*value != old) {
			if (timed_out)
				counter_add(&c->count.lost_wakes, 1);
			break;
		}
		if (slept_ns >= WAIT_STUCK_MS * 1000000ull) {
			rc = -ETIMEDOUT;
			break;
		}
		counter_add(&c->count.sleeps, 1);
		timed_out = link_futex_wait(word, old, WAIT_SLEEP_MS) == -ETIMEDOUT;
		/* A sleep counts for what it should have taken: this process may have been the one that stood still. */
		now = clock_ns();
		slept_ns += now - start < 2 * WAIT_SLEEP_MS * 1000000ull ? now - start : WAIT_SLEEP_MS * 1000000ull;
		start = now;
	}
	store_relaxed(&c->mine->lt_waiting, LINK_WAIT_NONE);
	client_set_state(c, LINK_STATE_RUNNING);
	return rc;
}

/* Wait until *word differs from old; *value is what it became. 0, -ENOTCONN, -ETIMEDOUT. */
static int client_wait(struct link_client *c, const uint32_t *word, uint32_t old, uint32_t why, uint32_t *value)
{
	client_set_state(c, LINK_STATE_RUNNING);
	if (client_spin(c, word, old, value))
		return client_is_dead(c) ? -ENOTCONN : 0;
	return client_sleep(c, word, old, why, value);
}

static int client_wait_room(struct link_client *c)
{
	uint64_t start = clock_ns();
	uint32_t old = c->ring.published, head;
	int rc;

	ring_publish(&c->ring);
	client_wake_peer(c, old, true);
	/* ring_push checks the new head itself. */
	rc = client_wait(c, c->ring.head, c->ring.head_seen, LINK_WAIT_ROOM, &head);
	counter_add(&c->count.stalls, 1);
	counter_add(&c->count.stall_ns, clock_ns() - start);
	return rc;
}

int link_client_post(struct link_client *c, const struct link_event *ev)
{
	int rc;

	for (;;) {
		if (client_is_dead(c))
			return -ENOTCONN;
		rc = ring_push(&c->ring, ev);
		if (rc == -EPROTO)
			return client_broken(c, LINK_FAULT_HEAD);
		if (!rc)
			break;
		rc = client_wait_room(c);
		if (rc)
			return rc;
	}
	counter_add(&c->count.events, 1);
	if (c->ring.next - c->ring.published >= RING_BATCH)
		link_client_publish(c);
	return 0;
}

void link_client_publish(struct link_client *c)
{
	uint32_t old = c->ring.published;

	if (client_is_dead(c) || !ring_publish(&c->ring))
		return;
	counter_add(&c->count.batches, 1);
	client_wake_peer(c, old, false);
}

uint32_t link_client_tail(const struct link_client *c)
{
	return load_acquire(&c->mine->lt_tail);
}

void link_client_claim(struct link_client *c, uint32_t other, uint32_t tail)
{
	store_relaxed(&c->mine->lt_tails[other], tail);	/* published by R1 */
}

static bool reply_status_valid(uint8_t status)
{
	return status <= POOL_NEED_FLUSH || (status >= POOL_E_RANGE && status <= POOL_E_CORRUPT);
}

/* Copy the reply once and check the copy. */
static int client_take_reply(struct link_client *c, uint8_t op, struct link_rep *rep, uint64_t touch[POOL_MAX_TOUCH])
{
	memcpy(rep, &c->theirs->lp_rep, sizeof(*rep));
	fence_compiler();
	if (rep->rp_seq != c->seq)
		return client_broken(c, LINK_FAULT_REPLY_SEQ);
	if (rep->rp_op != op || !reply_status_valid(rep->rp_status) || rep->rp_flush > POOL_FLUSH_ALL || rep->rp_zero ||
	    (rep->rp_ntouch > POOL_MAX_TOUCH && rep->rp_ntouch != POOL_TOUCH_TOO_MANY))
		return client_broken(c, LINK_FAULT_REPLY);
	if (rep->rp_ntouch && rep->rp_ntouch <= POOL_MAX_TOUCH) {
		memcpy(touch, c->theirs->lp_touch, rep->rp_ntouch * sizeof(touch[0]));
		fence_compiler();
	}
	return 0;
}

static void client_send(struct link_client *c, const struct link_req *req)
{
	struct link_req line = *req;
	uint32_t old = c->ring.published;

	if (ring_publish(&c->ring))
		counter_add(&c->count.batches, 1);
	line.rq_tail = c->ring.published;
	/* R1: everything but the number first; pairs with Q1. */
	memcpy((char *)&c->mine->lt_req + sizeof(line.rq_seq), (const char *)&line + sizeof(line.rq_seq),
	       sizeof(line) - sizeof(line.rq_seq));
	store_release(&c->mine->lt_req.rq_seq, ++c->seq);
	client_wake_peer(c, old, true);
}

int link_client_request(struct link_client *c, const struct link_req *req, struct link_rep *rep,
			uint64_t touch[POOL_MAX_TOUCH])
{
	uint64_t start;
	uint32_t seq;
	int rc;

	if (client_is_dead(c))
		return -ENOTCONN;
	counter_add(&c->count.requests, 1);
	start = clock_ns();
	client_send(c, req);
	rc = client_wait(c, &c->theirs->lp_rep.rp_seq, c->seq - 1, LINK_WAIT_REPLY, &seq);
	if (rc)
		return rc;
	c->spin_ns = link_wait_average_ns(c->spin_ns, clock_ns() - start);
	if (seq != c->seq)
		return client_broken(c, LINK_FAULT_REPLY_SEQ);
	return client_take_reply(c, req->rq_op, rep, touch);
}

void link_client_kill(struct link_client *c)
{
	unsigned tries;

	store_relaxed(&c->dead, 1);
	fence_full();	/* pairs with W3: the waiter sees dead, or this sees it waiting */
	/*
	 * Between its last look at dead and the futex call a waiter cannot be woken, so wake until it has left. All
	 * of them: the peer may have its own threads on the word to swallow a single wake. The bound guards against a
	 * waiter that is stopped on its way; its own timeout frees that one.
	 */
	for (tries = 0; tries < 1000 && load_relaxed(&c->mine->lt_waiting) != LINK_WAIT_NONE; tries++) {
		link_futex_wake(&c->theirs->lp_rep.rp_seq, INT32_MAX);
		link_futex_wake(&c->theirs->lp_head, INT32_MAX);
		sched_yield();
	}
}
