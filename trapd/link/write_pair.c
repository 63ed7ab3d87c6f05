/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See write_pair.h. Process trapd, the vCPU's own thread. */
#include "trapd/link/write_pair.h"

unsigned write_pair_end(struct write_pair *p, struct link_event *out)
{
	if (!p->held)
		return 0;
	p->held = false;
	*out = p->ev;
	return 1;
}

static bool is_half(const struct link_event *ev)
{
	return ev->ev_type == LINK_EV_WRITE && ev->ev_size == WRITE_PAIR_HALF && !(ev->ev_gpa & (WRITE_PAIR_HALF - 1));
}

/* One event for the entry: its halves in their places, whichever came first. */
static void merge(struct link_event *first, const struct link_event *second)
{
	unsigned shift = second->ev_gpa & WRITE_PAIR_HALF ? 32 : 0;

	first->ev_new[0] = (first->ev_new[0] & 0xffffffff) << (32 - shift) | (second->ev_new[0] & 0xffffffff) << shift;
	first->ev_old[0] = (first->ev_old[0] & 0xffffffff) << (32 - shift) | (second->ev_old[0] & 0xffffffff) << shift;
	first->ev_gpa &= ~(uint64_t)WRITE_PAIR_HALF;
	first->ev_size = 2 * WRITE_PAIR_HALF;
}

unsigned write_pair_add(struct write_pair *p, const struct link_event *ev, struct link_event out[2])
{
	unsigned n;

	if (!p->held && is_half(ev)) {
		p->held = true;
		p->ev = *ev;
		return 0;
	}
	if (p->held && is_half(ev) && ev->ev_gpa == (p->ev.ev_gpa ^ WRITE_PAIR_HALF)) {
		merge(&p->ev, ev);
		return write_pair_end(p, out);
	}
	n = write_pair_end(p, out);
	out[n] = *ev;
	return n + 1;
}
