/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI tables that firmware leaves in RAM, and the registers that they name. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_ACPI_H
#define SHADOWPOOL_TRAPD_DEVICES_ACPI_H

#include <stdint.h>

#include "common/guest_ram.h"

struct bus;
struct irqs;
struct timers;

#define ACPI_GPA	0xe0000ull	/* the RSDP; the tables end below 0xf0000, and no memory map calls this part usable */

/* Ports of the fixed hardware, acpi_pm.c. */
#define ACPI_PM1_EVENT	0x600u		/* status, enable: 4 bytes */
#define ACPI_PM1_CONTROL 0x604u		/* 2 bytes */
#define ACPI_PM_TIMER	0x608u		/* 4 bytes */
#define ACPI_PM_PORTS	12u
#define ACPI_SCI	9u		/* ISA line and pin, level, active high */
#define ACPI_SLEEP_OFF	5u		/* SLP_TYP that \_S5 names */

/*
 * Write RSDP, RSDT, XSDT, FADT, FACS, DSDT and MADT into RAM, for cpus processors (1 to 255, APIC IDs from 0) and one I/O APIC
 * whose ID is cpus. Nothing is written if RAM ends below 1 MiB. Thread: control, before the image is loaded.
 */
void acpi_write(const struct guest_ram *ram, unsigned cpus);
/* The address at which acpi_write() has left the RSDP, or 0 if it has written nothing. Thread: control. */
uint64_t acpi_rsdp(const struct guest_ram *ram);

/* Called with the bus lock held on the thread of the vCPU that switches the machine off. */
struct power_line {
	void (*off)(void *ctx);
	void *ctx;
};

/*
 * Add the PM1 event and control registers and the power management timer to the bus. Returns 0, -EEXIST, -ENOMEM. Thread:
 * control.
 */
int acpi_pm_add(struct bus *b, struct irqs *irqs, struct timers *timers, const struct power_line *power);

#endif
