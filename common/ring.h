/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single-producer single-consumer ring of write events (struct link_event). trapd's vCPU thread produces, poold's link
 * thread consumes. Head and tail are free-running u32 in memory of their own writer; each side keeps its index private.
 * Memory ordering: sites P1..P4 and C1..C3 of doc/ring.md.
 */
#ifndef SHADOWPOOL_COMMON_RING_H
#define SHADOWPOOL_COMMON_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shm_layout.h"

#define RING_BATCH 32u

struct ring_spsc_producer {
	struct link_event *slots;	/* shared, ours to write */
	uint32_t *tail;			/* shared, ours to write */
	const uint32_t *head;		/* shared, the peer's */
	uint32_t mask;
	uint32_t next;			/* private: next index to fill */
	uint32_t published;		/* private: value of *tail */
	uint32_t head_seen;		/* private copy of *head */
};

struct ring_spsc_consumer {
	const struct link_event *slots;
	const uint32_t *tail;
	uint32_t *head;
	uint32_t mask;
	uint32_t next;			/* private: next index to take */
	uint32_t published;		/* private: value of *head */
};

/* nslots: power of two. start: first index, the same on both sides. The shared index is stored. */
void ring_producer_init(struct ring_spsc_producer *r, struct link_event *slots, uint32_t *tail, const uint32_t *head,
			uint32_t nslots, uint32_t start);
void ring_consumer_init(struct ring_spsc_consumer *r, const struct link_event *slots, const uint32_t *tail,
			uint32_t *head, uint32_t nslots, uint32_t start);

/*
 * Put one event into the next slot; ev_seq is set here. Not visible until ring_publish. -EAGAIN: full. -EPROTO: the
 * peer's head is nonsense.
 */
int ring_push(struct ring_spsc_producer *r, const struct link_event *ev);
/* Publish all pushed events (P3). Returns true if anything was published: the caller then runs the wake check (P4). */
bool ring_publish(struct ring_spsc_producer *r);

/*
 * Copy up to max (<= RING_BATCH) events out (C1, C2) and check ev_seq of each copy. Returns the number, 0 if none;
 * -EPROTO: tail or a sequence number is nonsense, detach.
 */
int ring_take(struct ring_spsc_consumer *r, struct link_event *out, uint32_t max);
/* Publish head (C3). The caller then runs the wake check for a producer that waits on head. */
void ring_release(struct ring_spsc_consumer *r);
/* Events between our head and a claimed tail; -EPROTO if more than nslots. */
int64_t ring_behind(const struct ring_spsc_consumer *r, uint32_t claimed_tail);

/* Nobody is running: slot count, tail - head <= N, each slot in [head, tail) carries its own index. */
bool ring_valid(const struct link_event *slots, uint32_t nslots, uint32_t head, uint32_t tail);
/* Nobody is running: sets the producer's private index back to the published tail; true if that changed something. */
bool ring_repair(struct ring_spsc_producer *r);

#endif
