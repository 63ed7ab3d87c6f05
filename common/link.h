/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of one link: rings, mailboxes and the wake protocol over the mapped objects. No sockets, no policy: the attach
 * handshake is common/attach.h. Sites R1, Q1..Q3, W1..W4, L1..L3, P4 of doc/ring.md.
 */
#ifndef SHADOWPOOL_COMMON_LINK_H
#define SHADOWPOOL_COMMON_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ring.h"
#include "common/shm_layout.h"

/* What both sides agreed on at attach; nothing here is ever taken from the peer's header. */
struct link_params {
	uint64_t epoch;
	uint64_t vm_id;
	uint32_t nvcpu;
	uint32_t nslots;
	uint32_t start_index;
};

struct link_counters {		/* single writer: the thread that owns the end */
	uint64_t events, requests, stalls, stall_ns, spins, sleeps, kicks, lost_wakes, batches;
};

/* trapd's end for one vCPU. Thread: that vCPU's, except link_client_kill. */
struct link_client {
	struct ring_spsc_producer ring;
	struct link_t_vcpu *mine;
	const struct link_p_vcpu *theirs;
	const struct link_p_loop *loop;
	int eventfd;			/* wakes poold's loop; not owned */
	uint32_t seq;			/* last request sent */
	uint32_t dead;			/* atomic: set by link_client_kill from any thread */
	uint64_t spin_ns;		/* moving average for the wait budget */
	struct link_counters count;
};

/* Write the header and index of trapd's object. base: link-t, mapped read-write, zeroed. */
void link_t_init(void *base, const struct link_params *p);
/* The same for poold's object link-p. */
void link_p_init(void *base, const struct link_params *p);
/* Compare a peer's header with what was agreed. 0, or -EPROTO. */
int link_t_check(const void *base, const struct link_params *p);
int link_p_check(const void *base, const struct link_params *p);

void link_client_init(struct link_client *c, void *link_t, const void *link_p, int eventfd, const struct link_params *p,
		      uint32_t vcpu);
/*
 * Post one event: pushes, and waits on head while the ring is full. Published by link_client_publish or the next request.
 * 0; -ENOTCONN dead link; -EPROTO broken peer.
 */
int link_client_post(struct link_client *c, const struct link_event *ev);
void link_client_publish(struct link_client *c);
/*
 * Send one request and wait for its reply. req: everything but rq_seq, rq_tail is filled by the caller. touch[] gets
 * rp_ntouch addresses. 0; -ENOTCONN; -EPROTO: reply not valid by mailbox rules (seq, op, enums, reserved fields).
 * Addresses in the reply are checked by the caller, who knows the pool window.
 */
int link_client_request(struct link_client *c, const struct link_req *req, struct link_rep *rep,
			uint64_t touch[LINK_MAX_TOUCH]);
/* Any thread: mark dead and wake the waiter; every later call returns -ENOTCONN. */
void link_client_kill(struct link_client *c);

/* poold's end for one vCPU. Thread: the link's. */
struct link_server_vcpu {
	struct ring_spsc_consumer ring;
	const struct link_t_vcpu *theirs;
	struct link_p_vcpu *mine;
	uint32_t seq;			/* last request answered */
};

struct link_server {
	struct link_params params;
	struct link_p_loop *loop;
	struct link_server_vcpu vcpu[LINK_MAX_VCPUS];
	struct link_counters count;
};

void link_server_init(struct link_server *s, const void *link_t, void *link_p, const struct link_params *p);
/* Take up to RING_BATCH events of vCPU v; see ring_take. Releases head lazily. */
int link_server_events(struct link_server *s, uint32_t v, struct link_event *out);
/*
 * Is there a request of vCPU v (Q1)? 1: copied to *req, -EPROTO: broken peer, 0: none. The caller then consumes every ring
 * up to link_server_claimed() before it answers.
 */
int link_server_request(struct link_server *s, uint32_t v, struct link_req *req);
/* Tail of ring w that a request of vCPU v claims (rq_tail for w == v, tails[w] else), as a count of events still to consume. -EPROTO. */
int64_t link_server_claimed(struct link_server *s, uint32_t v, uint32_t w, const struct link_req *req);
/* Answer (Q2, Q3): rep everything but rp_seq; touch holds rp_ntouch addresses if that is 1 to 8. */
void link_server_reply(struct link_server *s, uint32_t v, const struct link_rep *rep, const uint64_t *touch);
/* Publish heads and wake producers that wait for room. */
void link_server_release(struct link_server *s);
/* L1..L3: true if armed and nothing is to do, so the caller may sleep (at most 100 ms) on the eventfd; else stays disarmed. */
bool link_server_arm(struct link_server *s);
void link_server_disarm(struct link_server *s);

bool mailbox_valid(const struct link_req *req, const struct link_rep *rep);

#endif
