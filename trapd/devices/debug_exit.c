/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port 0xf4: a guest ends its VM by writing its exit code. In trapd, on the writing vCPU's thread; vm_stop() kicks the others.
 * Reads as ones.
 */
#include "trapd/devices/bus.h"
#include "trapd/vm/vm.h"

#define DEBUG_EXIT_PORT 0xf4

static void debug_exit_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	int code = (int)(value & 0xff);

	vm_stop(dev, VM_STOP_GUEST_EXIT, code, NULL, "the guest exited with code %d", code);
}

/* The VM owns the bus, not the other way round: nothing to destroy. */
static const struct device_ops debug_exit_ops = { .name = "debug-exit", .write = debug_exit_write };

int debug_exit_add(struct bus *b, struct vm *vm)
{
	return bus_add_ports(b, DEBUG_EXIT_PORT, 1, &debug_exit_ops, vm);
}
