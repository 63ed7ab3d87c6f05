/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INIT and start-up messages: how a vCPU waits, begins and begins again. SDM vol. 3A 8.4, 9.1. */
#ifndef SHADOWPOOL_TRAPD_STARTUP_H
#define SHADOWPOOL_TRAPD_STARTUP_H

#include <stdint.h>

#include "trapd/cpu/vcpu.h"

/* From the local APICs, any thread; for irqs_ops. A start-up message counts only for a vCPU that waits for one. */
void startup_init(void *vm, unsigned cpu);
void startup_begin(void *vm, unsigned cpu, uint8_t vector);
/* A vCPU other than the first one, before its thread starts: it waits. */
void startup_wait(struct vcpu *v);
/* On the vCPU's thread: obey what has come since. 0: go on if !v->waits_for_startup; -ECANCELED: the first vCPU was reset. */
int startup_take(struct vcpu *v);

#endif
