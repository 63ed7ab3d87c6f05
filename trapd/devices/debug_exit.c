/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port 0xf4: a guest ends its VM by writing its exit code, see debug_exit.h. In trapd, on the writing vCPU's thread under the bus
 * lock. Reads as ones.
 */
#include "trapd/devices/debug_exit.h"

#include <errno.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"

#define DEBUG_EXIT_PORT 0xf4

static void debug_exit_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	const struct exit_line *line = dev;

	line->exit(line->ctx, (int)(value & 0xff));
}

static const struct device_ops debug_exit_ops = { .name = "debug-exit", .write = debug_exit_write, .destroy = free };

int debug_exit_add(struct bus *b, const struct exit_line *line)
{
	struct exit_line *dev = malloc(sizeof(*dev));
	int rc;

	if (!dev)
		return -ENOMEM;
	*dev = *line;
	rc = bus_add_ports(b, DEBUG_EXIT_PORT, 1, &debug_exit_ops, dev);
	if (rc)
		free(dev);
	return rc;
}
