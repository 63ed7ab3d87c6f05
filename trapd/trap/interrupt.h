/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt injection: external interrupts and HLT as a vCPU thread sees them, between the controllers (devices/irq.h) and delivery through the
 * guest's IDT. Thread: the vCPU's own, unless said otherwise.
 */
#ifndef SHADOWPOOL_TRAPD_INTERRUPT_H
#define SHADOWPOOL_TRAPD_INTERRUPT_H

#include <stdbool.h>

#include "trapd/cpu/vcpu.h"
#include "trapd/devices/irq.h"

/* For irqs_create(); its context is the struct vm. */
extern const struct irqs_ops interrupt_irqs_ops;

/*
 * Before each entry, at an instruction boundary of the guest: deliver what is pending if IF is 1 and no STI or MOV SS shadow is
 * in force, which ends a HLT. A shadow is ended by emulating the instruction that it covers, or by stepping it
 * (v->priv->shadow_step); where IF is the real one and 0 KVM is asked to exit as soon as that changes.
 * 0: go on; -EFAULT: emulating raised an exception, settle it and come again; other values of vcpu.h.
 */
int interrupt_before_entry(struct vcpu *v);
/*
 * After an exit that could be entered again as it stands: must the guest's registers be taken over first, because an interrupt
 * can be delivered now? If not, asks for the window where that is needed.
 */
bool interrupt_wants_state(struct vcpu *v);
/* Before the vCPU's first entry, and after its last. */
void interrupt_thread_begin(struct vcpu *v);
void interrupt_thread_end(struct vcpu *v);

#endif
