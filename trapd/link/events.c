/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See events.h. Process trapd, the vCPU's own thread.
 *
 * Order on one vCPU: it stores to RAM, looks at page_state, puts the event into the ring, and poold sees the event when the vCPU
 * publishes. While a store is in RAM and its event is not published, v->writing is odd, and requests of other vCPUs wait.
 */
#include "trapd/link/events.h"

#include "common/barrier.h"
#include "common/counters.h"
#include "common/write_class.h"
#include "trapd/cpu/machine.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/vcpu_link.h"

void vcpu_write_begin(struct vcpu *v)
{
	if (v->machine->nvcpu == 1 || (v->writing & 1))
		return;
	store_relaxed(&v->writing, v->writing + 1);
	fence_full();		/* odd before the store to RAM; pairs with the acquire in claim_tails, pool_request.c */
}

void vcpu_write_end(struct vcpu *v)
{
	if (v->link_up)
		link_client_publish(&v->link->client);
	if (v->writing & 1)
		store_release(&v->writing, v->writing + 1);	/* even after the tail; pairs with the acquire in claim_tails, pool_request.c */
}

static bool any_is_monitored(const uint8_t *state, const struct link_event *ev)
{
	uint64_t last = (ev->ev_gpa + write_run_bytes(ev) - 1) >> PAGE_SHIFT;

	for (uint64_t gfn = ev->ev_gpa >> PAGE_SHIFT; gfn <= last; gfn++)
		if (load_relaxed(&state[gfn]) & PAGE_STATE_MONITORED)
			return true;
	return false;
}

/* The stores of this event are done: put the event into the ring if a page of it is monitored. */
static void post_one(struct vcpu *v, const struct link_event *ev)
{
	const uint8_t *state = v->machine->page_state;

	if (!state || !v->link_up)
		return;
	fence_full();	/* S1: the store to RAM before the look at page_state; pairs with S2 in poold's state_changed */
	if (!any_is_monitored(state, ev))
		return;
	v->events_since_reply = true;
	counter_add(&v->stat[TRAP_STAT_write_events], 1);
	if (link_client_post(&v->link->client, ev))
		pool_link_lost(v);	/* a lost link cancels the debt */
}

void events_post(struct vcpu *v, const struct link_event *ev)
{
	struct link_event out[2];
	unsigned n;

	if (v->link->run.open) {
		if (write_run_add(&v->link->run, ev, out))
			post_one(v, out);
		return;
	}
	if (!v->link->pair.open) {
		post_one(v, ev);
		return;
	}
	n = write_pair_add(&v->link->pair, ev, out);
	if (n == 1 && out[0].ev_size == 8 && ev->ev_size == 4)
		counter_add(&v->stat[TRAP_STAT_write_pairs], 1);
	for (unsigned i = 0; i < n; i++)
		post_one(v, &out[i]);
}

void events_close_pair(struct vcpu *v)
{
	struct link_event ev;

	v->link->pair.open = false;
	if (write_pair_end(&v->link->pair, &ev))
		post_one(v, &ev);
}

void events_post_held(struct vcpu *v)
{
	struct link_event ev;

	events_close_pair(v);
	if (write_run_end(&v->link->run, &ev))
		post_one(v, &ev);
}

void vcpu_run_begin(struct vcpu *v)
{
	v->link->run.open = true;
}

void vcpu_run_end(struct vcpu *v)
{
	v->link->run.open = false;
	events_post_held(v);
}
