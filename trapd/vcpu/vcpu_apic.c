/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a vCPU's local APIC is reached by registers of the processor: CR8, IA32_APIC_BASE, IA32_TSC_DEADLINE. Process trapd,
 * the vCPU's own thread. Source: SDM vol. 3A 10.4.3, 10.4.4, 10.5.4.1, 10.8.6.
 */
#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/lapic.h"
#include "trapd/trap/vcpu_priv.h"

static struct lapics *lock(struct vcpu *v)
{
	bus_lock(v->machine->bus);
	return irqs_lapics(v->machine->irqs);
}

static void unlock(struct vcpu *v)
{
	bus_unlock(v->machine->bus);
}

uint8_t vcpu_read_cr8(struct vcpu *v)
{
	uint8_t cr8 = lapic_cr8(lock(v), v->index);

	unlock(v);
	return cr8;
}

void vcpu_write_cr8(struct vcpu *v, uint8_t cr8)
{
	lapic_set_cr8(lock(v), v->index, cr8);
	unlock(v);
}

void vcpu_apic_base_changed(struct vcpu *v)
{
	lapic_set_enabled(lock(v), v->index, v->cpu.apic_base & APIC_BASE_EN);
	unlock(v);
}

uint64_t vcpu_read_tsc_deadline(struct vcpu *v)
{
	uint64_t deadline = lapic_deadline(lock(v), v->index);

	unlock(v);
	return deadline;
}

void vcpu_write_tsc_deadline(struct vcpu *v, uint64_t deadline)
{
	uint64_t tsc = vcpu_read_tsc(v);

	lapic_set_deadline(lock(v), v->index, deadline, tsc, v->priv->kcpu.tsc_khz);
	unlock(v);
}
