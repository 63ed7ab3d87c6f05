/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APICs, one per vCPU, and the messages between them. Used by irqs.c and by the vCPUs' MSR and CR8 code. All calls
 * with the bus lock held. Source: SDM vol. 3A chapter 10.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_LAPIC_H
#define SHADOWPOOL_TRAPD_DEVICES_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define LAPIC_BASE	0xfee00000ull
/*
 * Nanoseconds of one count of the APIC timer with a divisor of 1: a bus clock of 100 MHz, as real processors have had. Kernels
 * that program a fixed count without calibration, for 1 GHz, get their ticks ten times more seldom.
 */
#define LAPIC_TIMER_NS	10u

struct bus;
struct lapics;
struct timers;

struct lapics_ops {
	/* lapic_pending() may be true for this vCPU now and was not before. */
	void (*notify)(void *ctx, unsigned cpu);
	/* A local APIC got EOI for this level-triggered vector: the I/O APIC must know. */
	void (*eoi)(void *ctx, uint8_t vector);
	/*
	 * Messages from one local APIC to another vCPU. init: the vCPU stops and waits. startup: it begins at address vector *
	 * 4096. nmi: a non-maskable interrupt. NULL: such messages are dropped.
	 */
	void (*init)(void *ctx, unsigned cpu);
	void (*startup)(void *ctx, unsigned cpu, uint8_t vector);
	void (*nmi)(void *ctx, unsigned cpu);
};

/* Delivery modes of interrupt messages: ICR, LVT, I/O APIC. SDM vol. 3A 10.5.1, 10.6.1. */
enum { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_NMI = 4, APIC_INIT, APIC_STARTUP, APIC_EXTINT };

struct apic_message {
	uint8_t dest;
	bool logical;			/* dest is a set of logical destinations; else it is one APIC ID */
	uint8_t mode, vector;
	bool level;			/* level-triggered: ops->eoi() is called at its EOI */
};

/*
 * Add the local APICs of cpus vCPUs to the bus, which owns *out. The APIC ID of a vCPU is its number. LINT0 of vCPU 0 takes the
 * interrupts of the 8259 pair, as firmware leaves it. Returns 0, -EEXIST, -ENOMEM.
 */
int lapics_add(struct lapics **out, struct bus *b, unsigned cpus, struct timers *timers, const struct lapics_ops *ops, void *ctx);
/* Send a message to the local APICs that it names. Returns whether any of them took it. */
bool lapics_deliver(struct lapics *all, const struct apic_message *m);

/*
 * lapic_pending(): does this local APIC request a vector of higher priority than what is in service there? lapic_accept(): the
 * highest such vector, which is in service from here on; -1: there is none.
 */
bool lapic_pending(const struct lapics *all, unsigned cpu);
int lapic_accept(struct lapics *all, unsigned cpu);
/*
 * Does the 8259 pair's INTR line reach this vCPU? It does if LINT0 is unmasked in ExtINT mode, or if the local APIC is disabled.
 */
bool lapic_takes_extint(const struct lapics *all, unsigned cpu);

/* What `shadowctl show` tells of a local APIC. Sets of vectors: bit n of word w is vector 32 * w + n. */
struct lapic_state {
	bool enabled;			/* IA32_APIC_BASE.EN and the bit in the spurious-vector register are both 1 */
	uint8_t task_priority;
	uint32_t requested[8], in_service[8];
};
void lapic_look(const struct lapics *all, unsigned cpu, struct lapic_state *out);

/*
 * IA32_APIC_BASE.EN was written. A disabled local APIC does not answer at its address and takes no messages; the 8259 pair's INTR
 * line then goes straight to the processor.
 */
void lapic_set_enabled(struct lapics *all, unsigned cpu, bool enabled);
/* CR8, which is bits 7 to 4 of the task priority register. */
uint8_t lapic_cr8(const struct lapics *all, unsigned cpu);
void lapic_set_cr8(struct lapics *all, unsigned cpu, uint8_t cr8);
/*
 * IA32_TSC_DEADLINE: a value of the guest's TSC, 0 if no deadline is armed. tsc_now, tsc_khz: the guest's TSC at this moment and
 * its frequency, from which the time of the VM's timers (timer.h) that the deadline means is computed.
 */
uint64_t lapic_deadline(const struct lapics *all, unsigned cpu);
void lapic_set_deadline(struct lapics *all, unsigned cpu, uint64_t deadline, uint64_t tsc_now, uint32_t tsc_khz);

#endif
