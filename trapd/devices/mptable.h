/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What firmware leaves in RAM for kernels: the BIOS data area's sizes and the MP configuration table. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_MPTABLE_H
#define SHADOWPOOL_TRAPD_DEVICES_MPTABLE_H

#include <stdint.h>

#include "common/guest_ram.h"

#define MPTABLE_GPA	0xf0000ull
#define MPTABLE_LAPIC	0xfee00000u
#define MPTABLE_IOAPIC	0xfec00000u

/*
 * Base memory ends at 639 KiB, cpus (1 to 255, APIC ids from 0) and one I/O APIC (id cpus) with the ISA lines of
 * devices/irq.h. Nothing is written if RAM ends below 1 MiB. Control thread, before the image is loaded.
 */
void mptable_write(const struct guest_ram *ram, unsigned cpus);

#endif
