/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few ports of a chipset that kernels use without asking, see i8042.h. In trapd, on the vCPU threads under the bus lock.
 * A20 can be switched and read back, but the gate stays open: no guest that runs here needs addresses to wrap at 1 MiB.
 * There is no PCI: its address register does not read back, which is how kernels find out.
 * Sources: Intel 82371SB (PIIX3) data sheet, "Reset Control Register" and "Port 92 Register".
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/i8042.h"

#define RESET_HARD	0x02u		/* 0xcf9: kind of reset */
#define RESET_CPU	0x04u		/* ... and 0 to 1 here does it */
#define PORT92_RESET	0x01u		/* 0 to 1 resets */
#define PORT92_A20	0x02u

struct chipset {
	struct reset_line reset;
	uint8_t post, port92, reset_control;
};

static uint64_t post_read(void *dev, uint32_t offset, unsigned size)
{
	const struct chipset *c = dev;

	return c->post;
}

static void post_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct chipset *c = dev;

	c->post = (uint8_t)value;
}

static uint64_t port92_read(void *dev, uint32_t offset, unsigned size)
{
	const struct chipset *c = dev;

	return c->port92;
}

static void port92_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct chipset *c = dev;
	uint8_t old = c->port92;

	c->port92 = value & (PORT92_RESET | PORT92_A20);
	if (~old & c->port92 & PORT92_RESET)
		c->reset.reset(c->reset.ctx, "port 0x92");
}

/* The reset register lies inside the address register of PCI, which takes only 32 bits at once. */
static uint64_t pci_read(void *dev, uint32_t offset, unsigned size)
{
	const struct chipset *c = dev;

	return offset == 1 && size == 1 ? c->reset_control : ~0ull;
}

static void pci_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct chipset *c = dev;
	uint8_t old = c->reset_control;

	if (offset != 1 || size != 1)
		return;
	c->reset_control = value & (RESET_HARD | RESET_CPU);
	if (~old & c->reset_control & RESET_CPU)
		c->reset.reset(c->reset.ctx, "port 0xcf9");
}

static const struct device_ops post_ops = { .name = "post", .read = post_read, .write = post_write, .destroy = free };
static const struct device_ops port92_ops = { .name = "port 92", .read = port92_read, .write = port92_write, .destroy = free };
static const struct device_ops pci_ops = { .name = "reset", .read = pci_read, .write = pci_write, .destroy = free };

int chipset_add(struct bus *b, const struct reset_line *reset)
{
	struct chipset *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->reset = *reset;
	c->port92 = PORT92_A20;
	rc = bus_add_ports(b, 0x80, 1, &post_ops, c);
	if (rc) {
		free(c);
		return rc;
	}
	rc = bus_add_ports(b, 0x92, 1, &port92_ops, c);
	return rc ? rc : bus_add_ports(b, 0xcf8, 4, &pci_ops, c);
}
