/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bus, interrupt controllers and a clock of the test's own, for unit tests of one device. The guest is the test. */
#ifndef SHADOWPOOL_TESTS_UNIT_FAKE_PLATFORM_H
#define SHADOWPOOL_TESTS_UNIT_FAKE_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/i8042.h"
#include "trapd/devices/irq.h"
#include "trapd/devices/timer.h"

struct fake_platform {
	struct bus *bus;
	struct irqs *irqs;
	struct timers *timers;
	uint64_t now;			/* nanoseconds; fake_advance() moves it */
	unsigned resets;
	const char *reset_by;
	struct reset_line reset;
};

void fake_platform_create(struct fake_platform *p);
void fake_platform_destroy(struct fake_platform *p);
/* Let time pass, running the timers that are due. */
void fake_advance(struct fake_platform *p, uint64_t ns);
/* Take the interrupt of a line, if it is pending: true once per edge. Ends it at the controllers. */
bool fake_take_irq(struct fake_platform *p, unsigned line);
uint8_t fake_in(struct fake_platform *p, uint16_t port);
void fake_out(struct fake_platform *p, uint16_t port, uint8_t value);

#endif
