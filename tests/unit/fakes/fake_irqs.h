/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt lines and a clock for unit tests of devices: records levels and edges instead of interrupting anybody. */
#ifndef SHADOWPOOL_TESTS_FAKE_IRQS_H
#define SHADOWPOOL_TESTS_FAKE_IRQS_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/timer.h"

struct fake_irqs {
	bool level[IRQ_LINES];
	unsigned rises[IRQ_LINES];
	uint64_t now_ns;		/* what timers_now() says */
	uint64_t look_ns;		/* time that passes with each look at it: a thread that is preempted there */
	struct timers *timers;
};

/* Tests run each in a process of its own. */
extern struct fake_irqs fake_irqs;

void fake_irqs_init(void);
/* Let time pass in steps from one due timer to the next, so that each runs at its time. */
void fake_irqs_pass(uint64_t ns);

#endif
