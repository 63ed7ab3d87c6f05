/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real-address mode of a vCPU that has been started; see real_mode.c. Thread: the vCPU's own. */
#ifndef SHADOWPOOL_TRAPD_REAL_MODE_H
#define SHADOWPOOL_TRAPD_REAL_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/cpu/vcpu.h"

/* CR0.PE is 0. */
bool real_mode(const struct cpu_state *c);
/*
 * Load a segment register as real-address mode does: the base is 16 * selector, the limit 64 KiB; CS keeps the limit that it has.
 */
void real_mode_load(struct vcpu *v, enum sreg sreg, uint16_t selector);
/*
 * Called at a trap. The real CPU, which is not in real-address mode, may have loaded sreg natively with a value (real) that
 * real-address mode would not give: from a null selector, or from the descriptor that stands in for CS. true: that was so, the
 * virtual register is right now, and the instruction that trapped must be run again.
 */
bool real_mode_adopt(struct vcpu *v, enum sreg sreg, const struct segment *real);

#endif
