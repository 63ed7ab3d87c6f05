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
/* What the timer counts before the divide configuration: a bus of 100 MHz, as real ones. Kernels that count on 1 GHz tick more seldom. */
#define LAPIC_TIMER_NS	10u

struct bus;
struct lapics;
struct timers;

struct lapics_ops {
	/* lapic_pending() may have become true for this vCPU. */
	void (*notify)(void *ctx, unsigned cpu);
	/* The handler of a level-triggered vector is done: to the I/O APIC. */
	void (*eoi)(void *ctx, uint8_t vector);
	/* INIT and start-up messages: the vCPU stops and waits, and begins at page vector. NULL: dropped. */
	void (*init)(void *ctx, unsigned cpu);
	void (*startup)(void *ctx, unsigned cpu, uint8_t vector);
	void (*nmi)(void *ctx, unsigned cpu);
};

/* Delivery modes of interrupt messages: ICR, LVT, I/O APIC. SDM vol. 3A 10.5.1, 10.6.1. */
enum { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_NMI = 4, APIC_INIT, APIC_STARTUP, APIC_EXTINT };

struct apic_message {
	uint8_t dest;
	bool logical;			/* dest is a set of logical destinations, not an ID */
	uint8_t mode, vector;
	bool level;			/* level-triggered: its EOI is told */
};

/* APIC IDs are the vCPUs' numbers; vCPU 0 takes the 8259 pair's interrupts by LINT0, as firmware leaves it. The bus owns *out. */
int lapics_add(struct lapics **out, struct bus *b, unsigned cpus, struct timers *timers, const struct lapics_ops *ops, void *ctx);
/* Returns whether any local APIC took it. */
bool lapics_deliver(struct lapics *all, const struct apic_message *m);

/* Is there a vector above the priority of what is in service? accept: that vector, now in service, or -1. */
bool lapic_pending(const struct lapics *all, unsigned cpu);
int lapic_accept(struct lapics *all, unsigned cpu);
/* Does the INTR pin reach this vCPU: LINT0 as ExtINT, or no local APIC in between? */
bool lapic_takes_extint(const struct lapics *all, unsigned cpu);

/* For who watches: sets of vectors, bit n of word w is vector 32 w + n. */
struct lapic_state {
	bool enabled;			/* by hardware and by software */
	uint8_t task_priority;
	uint32_t requested[8], in_service[8];
};
void lapic_look(const struct lapics *all, unsigned cpu, struct lapic_state *out);

/* IA32_APIC_BASE.EN. Disabled, it does not answer and the pins go to the processor. */
void lapic_set_enabled(struct lapics *all, unsigned cpu, bool enabled);
/* CR8: bits 7 to 4 of the task priority. */
uint8_t lapic_cr8(const struct lapics *all, unsigned cpu);
void lapic_set_cr8(struct lapics *all, unsigned cpu, uint8_t cr8);
/* IA32_TSC_DEADLINE: 0 if none is armed. tsc_now, tsc_khz: the vCPU's clock, which runs with the timers'. */
uint64_t lapic_deadline(const struct lapics *all, unsigned cpu);
void lapic_set_deadline(struct lapics *all, unsigned cpu, uint64_t deadline, uint64_t tsc_now, uint32_t tsc_khz);

#endif
