/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An entry of 8 bytes that the guest writes in two halves: the instructions between the two stores, and the second store, are
 * emulated behind the first one, so that both stores are one event (link/write_pair.h). Thread: the vCPU's own.
 */
#ifndef SHADOWPOOL_TRAPD_WRITE_PAIR_INSNS_H
#define SHADOWPOOL_TRAPD_WRITE_PAIR_INSNS_H

#include "trapd/cpu/vcpu.h"

/*
 * A store to gva that may be the first half of a pair has just been emulated. Emulate up to four more instructions, as long as
 * they touch registers only, until the store of the other half is done. Returns 0, or what emulation returned (vcpu.h);
 * instructions that are done stay done.
 */
int write_pair_absorb(struct vcpu *v, uint64_t gva);
/*
 * Can a store be the first half of a pair: aligned, 4 of 8 bytes of an entry, and no single step or breakpoint must see it alone?
 */
bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size);

#endif
