/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the local APICs share: lapic.c has the registers, lapic_icr.c the messages, lapic_timer.c the timer. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_LAPIC_PRIV_H
#define SHADOWPOOL_TRAPD_DEVICES_LAPIC_PRIV_H

#include "trapd/devices/lapic.h"
#include "trapd/devices/timer.h"

#define LVT_MASKED	(1u << 16)
#define LVT_MODE(lvt)	((lvt) >> 8 & 7)
#define LVT_TIMER_MODE(lvt) ((lvt) >> 17 & 3)
#define SVR_ENABLED	(1u << 8)

/* SDM vol. 3A table 10-1: registers 0x320 to 0x370 in steps of 0x10. */
enum { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

/* Bits of the error status register. SDM vol. 3A 10.5.3. */
#define ESR_SEND_ILLEGAL	(1u << 5)
#define ESR_RECEIVE_ILLEGAL	(1u << 6)
#define ESR_ILLEGAL_REGISTER	(1u << 7)

struct lapic {
	struct lapics *all;
	unsigned cpu;
	bool enabled;			/* IA32_APIC_BASE.EN */
	uint32_t id, tpr, ldr, dfr, svr, esr, esr_seen, icr_low, icr_high;
	uint32_t lvt[LVT_COUNT];
	uint32_t irr[8], isr[8], tmr[8];
	/* the timer */
	uint32_t initial, divide;	/* initial count; divide: the register, not the divisor that it means */
	uint64_t start_ns;		/* time of the VM's timers when the initial count was written */
	uint64_t deadline;		/* guest's TSC at which the timer expires in deadline mode; 0: not armed */
	uint64_t deadline_ns;
	struct timer timer;
};

struct lapics {
	const struct lapics_ops *ops;
	void *ctx;
	struct timers *timers;
	unsigned cpus, turn;		/* turn: the vCPU that is asked first to take the next lowest-priority message */
	struct lapic cpu[];
};

/* This local APIC gets an interrupt: the vector is requested; a vector below 16 is an error of its status register instead. */
void lapic_request(struct lapic *l, uint8_t vector, bool level);
/* The processor priority: what a vector must exceed to be accepted. SDM vol. 3A 10.8.3.1. */
uint8_t lapic_ppr(const struct lapic *l);
/* Registers as after reset and INIT. The APIC ID and IA32_APIC_BASE.EN stay. SDM vol. 3A 10.4.7. */
void lapic_reset(struct lapic *l);
/* An event of the local APIC itself (timer, pin, error): sent as entry lvt of the local vector table says. */
void lapic_local_event(struct lapic *l, unsigned lvt);
void lapic_error(struct lapic *l, uint32_t bit);

/* lapic_icr.c: send the message that the interrupt command register holds. */
void lapic_send(struct lapic *l);

/* lapic_timer.c */
void lapic_timer_init(struct lapic *l);
void lapic_timer_reset(struct lapic *l);
uint32_t lapic_timer_current(const struct lapic *l);
void lapic_timer_write_initial(struct lapic *l, uint32_t value);
void lapic_timer_write_divide(struct lapic *l, uint32_t value);
/* The guest writes value to the timer's LVT entry. Called before the entry changes, so that the old mode can be seen. */
void lapic_timer_write_lvt(struct lapic *l, uint32_t value);

#endif
