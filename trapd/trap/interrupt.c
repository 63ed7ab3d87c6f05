/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When an external interrupt reaches the guest, see interrupt.h. Process trapd, the vCPU's own thread, but for the notification
 * by the controllers. Sources: SDM vol. 3A 6.8.1 (IF), 6.8.3 (MOV SS), vol. 2B STI (its shadow), HLT.
 */
#include "trapd/trap/interrupt.h"

#include <errno.h>

#include "common/barrier.h"
#include "common/counters.h"
#include "trapd/cpu/machine.h"
#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/insn/insn.h"
#include "trapd/link/kick.h"
#include "trapd/priv/deliver.h"
#include "trapd/priv/emulate_privileged.h"
#include "trapd/trap/vcpu_priv.h"

/* Interrupts that are delivered in a row, through gates that leave IF set, before the guest runs again. */
#define MAX_IN_A_ROW 16u

/* Kick the vCPU once. It is not kicked again before it has looked at the controllers, nor while it waits to take an interrupt. */
void interrupt_notify(void *machine, unsigned cpu)
{
	struct machine *m = machine;
	struct vcpu *v = &m->vcpu[cpu];

	if (cpu < m->nvcpu && !exchange_acq_rel(&v->irq_request, 1))	/* pairs with the loads of the vCPU */
		vcpu_kick(v);
}

/*
 * Time between two kicks of a vCPU that waits for IF, on hosts that emulate guest code and look for an open interrupt window only
 * now and then (doc/hosts.md, kind P). A kick makes them look. If IF is 1 for one n-th of the time, some n kicks find it.
 */
#define WINDOW_SAMPLE_NS 150000u

static void on_window_sample(void *dev)
{
	struct vcpu *v = dev;

	if (!load_relaxed(&v->priv->window_wanted))
		return;
	vcpu_kick(v);
	timer_arm(&v->priv->window_sample, timers_now(v->priv->window_sample.timers) + WINDOW_SAMPLE_NS);
}

static void want_window(struct vcpu *v)
{
	struct vcpu_priv *p = v->priv;

	p->kcpu.run->request_interrupt_window = 1;
	if (!v->machine->if_direct_32 || cpu_code64(&v->cpu) || load_relaxed(&p->window_wanted))
		return;
	bus_lock(v->machine->bus);
	store_relaxed(&p->window_wanted, 1);
	timer_arm(&p->window_sample, timers_now(p->window_sample.timers) + WINDOW_SAMPLE_NS);
	bus_unlock(v->machine->bus);
}

static bool is_open(const struct cpu_state *c)
{
	return (c->rflags & RFLAGS_IF) && !c->inhibit;
}

/*
 * Ask the interrupt controllers: is an interrupt pending? *vector: the one to deliver now; -1: none, or the guest cannot take it
 * yet.
 */
static bool look(struct vcpu *v, int *vector)
{
	struct machine *m = v->machine;
	bool pending;

	*vector = -1;
	bus_lock(m->bus);
	pending = irqs_pending(m->irqs, v->index);
	if (!pending)
		store_relaxed(&v->irq_request, 0);	/* under the lock that interrupt_notify() is called with */
	else if (is_open(&v->cpu))
		*vector = irqs_accept(m->irqs, v->index);
	bus_unlock(m->bus);
	return pending;
}

static int deliver(struct vcpu *v, uint8_t vector)
{
	int rc;

	v->exc = (struct exception){ .pending = true, .vector = vector, .external = true };
	counter_add(&v->stat[TRAP_STAT_irqs_delivered], 1);
	do {
		rc = deliver_exception(v);	/* -EAGAIN: the guest's tables changed under the walk */
	} while (rc == -EAGAIN && !stop_is_requested(&v->machine->stop));
	return rc;
}

/*
 * An interrupt waits for the end of an STI or MOV SS shadow. If the instruction in the shadow is one that can be emulated as
 * privileged, it is: PUSHF for one must not be stepped, as it would show TF. Any other runs natively with TF set, and its #DB
 * ends the shadow (trap.c).
 */
static int end_shadow(struct vcpu *v)
{
	struct insn in;
	int rc = insn_fetch(v, &in);

	if (!rc)
		rc = emulate_privileged(v, &in);
	else
		v->exc.pending = false;		/* the real CPU will raise it */
	if (!rc) {
		counter_add(&v->stat[TRAP_STAT_privileged_emulated], 1);
		return 0;
	}
	if (rc != -EOPNOTSUPP && v->exc.pending)
		return rc;
	if (rc == -ENOTCONN || rc == -ECANCELED)
		return rc;
	v->priv->shadow_step = true;
	counter_add(&v->stat[TRAP_STAT_shadow_steps], 1);
	return 0;
}

enum next interrupt_before_entry(struct vcpu *v)
{
	enum next next;
	int vector;

	v->priv->shadow_step = false;
	v->priv->kcpu.run->request_interrupt_window = 0;
	store_relaxed(&v->priv->window_wanted, 0);
	for (unsigned i = 0; i < MAX_IN_A_ROW; i++) {
		if (!load_acquire(&v->irq_request) || v->priv->step.active)
			return NEXT_GO_ON;
		next = before_event(v);
		if (next != NEXT_GO_ON)
			return next;
		if (!look(v, &vector))
			return NEXT_GO_ON;
		if (vector >= 0) {
			next = next_of(deliver(v, (uint8_t)vector));
		} else if (v->cpu.rflags & RFLAGS_IF) {
			next = next_of(end_shadow(v));
			if (v->priv->shadow_step)
				return next;
		} else {
			if (vcpu_if_is_native(v))
				want_window(v);
			return NEXT_GO_ON;
		}
		if (next != NEXT_GO_ON || v->cpu.halted)
			return next;
	}
	return NEXT_GO_ON;
}

bool interrupt_wants_state(struct vcpu *v)
{
	if (!load_acquire(&v->irq_request))
		return false;
	if (!vcpu_if_is_native(v))
		return v->cpu.rflags & RFLAGS_IF;
	/* In the stub's tail the real IF is the stub's; the guest will have the IF with which it was resumed. */
	if (v->priv->kcpu.in_tail ? v->cpu.rflags & RFLAGS_IF : v->priv->kcpu.run->ready_for_interrupt_injection)
		return true;
	want_window(v);
	return false;
}

void interrupt_thread_begin(struct vcpu *v)
{
	bus_lock(v->machine->bus);
	timer_init(&v->priv->window_sample, v->machine->timers, on_window_sample, v);
	bus_unlock(v->machine->bus);
}

void interrupt_thread_end(struct vcpu *v)
{
	bus_lock(v->machine->bus);
	timer_fini(&v->priv->window_sample);
	bus_unlock(v->machine->bus);
}
