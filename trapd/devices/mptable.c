/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MP configuration table, see mptable.h. Control thread; writes RAM. For kernels that do not read the ACPI tables (acpi.c), which
 * say the same. Source: Intel MultiProcessor Specification 1.4, chapters 4 and 5 (default wiring).
 */
#include "trapd/devices/mptable.h"

#include <stddef.h>
#include <string.h>

#define IOAPIC_VERSION	0x11u
#define LAPIC_VERSION	0x14u
#define CPU_ENABLED	1u
#define CPU_BOOT	2u
#define CPU_SIGNATURE	0x0600u		/* family 6 */
#define CPU_FEATURES	0x0201u		/* FPU, APIC */
#define ISA_IRQS	16u
#define CPUS_MAX	255u

enum { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_IO_INTERRUPT, ENTRY_LOCAL_INTERRUPT };
enum { INT_VECTORED, INT_NMI, INT_SMI, INT_EXTINT };

struct floating {
	char signature[4];
	uint32_t table;
	uint8_t paragraphs, revision, checksum, feature[5];
} __attribute__((packed));

struct header {
	char signature[4];
	uint16_t length;
	uint8_t revision, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size, entries;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
} __attribute__((packed));

struct cpu_entry {
	uint8_t type, apic_id, version, flags;
	uint32_t signature, features, reserved[2];
} __attribute__((packed));

struct bus_entry {
	uint8_t type, id;
	char name[6];
} __attribute__((packed));

struct ioapic_entry {
	uint8_t type, id, version, flags;
	uint32_t address;
} __attribute__((packed));

struct interrupt_entry {
	uint8_t type, kind;
	uint16_t flags;			/* 0: as the bus has it, which for ISA is edge, active high */
	uint8_t bus, irq, apic, pin;
} __attribute__((packed));

_Static_assert(sizeof(struct floating) == 16 && sizeof(struct header) == 44 && sizeof(struct cpu_entry) == 20 &&
	       sizeof(struct bus_entry) == 8 && sizeof(struct ioapic_entry) == 8 && sizeof(struct interrupt_entry) == 8,
	       "MP specification 1.4, chapter 4");

struct table {
	uint8_t bytes[sizeof(struct header) + CPUS_MAX * sizeof(struct cpu_entry) + 32 * sizeof(struct bus_entry)];
	size_t size;
	uint16_t entries;
};

static void add(struct table *t, const void *entry, size_t size)
{
	memcpy(t->bytes + t->size, entry, size);
	t->size += size;
	t->entries++;
}

static uint8_t checksum(const void *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += ((const uint8_t *)bytes)[size];
	return (uint8_t)-sum;
}

static void add_interrupts(struct table *t, uint8_t ioapic)
{
	for (uint8_t irq = 0; irq < ISA_IRQS; irq++)
		/* Line 2 is the cascade; its pin is the timer's. */
		if (irq != 2)
			add(t, &(struct interrupt_entry){ ENTRY_IO_INTERRUPT, INT_VECTORED, 0, 0, irq, ioapic, irq ? irq : 2 },
			    sizeof(struct interrupt_entry));
	add(t, &(struct interrupt_entry){ ENTRY_LOCAL_INTERRUPT, INT_EXTINT, 0, 0, 0, 0, 0 }, sizeof(struct interrupt_entry));
	add(t, &(struct interrupt_entry){ ENTRY_LOCAL_INTERRUPT, INT_NMI, 0, 0, 0, 0xff, 1 }, sizeof(struct interrupt_entry));
}

static void build(struct table *t, unsigned cpus)
{
	struct bus_entry bus = { .type = ENTRY_BUS };
	struct header h = { .revision = 4, .lapic = MPTABLE_LAPIC };

	memcpy(h.signature, "PCMP", 4);
	memcpy(h.oem, "SHADOWPO", 8);
	memcpy(h.product, "SHADOWPOOL  ", 12);
	memcpy(bus.name, "ISA   ", 6);
	t->size = sizeof(h);
	t->entries = 0;
	for (unsigned i = 0; i < cpus; i++)
		add(t, &(struct cpu_entry){ ENTRY_CPU, (uint8_t)i, LAPIC_VERSION, (uint8_t)(CPU_ENABLED | (i ? 0 : CPU_BOOT)),
					    CPU_SIGNATURE, CPU_FEATURES, { 0, 0 } }, sizeof(struct cpu_entry));
	add(t, &bus, sizeof(bus));
	add(t, &(struct ioapic_entry){ ENTRY_IOAPIC, (uint8_t)cpus, IOAPIC_VERSION, 1, MPTABLE_IOAPIC }, sizeof(struct ioapic_entry));
	add_interrupts(t, (uint8_t)cpus);
	h.length = (uint16_t)t->size;
	h.entries = t->entries;
	memcpy(t->bytes, &h, sizeof(h));
	((struct header *)(void *)t->bytes)->checksum = checksum(t->bytes, t->size);
}

/* BIOS data area: segment of the extended one, which begins where base memory ends, and its size in KiB. */
static void write_bda(const struct guest_ram *ram)
{
	uint16_t segment = 0x9fc0, kib = 639;

	memcpy(guest_ram_ptr(ram, 0x40e), &segment, 2);
	memcpy(guest_ram_ptr(ram, 0x413), &kib, 2);
	*(uint8_t *)guest_ram_ptr(ram, 0x9fc00) = 1;	/* its size in KiB */
}

void mptable_write(const struct guest_ram *ram, unsigned cpus)
{
	struct floating f = { .table = (uint32_t)(MPTABLE_GPA + sizeof(f)), .paragraphs = 1, .revision = 4 };
	struct table t = { .size = 0 };

	if (ram->low_end < 1ull << 20 || !cpus || cpus > CPUS_MAX)
		return;
	write_bda(ram);
	memcpy(f.signature, "_MP_", 4);
	f.checksum = checksum(&f, sizeof(f));
	build(&t, cpus);
	memcpy(guest_ram_ptr(ram, MPTABLE_GPA), &f, sizeof(f));
	memcpy(guest_ram_ptr(ram, MPTABLE_GPA + sizeof(f)), t.bytes, t.size);
}
