/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See startup.h. Process trapd; the messages come on any thread, the rest runs on the vCPU's own. */
#include "trapd/startup.h"

#include <string.h>

#include "trapd/vm.h"

#define MESSAGE_INIT	(1u << 9)
#define MESSAGE_BEGIN	(1u << 8)	/* the vector below it */

/* SDM vol. 3A table 9-1, column INIT; what has no effect on a virtual CPU is left out. */
static void reset(struct vcpu *v)
{
	const struct segment data = { .usable = true, .type = 3, .code_or_data = true, .present = true, .limit = 0xffff };
	struct cpu_state *c = &v->cpu;

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < SREG_COUNT; i++)
		c->seg[i] = data;
	c->seg[SREG_CS].type = 11;
	c->ldtr = (struct segment){ .type = 2, .limit = 0xffff };
	c->tr = (struct segment){ .usable = true, .type = 11, .present = true, .limit = 0xffff };
	c->gdtr.limit = c->idtr.limit = 0xffff;
	c->cr0 = CR0_CD | CR0_NW | CR0_ET;
	c->rflags = RFLAGS_FIXED;
	c->dr6 = DR6_FIXED;
	c->dr7 = DR7_FIXED;
	c->pat = 0x0007040600070406ull;		/* SDM vol. 3A 11.12.4 */
	c->apic_base = 0xfee00800ull;		/* not the bootstrap processor */
	c->misc_enable = 1;
	v->exc = (struct exception){ 0 };
	v->root[0] = v->root[1] = 0;		/* the pool has not been told these modes */
	v->sregs_dirty = true;
}

static void send(struct vm *vm, unsigned cpu, uint32_t message)
{
	if (cpu >= vm->config.nvcpu)
		return;
	if (message & MESSAGE_INIT)
		__atomic_store_n(&vm->vcpu[cpu].startup, message, __ATOMIC_RELEASE);	/* pairs with startup_take */
	else
		__atomic_fetch_or(&vm->vcpu[cpu].startup, message, __ATOMIC_RELEASE);
	vcpu_kick(&vm->vcpu[cpu]);
}

void startup_init(void *vm, unsigned cpu)
{
	send(vm, cpu, MESSAGE_INIT);
}

void startup_begin(void *vm, unsigned cpu, uint8_t vector)
{
	send(vm, cpu, MESSAGE_BEGIN | vector);
}

void startup_wait(struct vcpu *v)
{
	reset(v);
	v->waits_for_startup = true;
}

int startup_take(struct vcpu *v)
{
	uint32_t message = __atomic_exchange_n(&v->startup, 0, __ATOMIC_ACQUIRE);	/* pairs with send */

	if (message & MESSAGE_INIT) {
		if (v->index == 0)
			return vm_stop(v->vm, VM_STOP_FAULT, 0, NULL, "the guest has reset its boot processor: there is no BIOS to begin with");
		startup_wait(v);
	}
	if ((message & MESSAGE_BEGIN) && v->waits_for_startup) {
		struct segment *cs = &v->cpu.seg[SREG_CS];

		cs->selector = (uint16_t)((message & 0xff) << 8);
		cs->base = (uint64_t)cs->selector << 4;
		v->waits_for_startup = false;
	}
	return 0;
}
