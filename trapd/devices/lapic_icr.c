/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt messages: who is meant, and what each kind does there. In trapd, under the bus lock.
 * Source: SDM vol. 3A 10.6 (ICR, destinations, lowest priority), 8.4 (INIT and start-up messages).
 */
#include <stddef.h>

#include "trapd/devices/lapic_priv.h"

enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

#define ICR_LOGICAL	(1u << 11)
#define ICR_ASSERT	(1u << 14)
#define ICR_LEVEL	(1u << 15)

/* Flat model: one bit per processor. Cluster model: a cluster and a set within it; cluster 15 is all. 10.6.2.2. */
static bool is_logical_dest(const struct lapic *l, uint8_t dest)
{
	uint8_t id = (uint8_t)(l->ldr >> 24);

	if (l->dfr >> 28 == 15)
		return id & dest;
	return (dest >> 4 == 15 || dest >> 4 == id >> 4) && (id & dest & 15);
}

static bool is_dest(const struct lapic *l, uint8_t dest, bool logical)
{
	if (!l->enabled)
		return false;
	if (logical)
		return is_logical_dest(l, dest);
	return dest == 0xff || dest == l->id >> 24;
}

static void deliver(struct lapic *l, uint8_t mode, uint8_t vector, bool level)
{
	const struct lapics_ops *ops = l->all->ops;
	void *ctx = l->all->ctx;

	switch (mode) {
	case APIC_FIXED:
	case APIC_LOWEST:
		/* one that software has disabled takes no vectors: 10.4.7.2 */
		if (l->svr & SVR_ENABLED)
			lapic_request(l, vector, level);
		break;
	case APIC_NMI:
		if (ops->nmi)
			ops->nmi(ctx, l->cpu);
		break;
	case APIC_INIT:
		if (!ops->init)
			break;
		lapic_reset(l);
		ops->init(ctx, l->cpu);
		break;
	case APIC_STARTUP:
		if (ops->startup)
			ops->startup(ctx, l->cpu, vector);
		break;
	default:
		break;		/* SMI: there is no SMM; ExtINT: the I/O APIC's and LINT0's business */
	}
}

/* The one with the lowest processor priority; among equals they take turns. */
static struct lapic *lowest(struct lapics *all, uint8_t dest, bool logical)
{
	struct lapic *best = NULL;

	for (unsigned i = 0; i < all->cpus; i++) {
		struct lapic *l = &all->cpu[(all->turn + i) % all->cpus];

		if (is_dest(l, dest, logical) && (l->svr & SVR_ENABLED) && (!best || lapic_ppr(l) < lapic_ppr(best)))
			best = l;
	}
	if (best)
		all->turn = (best->cpu + 1) % all->cpus;
	return best;
}

bool lapics_deliver(struct lapics *all, const struct apic_message *m)
{
	bool taken = false;
	struct lapic *l;

	if (m->mode == APIC_LOWEST) {
		l = lowest(all, m->dest, m->logical);
		if (l)
			deliver(l, m->mode, m->vector, m->level);
		return l;
	}
	for (unsigned i = 0; i < all->cpus; i++) {
		l = &all->cpu[i];
		if (!is_dest(l, m->dest, m->logical))
			continue;
		taken = true;
		deliver(l, m->mode, m->vector, m->level);
	}
	return taken;
}

static bool carries_vector(uint8_t mode)
{
	return mode == APIC_FIXED || mode == APIC_LOWEST;
}

void lapic_send(struct lapic *l)
{
	struct lapics *all = l->all;
	uint32_t icr = l->icr_low;
	unsigned shorthand = icr >> 18 & 3;
	struct apic_message m = { .dest = (uint8_t)(l->icr_high >> 24), .logical = icr & ICR_LOGICAL, .mode = icr >> 8 & 7,
				  .vector = (uint8_t)icr };

	/* INIT level de-assert only synchronises arbitration IDs: there are none. */
	if (m.mode == APIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
		return;
	if (carries_vector(m.mode) && m.vector < 16) {
		lapic_error(l, ESR_SEND_ILLEGAL);
		return;
	}
	if (shorthand == SHORTHAND_NONE) {
		lapics_deliver(all, &m);
		return;
	}
	for (unsigned i = 0; i < all->cpus; i++) {
		bool self = i == l->cpu;

		if (all->cpu[i].enabled && (shorthand == SHORTHAND_ALL || self == (shorthand == SHORTHAND_SELF)))
			deliver(&all->cpu[i], m.mode, m.vector, false);
	}
}
