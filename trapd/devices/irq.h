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
 * 0 to 15: the ISA lines, which go to the 8259 pair and to the I/O APIC (line 0 there to pin 2, the others to the pin of their
 * number); 2 is the 8259 pair's own. 16 to 23: pins of the I/O APIC only. Anything else is ignored.
 */
#define IRQ_LINES	24u
#define IRQ_TIMER	0u
#define IRQ_KEYBOARD	1u
#define IRQ_COM1	4u
#define IRQ_RTC		8u
#define IRQ_MOUSE	12u
#define IRQ_IDE		14u

/* Level of a line, see above. Bus lock held. Never blocks. */
void irq_set(struct irqs *s, unsigned line, bool level);

/* What the controllers need of the vCPUs. All are called with the bus lock held and return at once. */
struct irqs_ops {
	/* There may be something for irqs_pending() on this vCPU: it looks soon, woken from HLT if need be. */
	void (*notify)(void *ctx, unsigned cpu);
	/* Messages of the local APICs: INIT, and start-up at page vector (SDM vol. 3A 8.4). NULL: dropped. */
	void (*init)(void *ctx, unsigned cpu);
	void (*startup)(void *ctx, unsigned cpu, uint8_t vector);
};

/*
 * cpus: 1 to 255. The controllers (pic.h, lapic.h, ioapic.h) are added to the bus. The ops and ctx outlive the bus.
 * 0, -EEXIST, -ENOMEM; *out is set, and to be destroyed after the bus, unless it is NULL.
 */
int irqs_create(struct irqs **out, struct bus *b, struct timers *timers, unsigned cpus, const struct irqs_ops *ops, void *ctx);
/* After bus_destroy(). NULL is allowed. */
void irqs_destroy(struct irqs *s);
/* For CR8 and the MSRs of the local APIC, lapic.h. */
struct lapics *irqs_lapics(struct irqs *s);

/*
 * For a vCPU, bus lock held. pending: is there an interrupt that it would take if IF allowed it? accept: the vector to deliver
 * now, which counts as delivered from here on, or -1 if there is none.
 */
bool irqs_pending(struct irqs *s, unsigned cpu);
int irqs_accept(struct irqs *s, unsigned cpu);

/* For who watches, bus lock held: the local APIC of one vCPU, and the 8259 pair. */
void irqs_look_cpu(const struct irqs *s, unsigned cpu, struct lapic_state *out);
void irqs_look_pic(const struct irqs *s, struct pic_state *out);

#endif
