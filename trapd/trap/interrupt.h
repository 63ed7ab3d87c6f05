/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt injection: external interrupts and HLT as a vCPU thread sees them, between the controllers (devices/irq.h) and
 * delivery through the guest's IDT. Thread: the vCPU's own, unless said otherwise.
 */
#ifndef SHADOWPOOL_TRAPD_INTERRUPT_H
#define SHADOWPOOL_TRAPD_INTERRUPT_H

#include <stdbool.h>

#include "trapd/cpu/vcpu.h"
#include "trapd/trap/next.h"

/*
 * The interrupt controllers may have something for this vCPU: it is kicked, once until it has looked. A function of
 * struct irqs_ops, with the struct machine as context. Thread: any, with the bus lock held.
 */
void interrupt_notify(void *machine, unsigned cpu);

/*
 * Called before each entry, at an instruction boundary of the guest. Delivers a pending interrupt if IF is 1 and no STI or MOV SS
 * shadow is in force; a delivery ends a HLT. In a shadow the instruction that it covers is emulated first, or will be stepped
 * (v->priv->shadow_step). If IF is 0 and native, KVM is asked to exit when IF becomes 1. Returns NEXT_EXCEPTION: the emulated
 * instruction raised one, deliver it and call again; else what follows.
 */
enum next interrupt_before_entry(struct vcpu *v);
/*
 * Called after an exit without a trap, when the vCPU could be entered again as it stands. true: an interrupt can be delivered
 * now, so the guest's registers must be taken over first. false: not so; if an interrupt waits for IF, KVM is asked to exit when
 * IF becomes 1.
 */
bool interrupt_wants_state(struct vcpu *v);
/* Before the vCPU's first entry, and after its last one. */
void interrupt_thread_begin(struct vcpu *v);
void interrupt_thread_end(struct vcpu *v);

#endif
