/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real-address mode of a vCPU that has been started; see real_mode.c. Thread: the vCPU's own. */
#ifndef SHADOWPOOL_TRAPD_REAL_MODE_H
#define SHADOWPOOL_TRAPD_REAL_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/cpu/vcpu.h"

/* CR0.PE is 0. */
bool real_mode(const struct cpu_state *c);
/* A segment register gets base 16 * selector and a limit of 64 KiB; CS keeps its limit. */
void real_mode_load(struct vcpu *v, enum sreg sreg, uint16_t selector);
/*
 * The real CPU has loaded sreg by itself, from a null selector or from the descriptor that stands for CS. true: the register
 * has been made what it should be, and the instruction that trapped is to be run again.
 */
bool real_mode_adopt(struct vcpu *v, enum sreg sreg, const struct segment *real);

#endif
