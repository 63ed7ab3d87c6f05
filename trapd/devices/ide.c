/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the IDE channel, see ide.h. In trapd, on the vCPU threads under the bus lock; a command is done when its
 * write returns, so BSY is never seen but during a reset. Sources: ATA/ATAPI-6 (T13/1410D) chapters 7 (registers) and 9
 * (protocols).
 */
#include "trapd/devices/ide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/devices/bus.h"
#include "trapd/devices/irq.h"

#define COMMAND_BLOCK	0x1f0
#define CONTROL_PORT	0x3f6

#define CONTROL_NIEN	0x02u
#define CONTROL_SRST	0x04u
#define CONTROL_HOB	0x80u

enum { DATA, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS };

static bool is_present(const struct ide_drive *d)
{
	return d->disk.fd >= 0;
}

static void line(struct ide *ide)
{
	irq_set(ide->irqs, IRQ_IDE, ide->interrupt && !(ide->control & CONTROL_NIEN));
}

void ide_signature(struct ide_drive *d)
{
	d->regs = (struct ide_regs){ .count = { 1 }, .lba = { { 1 } } };
	d->error = 0x01;		/* diagnostics passed */
	d->status = is_present(d) ? IDE_STATUS_DRDY | IDE_STATUS_DSC : 0;
	d->fill = d->at = 0;
	d->left = 0;
}

/* 9.16.2: a drive that is not there reads as zeros through the other one. */
static uint8_t status_of(const struct ide *ide)
{
	const struct ide_drive *d = &ide->drive[ide->selected];

	if (ide->control & CONTROL_SRST)
		return IDE_STATUS_BSY;
	return is_present(d) ? d->status : 0;
}

static uint8_t reg_read(struct ide *ide, unsigned reg)
{
	const struct ide_drive *d = &ide->drive[ide->selected];
	unsigned old = !!(ide->control & CONTROL_HOB);

	if (reg == STATUS) {
		ide->interrupt = false;
		line(ide);
		return status_of(ide);
	}
	if (reg == DEVICE)
		return d->regs.device | 0xa0;
	if (!is_present(d))
		return 0;
	switch (reg) {
	case ERROR: return d->error;
	case COUNT: return d->regs.count[old];
	default: return d->regs.lba[reg - LBA_LOW][old];
	}
}

static void push(uint8_t reg[2], uint8_t value)
{
	reg[1] = reg[0];
	reg[0] = value;
}

/* Both drives see every write; the command goes to the selected one. */
static void reg_write(struct ide *ide, unsigned reg, uint8_t value)
{
	ide->control &= (uint8_t)~CONTROL_HOB;
	if (reg == STATUS) {
		ide->interrupt = false;
		line(ide);
		if (!(ide->control & CONTROL_SRST))
			ide_command(ide, value);
		line(ide);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct ide_regs *r = &ide->drive[i].regs;

		switch (reg) {
		case ERROR: push(r->feature, value); break;
		case COUNT: push(r->count, value); break;
		case DEVICE: r->device = value; break;
		default: push(r->lba[reg - LBA_LOW], value); break;
		}
	}
	if (reg == DEVICE)
		ide->selected = !!(value & IDE_DEVICE_SLAVE);
}

/* The data port is 16 bits wide; a 32-bit access is two cycles of it. */
static uint64_t data_read(struct ide *ide, unsigned size)
{
	struct ide_drive *d = &ide->drive[ide->selected];
	uint64_t value = ~0ull;
	unsigned n = size < 2 ? 2 : size;

	if (!(d->status & IDE_STATUS_DRQ) || d->to_disk || n > d->fill - d->at)
		return value;
	value = 0;
	memcpy(&value, d->buffer + d->at, n > 8 ? 8 : n);
	d->at += n;
	if (d->at == d->fill)
		ide_block_done(ide);
	line(ide);
	return value;
}

static void data_write(struct ide *ide, unsigned size, uint64_t value)
{
	struct ide_drive *d = &ide->drive[ide->selected];
	unsigned n = size < 2 ? 2 : size;

	if (!(d->status & IDE_STATUS_DRQ) || !d->to_disk || n > d->fill - d->at || n > 8)
		return;
	memcpy(d->buffer + d->at, &value, n);
	d->at += n;
	if (d->at == d->fill)
		ide_block_done(ide);
	line(ide);
}

static uint64_t ide_read(void *dev, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	if (offset == DATA)
		return data_read(dev, size);
	for (unsigned i = 0; i < size && offset + i <= STATUS; i++)
		value |= (uint64_t)reg_read(dev, offset + i) << i * 8;
	return value;
}

static void ide_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	if (offset == DATA) {
		data_write(dev, size, value);
		return;
	}
	for (unsigned i = 0; i < size && offset + i <= STATUS; i++)
		reg_write(dev, offset + i, (uint8_t)(value >> i * 8));
}

static uint64_t control_read(void *dev, uint32_t offset, unsigned size)
{
	return status_of(dev);		/* alternate status: leaves the interrupt alone */
}

static void control_write(void *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct ide *ide = dev;

	if ((value & CONTROL_SRST) && !(ide->control & CONTROL_SRST)) {
		ide_signature(&ide->drive[0]);
		ide_signature(&ide->drive[1]);
		ide->selected = 0;
		ide->interrupt = false;
	}
	ide->control = (uint8_t)value;
	line(ide);
}

static void ide_destroy(void *dev)
{
	struct ide *ide = dev;

	disk_close(&ide->drive[0].disk);
	disk_close(&ide->drive[1].disk);
	free(ide);
}

static const struct device_ops ide_ops = { .name = "ide", .read = ide_read, .write = ide_write, .destroy = ide_destroy };
static const struct device_ops control_ops = {
	.name = "ide control", .read = control_read, .write = control_write, .destroy = ide_destroy,
};

int ide_add(struct bus *b, struct irqs *irqs, const struct disk *disk)
{
	struct ide *ide = calloc(1, sizeof(*ide));
	int rc;

	if (!ide)
		return -ENOMEM;
	ide->irqs = irqs;
	for (unsigned i = 0; i < 2; i++) {
		ide->drive[i].disk = disk[i];
		ide->drive[i].heads = IDE_HEADS;
		ide->drive[i].track = IDE_TRACK;
		ide->drive[i].write_cache = true;
		ide_signature(&ide->drive[i]);
	}
	rc = bus_add_ports(b, CONTROL_PORT, 1, &control_ops, ide);
	if (rc) {
		free(ide);
		return rc;
	}
	rc = bus_add_ports(b, COMMAND_BLOCK, 8, &ide_ops, ide);
	if (rc)		/* the bus destroys it, but the disks stay the caller's */
		ide->drive[0].disk.fd = ide->drive[1].disk.fd = -1;
	return rc;
}
