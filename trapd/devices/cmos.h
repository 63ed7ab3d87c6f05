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
 * start_s: time of day (seconds since 1970, UTC) when the VM's clock stands at timers_now(). disks: bit per disk that there is.
 * What the guest sets is its own: the host's clock is never changed. 0, -EEXIST, -ENOMEM. Control thread.
 */
int cmos_add(struct bus *b, struct irqs *irqs, struct timers *timers, const struct guest_ram *ram, int64_t start_s, unsigned disks);

#endif
