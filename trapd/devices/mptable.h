/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What firmware leaves in RAM for kernels: two words of the BIOS data area and the MP configuration table (specification 1.4). */
#ifndef SHADOWPOOL_TRAPD_DEVICES_MPTABLE_H
#define SHADOWPOOL_TRAPD_DEVICES_MPTABLE_H

#include <stdint.h>

#include "common/guest_ram.h"

#define MPTABLE_GPA	0xf0000ull
#define MPTABLE_LAPIC	0xfee00000u
#define MPTABLE_IOAPIC	0xfec00000u

/*
 * Write them: base memory of 639 KiB, cpus processors (1 to 255, APIC IDs from 0), one I/O APIC whose ID is cpus, with the ISA
 * lines of devices/irq.h. Nothing is written if RAM ends below 1 MiB. Thread: control, before the image is loaded.
 */
void mptable_write(const struct guest_ram *ram, unsigned cpus);

#endif
