/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports that reset a PC and open its A20 gate, and those parts of a keyboard controller without which kernels do not start.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_I8042_H
#define SHADOWPOOL_TRAPD_DEVICES_I8042_H

struct bus;
struct irqs;

/* Called with the bus lock held on the thread of the vCPU that asked for it; how: what was written where, static text. */
struct reset_line {
	void (*reset)(void *ctx, const char *how);
	void *ctx;
};

/* Ports 0x60 and 0x64: a controller with no keyboard and no mouse port. 0, -EEXIST, -ENOMEM. Control thread. */
int i8042_add(struct bus *b, struct irqs *irqs, const struct reset_line *reset);
/* Ports 0x80 (codes of firmware), 0x92 (A20 and reset), 0xcf8 to 0xcfb (no PCI, but the reset register 0xcf9). */
int chipset_add(struct bus *b, const struct reset_line *reset);

#endif
