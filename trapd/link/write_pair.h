/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An entry of 8 bytes that the guest writes in two halves, as 32-bit code does: the event of the first half waits until
 * the second one is done, and both are one event. doc/pool.md, switch "pair".
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_PAIR_H
#define SHADOWPOOL_TRAPD_WRITE_PAIR_H

#include <stdbool.h>

#include "common/shm_layout.h"

struct insn;
struct vcpu;

struct write_pair {
	bool open;			/* between write_pair_begin() and _end() */
	bool held;
	struct link_event ev;		/* the first half */
};

/*
 * Pure. An event that is to be posted, while the pair is open: out gets what is to be posted now, the number is returned.
 * The first half of an entry: nothing, it is held. The other half: one event for both. Anything else: what was held, then it.
 */
unsigned write_pair_add(struct write_pair *p, const struct link_event *ev, struct link_event out[2]);
/* Pure. Nothing more comes: 1 if out is to be posted. */
unsigned write_pair_end(struct write_pair *p, struct link_event *out);
/*
 * in, at gva, has just been emulated: emulate up to four more instructions, as long as they touch registers only, until
 * the one that stores the other half. 0, or what emulation returned (vcpu.h); the instructions done are done.
 */
int write_pair_absorb(struct vcpu *v, uint64_t gva);
/* May the store of size bytes at gva be the first half of a pair? */
bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size);

#endif
