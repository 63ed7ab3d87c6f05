/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INIT and start-up messages: how a vCPU waits, begins and begins again. SDM vol. 3A 8.4, 9.1. */
#ifndef SHADOWPOOL_TRAPD_STARTUP_H
#define SHADOWPOOL_TRAPD_STARTUP_H

#include <stdint.h>

#include "trapd/cpu/vcpu.h"

/*
 * A local APIC has sent INIT, or a start-up message, to this vCPU; functions of struct irqs_ops, with the struct machine as
 * context. A start-up message is ignored by a vCPU that does not wait for one. Thread: any, with the bus lock held.
 */
void startup_init(void *machine, unsigned cpu);
void startup_begin(void *machine, unsigned cpu, uint8_t vector);
/* Before the thread of a vCPU other than the first one starts: it will wait for a start-up message. Thread: control. */
void startup_wait(struct vcpu *v);
/*
 * Do what INIT and start-up messages that have come demand. Returns 0: the vCPU goes on unless v->waits_for_startup; -ECANCELED:
 * the first vCPU was reset, which ends the VM. Thread: the vCPU's own.
 */
int startup_take(struct vcpu *v);

#endif
