// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * poold's end of a link: takes events, receives requests, answers them, and arms the loop before it sleeps. Runs on the
 * link's thread only. Everything in link-t is trapd's and hostile. Never waits for trapd, never allocates.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "common/link.h"
#include "common/link_priv.h"
#include "common/write_class.h"

void link_server_init(struct link_server *s, const void *link_t, void *link_p, const struct link_params *p)
{
	uint32_t v;

	memset(s, 0, sizeof(*s));
	s->params = *p;
	s->loop = (struct link_p_loop *)((char *)link_p + LINK_P_LOOP);
	s->wake_after = 1;
	s->idle_ns = WAIT_SPIN_FIRST_NS / 2;
	for (v = 0; v < p->nvcpu; v++) {
		struct link_server_vcpu *e = &s->vcpu[v];

		e->theirs = (const struct link_t_vcpu *)((const char *)link_t + LINK_T_VCPU(v));
		e->mine = (struct link_p_vcpu *)((char *)link_p + LINK_P_VCPU(v));
		ring_consumer_init(&e->ring,
				   (const struct link_event *)((const char *)link_t + LINK_T_SLOTS(p->nslots, v)),
				   &e->theirs->lt_tail, &e->mine->lp_head, p->nslots, p->start_index);
	}
}

static int server_broken(struct link_server *s, enum link_fault fault)
{
	s->fault = fault;
	return -EPROTO;
}

static bool store_size_valid(uint8_t size)
{
	return size && size <= 16 && !(size & (size - 1));
}

/* Everything that can be said of a copied event without knowing RAM. */
static bool event_valid(const struct link_event *ev)
{
	uint64_t room = 4096 - (ev->ev_gpa & 4095);

	if (ev->ev_zero || !ev->ev_count || (ev->ev_flags & ~(LINK_EVF_USER | LINK_EVF_LAST | LINK_CLASS_MASK)) ||
	    (ev->ev_flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT >= WRITE_CLASS_COUNT)
		return false;
	switch (ev->ev_type) {
	case LINK_EV_WRITE:
		return store_size_valid(ev->ev_size) && ev->ev_count == 1 && ev->ev_size <= room;
	case LINK_EV_FILL:
		return store_size_valid(ev->ev_size) && (uint64_t)ev->ev_count * ev->ev_size <= room;
	case LINK_EV_RANGE:
		return (!ev->ev_size || store_size_valid(ev->ev_size)) && ev->ev_gpa + ev->ev_count > ev->ev_gpa;
	}
	return false;
}

/* After C3: a producer that waits for room may go on. The fence pairs with W3. */
static void server_wake_room(struct link_server *s, uint32_t vcpus)
{
	uint32_t v;

	fence_full();
	for (v = 0; v < s->params.nvcpu; v++) {
		struct link_server_vcpu *e = &s->vcpu[v];

		if ((vcpus & (1u << v)) && load_relaxed(&e->theirs->lt_waiting) == LINK_WAIT_ROOM) {
			counter_add(&s->count.kicks, 1);
			link_futex_wake(&e->mine->lp_head, 1);
		}
	}
}

int link_server_events(struct link_server *s, uint32_t v, struct link_event *out)
{
	struct ring_spsc_consumer *ring = &s->vcpu[v].ring;
	int n = ring_take(ring, out, RING_BATCH), i;

	if (n < 0)
		return server_broken(s, LINK_FAULT_TAIL);
	if (!n)
		return 0;
	for (i = 0; i < n; i++)
		if (!event_valid(&out[i]))
			return server_broken(s, LINK_FAULT_EVENT);
	counter_add(&s->count.events, (uint64_t)n);
	counter_add(&s->count.batches, 1);
	/* Lazily: each release takes the head's line away from the producer. */
	if (ring->next - ring->published >= (s->params.nslots + 3) / 4) {
		ring_release(ring);
		server_wake_room(s, 1u << v);
	}
	return n;
}

static bool request_valid(const struct link_req *req)
{
	return req->rq_op >= LINK_OP_MAP && req->rq_op < LINK_OP_COUNT && req->rq_nwalk <= 4 &&
	       !(req->rq_flags & LINK_RQF_RESERVED) &&
	       (req->rq_flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT < WRITE_CLASS_COUNT;
}

int link_server_request(struct link_server *s, uint32_t v, struct link_req *req)
{
	struct link_server_vcpu *e = &s->vcpu[v];
	/* Q1, pairs with R1: the rest of the line and the tails it claims are there. */
	uint32_t seq = load_acquire(&e->theirs->lt_req.rq_seq), w;

	if (seq == e->seq)
		return 0;
	if (seq != e->seq + 1)
		return server_broken(s, LINK_FAULT_REQUEST_SEQ);
	memcpy(req, &e->theirs->lt_req, sizeof(*req));
	for (w = 0; s->params.nvcpu > 1 && w < s->params.nvcpu; w++)
		e->claimed[w] = load_relaxed(&e->theirs->lt_tails[w]);
	fence_compiler();
	if (req->rq_seq != seq)
		return server_broken(s, LINK_FAULT_REQUEST_SEQ);
	if (!request_valid(req))
		return server_broken(s, LINK_FAULT_REQUEST);
	return 1;
}

int64_t link_server_claimed(struct link_server *s, uint32_t v, uint32_t w, const struct link_req *req)
{
	const struct ring_spsc_consumer *ring = &s->vcpu[w].ring;
	uint32_t claimed = v == w ? req->rq_tail : s->vcpu[v].claimed[w];
	/* C1: an honest claim was published before the request was (R1), so this load sees it. */
	int64_t available = ring_behind(ring, load_acquire(ring->tail));
	int64_t behind;

	if (available < 0)
		return server_broken(s, LINK_FAULT_TAIL);
	/* Another vCPU's ring runs on after the claim was written: what lies behind our index is consumed already. */
	if (v != w && (int32_t)(claimed - ring->next) <= 0)
		return 0;
	behind = ring_behind(ring, claimed);
	if (behind < 0 || behind > available)
		return server_broken(s, LINK_FAULT_CLAIM);
	return behind;
}

static void server_set_state(struct link_server *s, uint32_t state)
{
	link_tell_state(&s->cpu, &s->loop->ll_cpu, &s->loop->ll_state, state);
}

void link_server_reply(struct link_server *s, uint32_t v, const struct link_rep *rep, const uint64_t *touch)
{
	struct link_server_vcpu *e = &s->vcpu[v];

	server_set_state(s, LINK_STATE_RUNNING);
	counter_add(&s->count.requests, 1);
	if (rep->rp_ntouch && rep->rp_ntouch <= POOL_MAX_TOUCH)
		memcpy(e->mine->lp_touch, touch, rep->rp_ntouch * sizeof(touch[0]));
	/* Q2: everything but the number first; pairs with W1. */
	memcpy((char *)&e->mine->lp_rep + sizeof(rep->rp_seq), (const char *)rep + sizeof(rep->rp_seq),
	       sizeof(*rep) - sizeof(rep->rp_seq));
	store_release(&e->mine->lp_rep.rp_seq, ++e->seq);
	link_delay(DELAY_REPLIED);
	fence_full();	/* Q3, pairs with W3 */
	if (load_relaxed(&e->theirs->lt_waiting) == LINK_WAIT_REPLY) {
		counter_add(&s->count.kicks, 1);
		link_futex_wake(&e->mine->lp_rep.rp_seq, 1);
	}
}

void link_server_release(struct link_server *s)
{
	uint32_t v, released = 0;

	for (v = 0; v < s->params.nvcpu; v++) {
		struct ring_spsc_consumer *ring = &s->vcpu[v].ring;

		if (ring->published == ring->next)
			continue;
		ring_release(ring);
		released |= 1u << v;
	}
	if (released)
		server_wake_room(s, released);
}

/*
 * Is there a request, or are there at least this many events in one ring? Nonsense counts: the poll that follows says
 * so.
 */
static bool server_has_work(const struct link_server *s, uint32_t events)
{
	uint32_t v;

	for (v = 0; v < s->params.nvcpu; v++) {
		const struct link_server_vcpu *e = &s->vcpu[v];

		if (load_relaxed(&e->theirs->lt_req.rq_seq) != e->seq ||
		    load_relaxed(e->ring.tail) - e->ring.next >= events)
			return true;
	}
	return false;
}

/* Hints of the peer: does any vCPU run on another CPU than this loop? */
static bool server_peer_elsewhere(const struct link_server *s)
{
	uint32_t v;

	for (v = 0; v < s->params.nvcpu; v++) {
		const struct link_t_vcpu *t = s->vcpu[v].theirs;

		if (load_relaxed(&t->lt_state) == LINK_STATE_RUNNING && load_relaxed(&t->lt_cpu) != s->cpu)
			return true;
	}
	return false;
}

static void server_idle_ends(struct link_server *s)
{
	if (s->idle_since)
		s->idle_ns = link_wait_average_ns(s->idle_ns, clock_ns() - s->idle_since);
	s->idle_since = 0;
}

bool link_server_spin(struct link_server *s)
{
	uint64_t budget = link_wait_budget_ns(s->idle_ns);
	uint32_t i;

	link_server_release(s);
	server_set_state(s, LINK_STATE_RUNNING);
	s->idle_since = clock_ns();
	if (!budget || !server_peer_elsewhere(s))
		return server_has_work(s, 1);
	counter_add(&s->count.spins, 1);
	do {
		for (i = 0; i < WAIT_FAST_LOOPS; i++) {
			if (server_has_work(s, 1)) {
				server_idle_ends(s);
				return true;
			}
			cpu_relax();
		}
	} while (clock_ns() - s->idle_since < budget);
	sched_yield();
	return server_has_work(s, 1);
}

bool link_server_arm(struct link_server *s)
{
	uint32_t v;

	link_server_release(s);
	link_delay(DELAY_IDLE);
	/* L1 */
	for (v = 0; v < s->params.nvcpu; v++)
		store_relaxed(&s->vcpu[v].mine->lp_wake_at, s->vcpu[v].ring.next + s->wake_after);
	server_set_state(s, LINK_STATE_SLEEPING);
	store_relaxed(&s->loop->ll_armed, 1);
	link_delay(DELAY_ARMED);
	fence_full();	/* L2, pairs with P4 */
	/* L3 */
	if (!server_has_work(s, s->wake_after)) {
		counter_add(&s->count.sleeps, 1);
		return true;
	}
	link_server_disarm(s, false);
	return false;
}

void link_server_disarm(struct link_server *s, bool timed_out)
{
	if (timed_out && server_has_work(s, s->wake_after))
		counter_add(&s->count.lost_wakes, 1);
	store_relaxed(&s->loop->ll_armed, 0);
	server_set_state(s, LINK_STATE_RUNNING);
	server_idle_ends(s);
}
