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

/* id: its APIC ID after reset. deliver: send a message; was it taken? The bus owns *out. 0, -EEXIST, -ENOMEM. */
int ioapic_add(struct ioapic **out, struct bus *b, uint8_t id, bool (*deliver)(void *ctx, const struct apic_message *m), void *ctx);
/* true is the active level, whatever polarity the entry names. */
void ioapic_set_pin(struct ioapic *a, unsigned pin, bool level);
/* A local APIC's handler of this level-triggered vector is done. */
void ioapic_eoi(struct ioapic *a, uint8_t vector);

#endif
