// SPDX-License-Identifier: GPL-2.0-or-later
/* The test pair of link_pair.h. Its server loop has the shape of poold's, without libevent. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/common/link_pair.h"

#define STREAM_MAGIC	0x9e3779b97f4a7c15ull
#define RAM_BYTES	(64u << 20)

int pair_create(struct link_pair *p, uint32_t nvcpu, uint32_t nslots, uint32_t start_index)
{
	int rc;

	*p = (struct link_pair){
		.params = { .epoch = 7, .vm_id = 1, .nvcpu = nvcpu, .nslots = nslots, .start_index = start_index },
		.link_t = MEMFD_NONE, .link_p = MEMFD_NONE, .seen_t = MEMFD_NONE, .seen_p = MEMFD_NONE,
		.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	rc = memfd_create_sealed(&p->link_t, "link-t", LINK_T_SIZE(nslots, nvcpu), MEMFD_4K, true, false);
	if (!rc)
		rc = memfd_create_sealed(&p->link_p, "link-p", LINK_P_SIZE, MEMFD_4K, true, false);
	if (!rc)
		rc = memfd_open_sealed(&p->seen_t, dup(p->link_t.fd), p->link_t.size, false);
	if (!rc)
		rc = memfd_open_sealed(&p->seen_p, dup(p->link_p.fd), p->link_p.size, false);
	if (rc) {
		pair_destroy(p);
		return rc;
	}
	link_t_init(p->link_t.base, &p->params);
	link_p_init(p->link_p.base, &p->params);
	return 0;
}

void pair_destroy(struct link_pair *p)
{
	memfd_close(&p->link_t);
	memfd_close(&p->link_p);
	memfd_close(&p->seen_t);
	memfd_close(&p->seen_p);
	close(p->eventfd);
	p->eventfd = -1;
}

void pair_client(struct link_pair *p, struct link_client *c, uint32_t vcpu)
{
	link_client_init(c, p->link_t.base, p->seen_p.base, p->eventfd, &p->params, vcpu);
}

void pair_server(struct link_pair *p, struct link_server *s)
{
	link_server_init(s, p->seen_t.base, p->link_p.base, &p->params);
}

void pair_event(struct link_event *ev, uint64_t i)
{
	*ev = (struct link_event){
		.ev_type = LINK_EV_WRITE, .ev_size = 8, .ev_count = 1, .ev_flags = LINK_EVF_LAST,
		.ev_gpa = i * 8 % RAM_BYTES, .ev_new = { i, ~i }, .ev_old = { i * STREAM_MAGIC, i << 7 }, .ev_rip = i ^ STREAM_MAGIC,
	};
}

static bool event_is(const struct link_event *ev, uint64_t i)
{
	struct link_event want;

	pair_event(&want, i);
	want.ev_seq = ev->ev_seq;
	return !memcmp(ev, &want, sizeof(want));
}

int pair_request(struct link_client *c, uint64_t posted)
{
	struct link_req req = { .rq_op = LINK_OP_NOP, .rq_gva = posted };
	uint64_t touch[POOL_MAX_TOUCH];
	struct link_rep rep;
	int rc = link_client_request(c, &req, &rep, touch);

	if (rc)
		return rc;
	if (rep.rp_gva != (posted ^ STREAM_MAGIC) || rep.rp_ntouch != posted % 3 ||
	    (rep.rp_ntouch && touch[rep.rp_ntouch - 1] != posted))
		return -EBADMSG;
	return 0;
}

static int take_events(struct link_server *s, uint32_t v, struct pair_stream *stream)
{
	struct link_event ev[RING_BATCH];
	int n = link_server_events(s, v, ev), i;

	for (i = 0; i < n; i++)
		if (!event_is(&ev[i], stream->next_event++))
			return -EBADMSG;
	return n;
}

static int answer(struct link_server *s, uint32_t v, const struct link_req *req, struct pair_stream *streams)
{
	struct link_rep rep = { .rp_op = req->rq_op, .rp_gva = req->rq_gva ^ STREAM_MAGIC, .rp_ntouch = req->rq_gva % 3 };
	uint64_t touch[POOL_MAX_TOUCH] = { req->rq_gva, req->rq_gva };
	uint32_t w;

	for (w = 0; w < s->params.nvcpu; w++) {
		int64_t left;

		while ((left = link_server_claimed(s, v, w, req)) > 0) {
			int rc = take_events(s, w, &streams[w]);

			if (rc < 0)
				return rc;
		}
		if (left < 0)
			return (int)left;
	}
	/* The promise of the ring: every event before the request is consumed before the answer. */
	if (streams[v].next_event != req->rq_gva)
		return -EBADMSG;
	streams[v].requests++;
	link_server_reply(s, v, &rep, touch);
	return 1;
}

int pair_poll(struct link_server *s, struct pair_stream *streams)
{
	struct link_req req;
	int worked = 0;
	uint32_t v;

	for (v = 0; v < s->params.nvcpu; v++) {
		int rc = take_events(s, v, &streams[v]);

		if (rc < 0)
			return rc;
		worked |= rc > 0;
		rc = link_server_request(s, v, &req);
		if (rc > 0)
			rc = answer(s, v, &req, streams);
		if (rc < 0)
			return rc;
		worked |= rc;
	}
	return worked;
}

int pair_serve(struct link_server *s, struct pair_stream *streams, int eventfd, int sleep_ms)
{
	int rc = pair_poll(s, streams);

	if (rc || link_server_spin(s))
		return rc;
	if (link_server_arm(s)) {
		struct pollfd pfd = { .fd = eventfd, .events = POLLIN };
		int n = poll(&pfd, 1, sleep_ms);

		link_server_disarm(s, n == 0);
		if (n > 0)
			return link_server_drain(eventfd);
	}
	return 0;
}
