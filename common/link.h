/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of one link: rings, mailboxes and the wake protocol over the mapped objects. No sockets, no policy: the
 * attach handshake is common/attach.h. Sites R1, Q1..Q3, W1..W4, L1..L3, P4 of doc/ring.md.
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

/* Why an end called its peer broken (-EPROTO), for logs and counters. */
enum link_fault {
	LINK_FAULT_NONE, LINK_FAULT_HEAD, LINK_FAULT_TAIL, LINK_FAULT_EVENT, LINK_FAULT_REQUEST_SEQ, LINK_FAULT_REQUEST,
	LINK_FAULT_CLAIM, LINK_FAULT_REPLY_SEQ, LINK_FAULT_REPLY, LINK_FAULT_COUNT
};

/* One line for people; "unknown" for a number that is none of enum link_fault. */
const char *link_fault_text(enum link_fault fault);

struct link_counters {		/* single writer: the thread that owns the end; others read with load_relaxed */
	uint64_t events, requests, stalls, stall_ns, spins, sleeps, kicks, lost_wakes, batches;
};

/* trapd's end for one vCPU. Thread: that vCPU's, except link_client_kill. */
#define LINK_SLEEP_MS	100u		/* longest sleep without another look */
#define LINK_STUCK_MS	10000u		/* a peer that does not move for so long is given up */

struct link_client {
	struct ring_spsc_producer ring;
	struct link_t_vcpu *mine;
	const struct link_p_vcpu *theirs;
	const struct link_p_loop *loop;
	int eventfd;			/* wakes poold's loop; not owned */
	uint32_t seq;			/* last request sent */
	uint32_t cpu;			/* private copy of lt_cpu */
	uint32_t dead;			/* atomic: set by link_client_kill from any thread */
	enum link_fault fault;		/* why the last -EPROTO */
	uint64_t spin_ns;		/* moving average of the response time, for the wait budget */
	struct link_counters count;
};

/* Write the header and indices of trapd's object, before it is sent. base: link-t, mapped read-write, zeroed. */
void link_t_init(void *base, const struct link_params *p);
/* The same for poold's object link-p. */
void link_p_init(void *base, const struct link_params *p);
/* Compare a peer's header with what was agreed. 0, or -EPROTO. */
int link_t_check(const void *base, const struct link_params *p);
int link_p_check(const void *base, const struct link_params *p);

void link_client_init(struct link_client *c, void *link_t, const void *link_p, int eventfd, const struct link_params *p,
		      uint32_t vcpu);
/*
 * Post one event: pushes, and waits on head while the ring is full. Published by link_client_publish, by the next
 * request, or when RING_BATCH events have come together. 0; -ENOTCONN dead link; -EPROTO broken peer; -ETIMEDOUT: no
 * room within LINK_STUCK_MS, detach.
 */
int link_client_post(struct link_client *c, const struct link_event *ev);
void link_client_publish(struct link_client *c);
/* Tail that c's vCPU has published. Any thread of the process, while the objects stay mapped. Acquire, pairs with P3. */
uint32_t link_client_tail(const struct link_client *c);
/*
 * VMs with several vCPUs: before a request, name the tail of every other vCPU's ring that poold must consume first
 * (an acquire load of that vCPU's lt_tail). other: not the own vCPU.
 */
void link_client_claim(struct link_client *c, uint32_t other, uint32_t tail);
/*
 * Send one request and wait for its reply. req: everything but rq_seq, rq_tail is filled by the caller. touch[] gets
 * rp_ntouch addresses. 0; -ENOTCONN; -EPROTO: reply not valid by mailbox rules (seq, op, enums, reserved fields);
 * -ETIMEDOUT: no reply within LINK_STUCK_MS, detach as after -EPROTO. Signals do not end the wait.
 * Addresses in the reply are checked by the caller, who knows the pool window.
 */
int link_client_request(struct link_client *c, const struct link_req *req, struct link_rep *rep,
			uint64_t touch[POOL_MAX_TOUCH]);
/*
 * Any thread: mark dead and wake the waiter; every later call returns -ENOTCONN. The objects stay mapped until the
 * vCPU's thread has returned from its call.
 */
void link_client_kill(struct link_client *c);

/* poold's end for one vCPU. Thread: the link's. */
struct link_server_vcpu {
	struct ring_spsc_consumer ring;
	const struct link_t_vcpu *theirs;
	struct link_p_vcpu *mine;
	uint32_t seq;			/* last request answered */
	uint32_t claimed[LINK_MAX_VCPUS];	/* tails of the request in hand, read once */
};

struct link_server {
	struct link_params params;
	struct link_p_loop *loop;
	struct link_server_vcpu vcpu[LINK_MAX_VCPUS];
	uint32_t wake_after;		/* events that wake a sleeping loop: 1; nslots / 4 on one CPU */
	uint32_t cpu;			/* private copy of ll_cpu */
	enum link_fault fault;		/* why the last -EPROTO */
	uint64_t idle_ns;		/* moving average of the idle time, for the wait budget */
	uint64_t idle_since;		/* CLOCK_MONOTONIC, ns; 0: not idle */
	struct link_counters count;
};

void link_server_init(struct link_server *s, const void *link_t, void *link_p, const struct link_params *p);
/*
 * Take up to RING_BATCH events of vCPU v; see ring_take. Releases head lazily. Type, size, count, flags and page
 * borders of each copy are checked here (-EPROTO); that ev_gpa is RAM is the caller's to check.
 */
int link_server_events(struct link_server *s, uint32_t v, struct link_event *out);
/*
 * Is there a request of vCPU v (Q1)? 1: copied to *req, -EPROTO: broken peer, 0: none. rq_op, rq_nwalk and rq_flags
 * are in range. The caller then consumes every ring up to link_server_claimed() before it answers.
 */
int link_server_request(struct link_server *s, uint32_t v, struct link_req *req);
/*
 * Tail of ring w that a request of vCPU v claims (rq_tail for w == v, tails[w] else), as a count of events still to
 * consume. -EPROTO: it claims more than is published.
 */
int64_t link_server_claimed(struct link_server *s, uint32_t v, uint32_t w, const struct link_req *req);
/* Answer (Q2, Q3): rep everything but rp_seq; touch holds rp_ntouch addresses if that is 1 to 8. */
void link_server_reply(struct link_server *s, uint32_t v, const struct link_rep *rep, const uint64_t *touch);
/* Publish heads and wake producers that wait for room. */
void link_server_release(struct link_server *s);
/*
 * Nothing found by a poll of all vCPUs: look on for a while, if the peer runs on another CPU and waiting has paid off
 * lately. Publishes heads first. true: there is work (or a broken index: the next poll says so).
 */
bool link_server_spin(struct link_server *s);
/*
 * L1..L3: true if armed and nothing is to do, so the caller may sleep (at most LINK_SLEEP_MS) on the eventfd; else
 * stays disarmed.
 */
bool link_server_arm(struct link_server *s);
/* After the sleep. timed_out: no kick came; work that should have been announced then counts as a lost wake. */
void link_server_disarm(struct link_server *s, bool timed_out);
/*
 * Take the kicks out of the eventfd, which is trapd's. Never blocks, whatever trapd makes of the descriptor later.
 * 0, also if there are none; -EPROTO: it cannot be read like an eventfd.
 */
int link_server_drain(int eventfd);

/* Nobody is running: the reply is the request's or the one before it. */
bool link_mailbox_valid(const struct link_req *req, const struct link_rep *rep);

#endif
