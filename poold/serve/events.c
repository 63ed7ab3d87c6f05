/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consumer side of the write events. The link layer has copied and checked each event as far as it can without knowing
 * RAM; what is left to check is where it points to. poold, the session's thread.
 */
#include "poold/serve/events.h"

#include <errno.h>

#include "common/guest_ram.h"

/* How many bytes of guest RAM an event covers, by type. */
static uint64_t event_bytes(const struct link_event *ev)
{
	return ev->ev_type == LINK_EV_RANGE ? ev->ev_count : (uint64_t)ev->ev_size * ev->ev_count;
}

static int event_apply(struct session *s, uint32_t v, const struct link_event *ev)
{
	struct pool_call call = {
		.op = ev->ev_type == LINK_EV_RANGE ? POOL_CALL_RANGE_CHANGED : POOL_CALL_GUEST_WRITE,
		.vcpu = v, .gpa = ev->ev_gpa, .len = event_bytes(ev),
	};

	if (!guest_ram_contains(&s->config.ram, call.gpa, call.len)) {
		s->reject = "event outside RAM";
		return -EPROTO;
	}
	if (call.op == POOL_CALL_GUEST_WRITE) {
		call.flags = ev->ev_flags & LINK_EVF_USER ? POOL_CALLF_USER : 0;
		call.write_class = (ev->ev_flags & LINK_CLASS_MASK) >> LINK_CLASS_SHIFT;
		call.rip = ev->ev_rip;
	}
	session_call(s, &call);
	return s->out.result.status >= POOL_E_RANGE ? -EIO : 0;
}

int events_poll(struct session *s, uint32_t v)
{
	struct link_event batch[RING_BATCH];
	int n = link_server_events(&s->link, v, batch);

	for (int i = 0; i < n; i++) {
		int rc = event_apply(s, v, &batch[i]);

		if (rc)
			return rc;
	}
	if (n < 0)
		s->reject = link_fault_text(s->link.fault);
	return n;
}

int events_catch_up(struct session *s, uint32_t v, const struct link_req *req)
{
	for (uint32_t w = 0; w < s->config.nvcpu; w++) {
		int64_t behind = link_server_claimed(&s->link, v, w, req);

		if (behind < 0) {
			s->reject = link_fault_text(s->link.fault);
			return -EPROTO;
		}
		while (behind > 0) {
			int n = events_poll(s, w);

			if (n < 0)
				return n;
			/* The claim was checked against the tail, so nothing to take means that it moved back. */
			if (!n) {
				s->reject = "claimed events are not there";
				return -EPROTO;
			}
			behind -= n;
		}
	}
	return 0;
}
