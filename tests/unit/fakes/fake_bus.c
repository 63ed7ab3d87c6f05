/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stand-in for the device bus in unit tests of guest memory, see fake_bus.h. Linked into test programs only. */
#include "tests/unit/fakes/fake_bus.h"
#include "trapd/devices/bus.h"

struct fake_bus fake_bus;

static void note(struct fake_access a)
{
	if (fake_bus.count < 16)
		fake_bus.access[fake_bus.count] = a;
	fake_bus.count++;
}

uint64_t bus_mmio_read(struct bus *b, uint64_t gpa, unsigned size)
{
	uint64_t value = size == 8 ? fake_bus.value : fake_bus.value & ((1ull << size * 8) - 1);

	note((struct fake_access){ false, gpa, size, value });
	return value;
}

void bus_mmio_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value)
{
	note((struct fake_access){ true, gpa, size, value });
}
