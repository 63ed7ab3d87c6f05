/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O APIC. In trapd, under the bus lock, on whatever thread moves a pin. Entries in ExtINT mode send nothing: the 8259 pair
 * reaches processors through LINT0 only.
 * Source: Intel 82093AA data sheet (290566), 3.1 and 3.2.
 */
#include "trapd/devices/ioapic.h"

#include <errno.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/lapic.h"

#define VERSION		(0x11u | (IOAPIC_PINS - 1) << 16)
#define IOAPIC_BYTES	0x100u
#define REG_SELECT	0x00u
#define REG_WINDOW	0x10u
#define FIRST_ENTRY	0x10u

#define ENTRY_MODE(e)	((uint8_t)((e) >> 8 & 7))
#define ENTRY_LOGICAL	(1ull << 11)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL	(1ull << 15)
#define ENTRY_MASKED	(1ull << 16)
#define ENTRY_WRITABLE	0xff0000000001afffull	/* all but delivery status, remote IRR and what is reserved */

struct ioapic {
	uint32_t id;
	uint8_t select;
	uint32_t line;			/* levels, one bit per pin */
	uint64_t entry[IOAPIC_PINS];
	bool (*deliver)(void *ctx, const struct apic_message *m);
	void *ctx;
};

static bool send(struct ioapic *a, uint64_t entry)
{
	struct apic_message m = { .dest = (uint8_t)(entry >> 56), .logical = entry & ENTRY_LOGICAL, .mode = ENTRY_MODE(entry),
				  .vector = (uint8_t)entry, .level = entry & ENTRY_LEVEL };

	return a->deliver(a->ctx, &m);
}

/* A level that is high and has no handler at work asks. */
static void look(struct ioapic *a, unsigned pin)
{
	uint64_t *e = &a->entry[pin];

	if (!(*e & ENTRY_LEVEL) || (*e & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) || !(a->line >> pin & 1))
		return;
	/* before it is sent: the handler may be done at once */
	*e |= ENTRY_REMOTE_IRR;
	if (!send(a, *e))
		*e &= ~ENTRY_REMOTE_IRR;
}

void ioapic_set_pin(struct ioapic *a, unsigned pin, bool level)
{
	uint32_t bit = 1u << pin;
	bool rises;

	if (pin >= IOAPIC_PINS)
		return;
	rises = level && !(a->line & bit);
	a->line = level ? a->line | bit : a->line & ~bit;
	if (a->entry[pin] & ENTRY_LEVEL)
		look(a, pin);
	else if (rises && !(a->entry[pin] & ENTRY_MASKED))	/* an edge at a masked pin is lost: 3.2.4 */
		send(a, a->entry[pin]);
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *e = &a->entry[pin];

		if (!(*e & ENTRY_REMOTE_IRR) || (uint8_t)*e != vector)
			continue;
		*e &= ~ENTRY_REMOTE_IRR;
		look(a, pin);
	}
}

static uint32_t read_window(const struct ioapic *a)
{
	unsigned n = a->select - FIRST_ENTRY;

	switch (a->select) {
	case 0:
		return a->id;
	case 1:
		return VERSION;
	case 2:
		return a->id;		/* arbitration ID: loaded with the ID */
	default:
		if (a->select < FIRST_ENTRY || n / 2 >= IOAPIC_PINS)
			return 0xffffffff;
		return (uint32_t)(a->entry[n / 2] >> (n & 1 ? 32 : 0));
	}
}

static void write_entry(struct ioapic *a, unsigned pin, bool high, uint32_t value)
{
	uint64_t *e = &a->entry[pin], mask = (high ? 0xffffffff00000000ull : 0xffffffffull) & ENTRY_WRITABLE;

	*e = (*e & ~mask) | ((uint64_t)value << (high ? 32 : 0) & mask);
	if (!(*e & ENTRY_LEVEL))
		*e &= ~ENTRY_REMOTE_IRR;
	look(a, pin);
}

static void write_window(struct ioapic *a, uint32_t value)
{
	unsigned n = a->select - FIRST_ENTRY;

	if (a->select == 0)
		a->id = value & 0x0f000000;
	else if (a->select >= FIRST_ENTRY && n / 2 < IOAPIC_PINS)
		write_entry(a, n / 2, n & 1, value);
}

/* Registers are 32 bits wide; the select register may be accessed as a byte. */
static uint64_t ioapic_read(void *dev, uint32_t offset, unsigned size)
{
	struct ioapic *a = dev;

	if (offset == REG_SELECT)
		return a->select;
	return offset == REG_WINDOW ? read_window(a) : 0;
}

static void ioapic_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct ioapic *a = dev;

	if (offset == REG_SELECT)
		a->select = (uint8_t)value;
	else if (offset == REG_WINDOW && size >= 4)
		write_window(a, (uint32_t)value);
}

static const struct device_ops ioapic_ops = {
	.name = "ioapic", .read = ioapic_read, .write = ioapic_write, .destroy = free,
};

int ioapic_add(struct ioapic **out, struct bus *b, uint8_t id, bool (*deliver)(void *ctx, const struct apic_message *m), void *ctx)
{
	struct ioapic *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->id = (uint32_t)(id & 15) << 24;
	a->deliver = deliver;
	a->ctx = ctx;
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		a->entry[i] = ENTRY_MASKED;
	rc = bus_add_mmio(b, IOAPIC_BASE, IOAPIC_BYTES, &ioapic_ops, a);
	if (rc) {
		free(a);
		return rc;
	}
	*out = a;
	return 0;
}
