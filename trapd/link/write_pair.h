/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 32-bit code writes an entry of 8 bytes by two stores of 4. The event of the first store waits until the second store is done,
 * and one event tells of both. doc/pool.md, "Writes to monitored tables", switch "pair".
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_PAIR_H
#define SHADOWPOOL_TRAPD_WRITE_PAIR_H

#include <stdbool.h>

#include "common/shm_layout.h"

struct insn;
struct vcpu;

struct write_pair {
	bool open;			/* events of halves are held at present */
	bool held;			/* ev is an event that waits */
	struct link_event ev;		/* that of the first half */
};

/*
 * ev is to be posted while the pair is open. out[] gets the events to post now, their number is returned: none if ev is the first
 * half of an entry, which is held; one for both halves if ev is the other half; else the event that was held, if any, and ev.
 * Pure.
 */
unsigned write_pair_add(struct write_pair *p, const struct link_event *ev, struct link_event out[2]);
/* No other half will come. Returns 1 if an event was held, which *out gets to be posted; else 0. Pure. */
unsigned write_pair_end(struct write_pair *p, struct link_event *out);
/*
 * A store to gva that may be the first half of a pair has just been emulated. Emulate up to four more instructions, as long as
 * they touch registers only, until the store of the other half is done. Returns 0, or what emulation returned (vcpu.h);
 * instructions that are done stay done. Thread: the vCPU's own.
 */
int write_pair_absorb(struct vcpu *v, uint64_t gva);
/*
 * Can a store be the first half of a pair: aligned, 4 of 8 bytes of an entry, and no single step or breakpoint must see it alone?
 */
bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size);

#endif
