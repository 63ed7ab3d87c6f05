/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O APIC: 24 pins, each with an entry that says which message it sends. All calls with the bus lock held. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_IOAPIC_H
#define SHADOWPOOL_TRAPD_DEVICES_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_BASE	0xfec00000ull
#define IOAPIC_PINS	24u

struct apic_message;
struct bus;
struct ioapic;

/*
 * Add the I/O APIC to the bus, which owns *out. id: its APIC ID after reset. deliver(): sends a message to the local APICs and
 * returns whether one of them took it. Returns 0, -EEXIST, -ENOMEM.
 */
int ioapic_add(struct ioapic **out, struct bus *b, uint8_t id, bool (*deliver)(void *ctx, const struct apic_message *m), void *ctx);
/*
 * The line of a pin is active (true) or not. The polarity that the pin's entry names does not matter: lines say "active", not
 * "high".
 */
void ioapic_set_pin(struct ioapic *a, unsigned pin, bool level);
/* A local APIC got EOI for this level-triggered vector: pins that sent it and are still active send it again. */
void ioapic_eoi(struct ioapic *a, uint8_t vector);

#endif
