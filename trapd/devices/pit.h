/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 8254 interval timer at ports 0x40 to 0x43, and port 0x61 with channel 2's gate and output. */
#ifndef SHADOWPOOL_TRAPD_DEVICES_PIT_H
#define SHADOWPOOL_TRAPD_DEVICES_PIT_H

struct bus;
struct irqs;
struct timers;

#define PIT_HZ 1193182u

/* Add the 8254 to the bus, which owns it. The output of channel 0 is interrupt line 0. Returns 0, -EEXIST, -ENOMEM. */
int pit_add(struct bus *b, struct irqs *irqs, struct timers *timers);

#endif
