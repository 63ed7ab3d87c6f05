/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of a link for tests: real objects, mapped as the daemons map them, a stream of events and requests that
 * checks its own order, and the loop that poold runs.
 */
#ifndef SHADOWPOOL_TESTS_LINK_PAIR_H
#define SHADOWPOOL_TESTS_LINK_PAIR_H

#include "common/link.h"
#include "common/memfd.h"

struct link_pair {
	struct link_params params;
	struct memfd link_t, link_p;	/* as their owners have them */
	struct memfd seen_t, seen_p;	/* as the peer sees them, read-only */
	int eventfd;
};

/* What the serving end has seen of one vCPU's stream. */
struct pair_stream {
	uint64_t next_event;		/* number that the next event must carry */
	uint64_t requests;
};

int pair_create(struct link_pair *p, uint32_t nvcpu, uint32_t nslots, uint32_t start_index);
void pair_destroy(struct link_pair *p);
void pair_client(struct link_pair *p, struct link_client *c, uint32_t vcpu);
void pair_server(struct link_pair *p, struct link_server *s);

/* Event and request number i of a stream. */
void pair_event(struct link_event *ev, uint64_t i);
/*
 * Send a request that names how many events were posted so far, and check the reply. 0, -EBADMSG, or what the link
 * says.
 */
int pair_request(struct link_client *c, uint64_t posted);
/*
 * One round of poold's loop over all vCPUs. Returns 1: worked, 0: idle, -EBADMSG: an event is out of order or a
 * request is answered too early, -EPROTO: broken peer.
 */
int pair_poll(struct link_server *s, struct pair_stream *streams);
/* pair_poll, and the sleep of an idle loop. sleep_ms: LINK_SLEEP_MS but in tests of the wake handshake. */
int pair_serve(struct link_server *s, struct pair_stream *streams, int eventfd, int sleep_ms);

#endif
