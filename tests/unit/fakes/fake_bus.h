/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device bus for unit tests: one word of memory behind every address, and a record of what was asked. */
#ifndef SHADOWPOOL_TESTS_FAKE_BUS_H
#define SHADOWPOOL_TESTS_FAKE_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct fake_access { bool write; uint64_t gpa; unsigned size; uint64_t value; };

struct fake_bus {
	uint64_t value;			/* what reads return, cut to their size */
	unsigned count;
	struct fake_access access[16];	/* the first ones */
};

/* Tests run each in a process of its own. */
extern struct fake_bus fake_bus;

#endif
