// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ring of write events. Producer functions run on trapd's vCPU thread, consumer functions on poold's link thread;
 * the other side's index and slots are hostile. No system calls, no waiting: that is link_client.c and link_server.c.
 */
#include <errno.h>
#include <string.h>

#include "common/barrier.h"
#include "common/link_priv.h"
#include "common/ring.h"

#ifdef BARRIER_TSAN
uint32_t barrier_tsan_word;
#endif

void ring_producer_init(struct ring_spsc_producer *r, struct link_event *slots, uint32_t *tail, const uint32_t *head,
			uint32_t nslots, uint32_t start)
{
	*r = (struct ring_spsc_producer){
		.slots = slots, .tail = tail, .head = head, .mask = nslots - 1,
		.next = start, .published = start, .head_seen = start,
	};
	store_release(tail, start);
}

void ring_consumer_init(struct ring_spsc_consumer *r, const struct link_event *slots, const uint32_t *tail,
			uint32_t *head, uint32_t nslots, uint32_t start)
{
	*r = (struct ring_spsc_consumer){
		.slots = slots, .tail = tail, .head = head, .mask = nslots - 1, .next = start, .published = start,
	};
	store_release(head, start);
}

int ring_push(struct ring_spsc_producer *r, const struct link_event *ev)
{
	uint32_t nslots = r->mask + 1;
	struct link_event *slot;

	if (r->next - r->head_seen >= nslots) {
		/* P1, pairs with C3: the slots up to head are read, so they may be overwritten. */
		uint32_t head = load_acquire(r->head);

		if (r->next - head > nslots)
			return -EPROTO;
		r->head_seen = head;
		if (r->next - head == nslots)
			return -EAGAIN;
	}
	/* P2: nobody looks at this slot before P3. */
	slot = &r->slots[r->next & r->mask];
	*slot = *ev;
	slot->ev_seq = r->next++;
	return 0;
}

bool ring_publish(struct ring_spsc_producer *r)
{
	if (r->published == r->next)
		return false;
	r->published = r->next;
	/* P3, pairs with C1. */
	store_release(r->tail, r->next);
	return true;
}

int ring_take(struct ring_spsc_consumer *r, struct link_event *out, uint32_t max)
{
	uint32_t nslots = r->mask + 1;
	/* C1, pairs with P3. */
	uint32_t tail = load_acquire(r->tail);
	uint32_t used = tail - r->published, taken = r->next - r->published, n, i;

	/* Beyond our head by more than the ring holds, or taken back after it was published. */
	if (used > nslots || used < taken)
		return -EPROTO;
	n = used - taken;
	if (n > max)
		n = max;
	if (n > RING_BATCH)
		n = RING_BATCH;
	/* C2: copy all, then look at the copies only; a hostile producer may still be writing. */
	for (i = 0; i < n; i++)
		memcpy(&out[i], &r->slots[(r->next + i) & r->mask], sizeof(out[i]));
	fence_compiler();
	for (i = 0; i < n; i++)
		if (out[i].ev_seq != r->next + i)
			return -EPROTO;
	r->next += n;
	return (int)n;
}

void ring_release(struct ring_spsc_consumer *r)
{
	r->published = r->next;
	/* C3, pairs with P1: every copy of C2 comes before it. */
	store_release(r->head, r->next);
}

int64_t ring_behind(const struct ring_spsc_consumer *r, uint32_t claimed_tail)
{
	uint32_t behind = claimed_tail - r->next;

	return behind > r->mask + 1 ? -EPROTO : (int64_t)behind;
}

bool ring_valid(const struct link_event *slots, uint32_t nslots, uint32_t head, uint32_t tail)
{
	uint32_t i;

	if (!nslots || (nslots & (nslots - 1)) || tail - head > nslots)
		return false;
	for (i = head; i != tail; i++)
		if (slots[i & (nslots - 1)].ev_seq != i)
			return false;
	return true;
}

bool ring_repair(struct ring_spsc_producer *r)
{
	uint32_t tail = load_relaxed(r->tail);
	bool changed = r->next != tail || r->published != tail;

	r->next = r->published = tail;
	return changed;
}
