/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables, see acpi.h. Control thread; writes RAM. They say what mptable.c says, for kernels that read nothing else, and how
 * to switch the machine off. What is not there (PCI, HPET, buttons, sleep but S5, C states but C1) is not in them.
 * Source: ACPI Specification 4.0, chapter 5.2 and, for the bytes of the DSDT, chapter 19.
 */
#include "trapd/devices/acpi.h"

#include <stddef.h>
#include <string.h>

#include "trapd/devices/mptable.h"

#define CPUS_MAX	255u
#define RTC_CENTURY	0x32u		/* rtc_byte_reg[] in rtc_date.c */
#define RESET_PORT	0xcf9u		/* chipset.c */
#define RESET_VALUE	6u

/* FADT flags: 5.2.9, table 5-10. */
#define FADT_WBINVD	(1u << 0)
#define FADT_C1		(1u << 2)
#define FADT_NO_PWR_BUTTON (1u << 4)	/* not as fixed hardware, and the DSDT has none */
#define FADT_NO_SLP_BUTTON (1u << 5)
#define FADT_NO_FIXED_RTC (1u << 6)
#define FADT_TIMER_32	(1u << 8)
#define FADT_RESET	(1u << 10)
/* 5.2.9.3, table 5-11 */
#define BOOT_LEGACY	(1u << 0)
#define BOOT_8042	(1u << 1)
#define BOOT_NO_MSI	(1u << 3)
#define LATENCY_NO_C2	101u		/* more than 100: there is none, 5.2.9 P_LVL2_LAT */
#define LATENCY_NO_C3	1001u

/* MADT: 5.2.12 */
enum { ENTRY_LAPIC, ENTRY_IOAPIC, ENTRY_OVERRIDE };
#define MADT_PCAT	1u		/* a pair of 8259 as well */
#define LAPIC_ENABLED	1u
#define OVERRIDE_BUS	0u		/* polarity and trigger as ISA has them */
#define OVERRIDE_LEVEL_HIGH 0xdu

/* A register: 5.2.3.1 */
struct address {
	uint8_t space, bits, offset, access;
	uint64_t at;
} __attribute__((packed));
#define SPACE_IO	1u

struct rsdp {			/* 5.2.5.3 */
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct header {			/* 5.2.6 */
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct rsdt { struct header h; uint32_t entry[2]; } __attribute__((packed));	/* 5.2.7 */
struct xsdt { struct header h; uint64_t entry[2]; } __attribute__((packed));	/* 5.2.8 */

struct fadt {			/* 5.2.9, table 5-9 */
	struct header h;
	uint32_t facs, dsdt;
	uint8_t reserved0, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	uint8_t pm1_event_size, pm1_control_size, pm2_control_size, pm_timer_size, gpe0_size, gpe1_size, gpe1_base, cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot;
	uint8_t reserved1;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value, reserved2[3];
	uint64_t x_facs, x_dsdt;
	struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control, x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
} __attribute__((packed));

struct facs {			/* 5.2.10 */
	char signature[4];
	uint32_t length, hardware, waking, lock, flags;
	uint64_t x_waking;
	uint8_t version, reserved[31];
} __attribute__((packed));

struct lapic_entry {		/* 5.2.12.2 */
	uint8_t type, length, processor, apic_id;
	uint32_t flags;
} __attribute__((packed));

struct ioapic_entry {		/* 5.2.12.3 */
	uint8_t type, length, id, reserved;
	uint32_t address, first_interrupt;
} __attribute__((packed));

struct override_entry {		/* 5.2.12.5 */
	uint8_t type, length, bus, irq;
	uint32_t interrupt;
	uint16_t flags;
} __attribute__((packed));

struct madt {			/* 5.2.12 */
	struct header h;
	uint32_t lapic, flags;
	uint8_t entries[CPUS_MAX * sizeof(struct lapic_entry) + sizeof(struct ioapic_entry) + 2 * sizeof(struct override_entry)];
} __attribute__((packed));

_Static_assert(sizeof(struct rsdp) == 36 && sizeof(struct header) == 36 && sizeof(struct address) == 12 &&
	       sizeof(struct fadt) == 244 && offsetof(struct fadt, boot) == 109 && offsetof(struct fadt, x_dsdt) == 140 &&
	       sizeof(struct facs) == 64 && offsetof(struct madt, entries) == 44 && sizeof(struct lapic_entry) == 8 &&
	       sizeof(struct ioapic_entry) == 12 && sizeof(struct override_entry) == 10, "ACPI 4.0, 5.2");

/* Name (\_S5, Package (4) { SLP_TYPa, SLP_TYPb, 0, 0 }): 7.3.4.6, and 19.2.4 and 19.2.5 for the encoding. */
static const uint8_t aml[] = {
	0x08,				/* NameOp */
	'_', 'S', '5', '_',		/* NameSeg; the scope is the root */
	0x12, 0x08, 0x04,		/* PackageOp, PkgLength (itself and what follows: 8), NumElements */
	0x0a, ACPI_SLEEP_OFF,		/* BytePrefix: for PM1a_CNT */
	0x0a, ACPI_SLEEP_OFF,		/* for PM1b_CNT, which is not there */
	0x00, 0x00,			/* ZeroOp twice: reserved */
};

struct dsdt { struct header h; uint8_t aml[sizeof(aml)]; } __attribute__((packed));

/* All of them, at ACPI_GPA. The FACS is aligned to 64 bytes (5.2.10), the RSDP to 16 (5.2.5.1); the others need not be. */
#define ALIGNED(n) __attribute__((aligned(n)))
struct tables {
	ALIGNED(16) struct rsdp rsdp;
	ALIGNED(64) struct facs facs;
	ALIGNED(16) struct fadt fadt;
	ALIGNED(16) struct rsdt rsdt;
	ALIGNED(16) struct xsdt xsdt;
	ALIGNED(16) struct dsdt dsdt;
	ALIGNED(16) struct madt madt;
};

_Static_assert(sizeof(struct tables) <= 0x10000, "below the MP table");

#define GPA_OF(field)	((uint32_t)(ACPI_GPA + offsetof(struct tables, field)))

static uint8_t checksum(const void *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += ((const uint8_t *)bytes)[size];
	return (uint8_t)-sum;
}

/* After the table's contents: the sum covers them. */
static void seal(struct header *h, const char *signature, uint8_t revision, size_t length)
{
	memcpy(h->signature, signature, 4);
	h->length = (uint32_t)length;
	h->revision = revision;
	memcpy(h->oem, "SHADOW", 6);
	memcpy(h->oem_table, "SHADOWPO", 8);
	h->oem_revision = 1;
	memcpy(h->creator, "SHDW", 4);
	h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

static struct address port(uint16_t at, uint8_t bits, uint8_t access)
{
	return (struct address){ .space = SPACE_IO, .bits = bits, .access = access, .at = at };
}

/* SMI_CMD is 0: the machine is always in ACPI mode (4.7.1), SCI_EN reads as 1. */
static void fill_fadt(struct fadt *f)
{
	f->facs = GPA_OF(facs);
	f->dsdt = GPA_OF(dsdt);
	f->x_dsdt = f->dsdt;
	f->sci = ACPI_SCI;
	f->pm1a_event = ACPI_PM1_EVENT;
	f->pm1a_control = ACPI_PM1_CONTROL;
	f->pm_timer = ACPI_PM_TIMER;
	f->pm1_event_size = 4;
	f->pm1_control_size = 2;
	f->pm_timer_size = 4;
	f->c2_latency = LATENCY_NO_C2;
	f->c3_latency = LATENCY_NO_C3;
	f->century = RTC_CENTURY;
	f->boot = BOOT_LEGACY | BOOT_8042 | BOOT_NO_MSI;
	f->flags = FADT_WBINVD | FADT_C1 | FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON | FADT_NO_FIXED_RTC | FADT_TIMER_32 | FADT_RESET;
	f->reset = port(RESET_PORT, 8, 1);
	f->reset_value = RESET_VALUE;
	f->x_pm1a_event = port(ACPI_PM1_EVENT, 32, 2);	/* two registers of 16 bits */
	f->x_pm1a_control = port(ACPI_PM1_CONTROL, 16, 2);
	f->x_pm_timer = port(ACPI_PM_TIMER, 32, 3);
	seal(&f->h, "FACP", 4, sizeof(*f));
}

static size_t put(uint8_t *at, const void *entry, size_t size)
{
	memcpy(at, entry, size);
	return size;
}

/* Interrupt n is pin n of the I/O APIC; the timer's ISA line 0 is at pin 2, and the SCI is no ISA interrupt by its nature. */
static void fill_madt(struct madt *m, unsigned cpus)
{
	uint8_t *e = m->entries;

	m->lapic = MPTABLE_LAPIC;
	m->flags = MADT_PCAT;
	for (unsigned i = 0; i < cpus; i++)
		e += put(e, &(struct lapic_entry){ ENTRY_LAPIC, sizeof(struct lapic_entry), (uint8_t)i, (uint8_t)i, LAPIC_ENABLED },
			 sizeof(struct lapic_entry));
	e += put(e, &(struct ioapic_entry){ ENTRY_IOAPIC, sizeof(struct ioapic_entry), (uint8_t)cpus, 0, MPTABLE_IOAPIC, 0 },
		 sizeof(struct ioapic_entry));
	e += put(e, &(struct override_entry){ ENTRY_OVERRIDE, sizeof(struct override_entry), 0, 0, 2, OVERRIDE_BUS },
		 sizeof(struct override_entry));
	e += put(e, &(struct override_entry){ ENTRY_OVERRIDE, sizeof(struct override_entry), 0, ACPI_SCI, ACPI_SCI,
					      OVERRIDE_LEVEL_HIGH }, sizeof(struct override_entry));
	seal(&m->h, "APIC", 3, offsetof(struct madt, entries) + (size_t)(e - m->entries));
}

static void fill_rsdp(struct rsdp *r)
{
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem, "SHADOW", 6);
	r->revision = 2;
	r->rsdt = GPA_OF(rsdt);
	r->length = sizeof(*r);
	r->xsdt = GPA_OF(xsdt);
	r->checksum = checksum(r, 20);		/* what ACPI 1.0 knew */
	r->extended_checksum = checksum(r, sizeof(*r));
}

void acpi_write(const struct guest_ram *ram, unsigned cpus)
{
	struct tables t = { .facs = { .length = sizeof(t.facs), .version = 2 } };

	if (ram->low_end < 1ull << 20 || !cpus || cpus > CPUS_MAX)
		return;
	memcpy(t.facs.signature, "FACS", 4);
	memcpy(t.dsdt.aml, aml, sizeof(aml));
	seal(&t.dsdt.h, "DSDT", 2, sizeof(t.dsdt));
	fill_fadt(&t.fadt);
	fill_madt(&t.madt, cpus);
	t.rsdt.entry[0] = GPA_OF(fadt);
	t.rsdt.entry[1] = GPA_OF(madt);
	seal(&t.rsdt.h, "RSDT", 1, sizeof(t.rsdt));
	t.xsdt.entry[0] = GPA_OF(fadt);
	t.xsdt.entry[1] = GPA_OF(madt);
	seal(&t.xsdt.h, "XSDT", 1, sizeof(t.xsdt));
	fill_rsdp(&t.rsdp);
	memcpy(guest_ram_ptr(ram, ACPI_GPA), &t, sizeof(t));
}

uint64_t acpi_rsdp(const struct guest_ram *ram)
{
	if (!guest_ram_contains(ram, ACPI_GPA, sizeof(struct rsdp)) || memcmp(guest_ram_ptr(ram, ACPI_GPA), "RSD PTR ", 8))
		return 0;
	return ACPI_GPA;
}
