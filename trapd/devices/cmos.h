/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMOS memory and real-time clock of a PC, ports 0x70 and 0x71: an MC146818 with a century byte. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_CMOS_H
#define SHADOWPOOL_TRAPD_DEVICES_CMOS_H

#include <stdint.h>

#include "common/guest_ram.h"

struct bus;
struct irqs;
struct timers;

/*
 * Add CMOS memory and clock to the bus. start_s: the time of day at this moment, in seconds since 1970, UTC. disks: bit 0 and bit
 * 1 say whether there is a master and a slave. A guest that sets the clock sets its own; the host's is never changed. Returns 0,
 * -EEXIST, -ENOMEM. Thread: control.
 */
int cmos_add(struct bus *b, struct irqs *irqs, struct timers *timers, const struct guest_ram *ram, int64_t start_s, unsigned disks);

#endif
