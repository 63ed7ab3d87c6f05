/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupt lines: how a device asks for the guest's attention, and how a vCPU learns of it.
 *
 * For a device: keep the struct irqs * that platform.c gives you when you are created, and say what level your line has
 * whenever it may have changed:
 *
 *	irq_set(ide->irqs, 14, ide->interrupt && !(ide->control & CONTROL_NIEN));
 *
 * Saying the same twice is free. The level is the whole interface: edge or level triggering, masks, priorities and which vCPU
 * is interrupted are the business of the controllers behind it. A device that pulses lowers the line and raises it again.
 * A line belongs to one device. Call it with the bus lock held: the read and write functions of a device and the functions
 * of its timers (timer.h) and watches (device_thread.h) have it already, any other thread takes bus_lock() first.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_IRQ_H
#define SHADOWPOOL_TRAPD_DEVICES_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/devices/lapic.h"
#include "trapd/devices/pic.h"

struct bus;
struct irqs;
struct lapics;
struct timers;

/*
 * Numbers of lines. 0 to 15 are the ISA lines, which go to the 8259 pair and to the I/O APIC: line 0 to its pin 2, each other one
 * to the pin of its number. Line 2 belongs to the 8259 pair itself. 16 to 23 are pins of the I/O APIC only. Other numbers are
 * ignored.
 */
#define IRQ_LINES	24u
#define IRQ_TIMER	0u
#define IRQ_KEYBOARD	1u
#define IRQ_COM1	4u
#define IRQ_RTC		8u
#define IRQ_MOUSE	12u
#define IRQ_IDE		14u

/* The line is active (true) or not from now on. Called with the bus lock held; never blocks. */
void irq_set(struct irqs *s, unsigned line, bool level);

/* What the interrupt controllers call when a vCPU is concerned. They hold the bus lock; each function returns at once. */
struct irqs_ops {
	/* irqs_pending() may be true for this vCPU now: have it look soon, wake it from HLT if need be. */
	void (*notify)(void *ctx, unsigned cpu);
	/*
	 * INIT and start-up messages for this vCPU; it begins at address vector * 4096 (SDM vol. 3A 8.4). NULL: they are dropped.
	 */
	void (*init)(void *ctx, unsigned cpu);
	void (*startup)(void *ctx, unsigned cpu, uint8_t vector);
};

/*
 * Add the interrupt controllers (pic.h, lapic.h, ioapic.h) to the bus and wire them. cpus: 1 to 255. ops and ctx must outlive the
 * bus. Returns 0, -EEXIST, -ENOMEM. If *out is not NULL afterwards, also after an error, the caller destroys it after the bus.
 */
int irqs_create(struct irqs **out, struct bus *b, struct timers *timers, unsigned cpus, const struct irqs_ops *ops, void *ctx);
/* Called after bus_destroy(). s may be NULL. */
void irqs_destroy(struct irqs *s);
/* The local APICs, for CR8 and the MSRs that concern them (lapic.h). */
struct lapics *irqs_lapics(struct irqs *s);

/*
 * Called by a vCPU's thread with the bus lock held. irqs_pending(): is there an interrupt that this vCPU would take if IF allowed
 * it? irqs_accept(): the vector of that interrupt, which counts as delivered from here on; -1: there is none.
 */
bool irqs_pending(struct irqs *s, unsigned cpu);
int irqs_accept(struct irqs *s, unsigned cpu);

/* What `shadowctl show` tells of one vCPU's local APIC and of the 8259 pair. Called with the bus lock held. */
void irqs_look_cpu(const struct irqs *s, unsigned cpu, struct lapic_state *out);
void irqs_look_pic(const struct irqs *s, struct pic_state *out);

#endif
