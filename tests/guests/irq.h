/* SPDX-License-Identifier: GPL-2.0-or-later */
/* irq32.elf and irq64.elf: interrupts, in guest code of 32 and of 64 bits. Runs as the guest's kernel. */
#ifndef GUEST_IRQ_H
#define GUEST_IRQ_H

#include "tests/guests/traps.h"

#define PIC_VECTOR	0x20u		/* lines 0 to 15 */
#define APIC_TIMER	0x50u
#define APIC_LOW	0x41u
#define APIC_HIGH	0x91u
#define APIC_UART	0x64u
#define APIC_SPURIOUS	0xffu

/* irq_devices.c: the controllers, polled. */
void pic_init(void);
void pic_mask(uint16_t mask);		/* 1: masked; bits are lines */
void pic_eoi(unsigned line);
uint8_t pic_requests(void);		/* IRR of the first */
void pit_start(unsigned mode, uint16_t count);
void pit_stop(void);
void lapic_init(void);
uint32_t lapic_read(unsigned reg);
void lapic_write(unsigned reg, uint32_t value);
void ioapic_route(unsigned pin, uint32_t low);
enum { LAPIC_TPR = 0x80, LAPIC_EOI = 0xb0, LAPIC_SVR = 0xf0, LAPIC_ICR = 0x300, LAPIC_LVT_TIMER = 0x320, LAPIC_LINT0 = 0x350,
       LAPIC_INITIAL = 0x380, LAPIC_CURRENT = 0x390, LAPIC_DIVIDE = 0x3e0 };

/* irq_common.c: all of it; needs device memory mapped at its address, and the IDT and TSS loaded. */
void irq_run(void);

#endif
