/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See startup.h. Process trapd; the messages come on any thread, the rest runs on the vCPU's own. */
#include "trapd/vcpu/startup.h"

#include "common/barrier.h"
#include "trapd/cpu/real_mode.h"
#include "trapd/link/kick.h"
#include "trapd/trap/vcpu_priv.h"

#define MESSAGE_INIT	(1u << 9)
#define MESSAGE_BEGIN	(1u << 8)	/* the vector below it */

static void send(struct machine *m, unsigned cpu, uint32_t message)
{
	if (cpu >= m->nvcpu)
		return;
	if (message & MESSAGE_INIT)
		store_release(&m->vcpu[cpu].startup, message);	/* pairs with startup_take */
	else
		fetch_or_release(&m->vcpu[cpu].startup, message);	/* pairs with startup_take */
	vcpu_kick(&m->vcpu[cpu]);
}

void startup_init(void *machine, unsigned cpu)
{
	send(machine, cpu, MESSAGE_INIT);
}

void startup_begin(void *machine, unsigned cpu, uint8_t vector)
{
	send(machine, cpu, MESSAGE_BEGIN | vector);
}

void startup_wait(struct vcpu *v)
{
	cpu_reset(&v->cpu, false);
	v->exc = (struct exception){ 0 };
	v->root[0] = v->root[1] = 0;		/* the pool has not been told these modes */
	v->sregs_dirty = true;
	v->waits_for_startup = true;
}

int startup_take(struct vcpu *v)
{
	uint32_t message;

	if (v->priv->step.active)
		return 0;	/* the instruction first: the tables that are open for it must be closed */
	message = exchange_acquire(&v->startup, 0);	/* pairs with send */
	if (message & MESSAGE_INIT) {
		if (v->index == 0)
			return vcpu_stop(v, VM_STOP_FAULT, "the guest has reset its boot processor: there is no BIOS to begin with");
		startup_wait(v);
	}
	if ((message & MESSAGE_BEGIN) && v->waits_for_startup) {
		real_mode_load(v, SREG_CS, (uint16_t)((message & 0xff) << 8));
		v->waits_for_startup = false;
	}
	return 0;
}
