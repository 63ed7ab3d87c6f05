/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See write_run.h. Process trapd, the vCPU's own thread. */
#include "trapd/link/write_run.h"

uint64_t write_run_bytes(const struct link_event *ev)
{
	return ev->ev_type == LINK_EV_RANGE ? ev->ev_count : (uint64_t)ev->ev_size * ev->ev_count;
}

static void become_range(struct link_event *ev)
{
	uint32_t bytes = (uint32_t)write_run_bytes(ev);

	*ev = (struct link_event){ .ev_type = LINK_EV_RANGE, .ev_size = 1, .ev_flags = ev->ev_flags, .ev_gpa = ev->ev_gpa,
				   .ev_rip = ev->ev_rip, .ev_count = bytes };
}

/* Ascending, or descending under DF. */
static bool join(struct link_event *held, const struct link_event *ev)
{
	uint64_t before = write_run_bytes(held), bytes = write_run_bytes(ev);

	if (before + bytes > UINT32_MAX)
		return false;
	if (ev->ev_gpa != held->ev_gpa + before && ev->ev_gpa + bytes != held->ev_gpa)
		return false;
	become_range(held);
	if (ev->ev_gpa < held->ev_gpa)
		held->ev_gpa = ev->ev_gpa;
	held->ev_count += (uint32_t)bytes;
	return true;
}

bool write_run_add(struct write_run *r, const struct link_event *ev, struct link_event *out)
{
	bool over;

	if (r->held && join(&r->ev, ev))
		return false;
	over = write_run_end(r, out);
	r->held = true;
	r->ev = *ev;
	return over;
}

bool write_run_end(struct write_run *r, struct link_event *out)
{
	if (!r->held)
		return false;
	r->held = false;
	*out = r->ev;
	return true;
}
