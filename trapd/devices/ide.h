/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The primary IDE channel, ports 0x1f0 to 0x1f7 and 0x3f6, IRQ 14: up to two ATA disks in programmed I/O. ide.c has the
 * registers and the data port, ide_command.c the commands, ide_identify.c what a disk says about itself.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_IDE_H
#define SHADOWPOOL_TRAPD_DEVICES_IDE_H

#include <stdbool.h>
#include <stdint.h>

#include "trapd/devices/disk.h"

struct bus;
struct irqs;

#define IDE_MULTIPLE_MAX	16u	/* sectors in one block of READ and WRITE MULTIPLE */
#define IDE_HEADS		16u
#define IDE_TRACK		63u	/* sectors of a track */

#define IDE_STATUS_ERR	0x01u
#define IDE_STATUS_DRQ	0x08u
#define IDE_STATUS_DSC	0x10u
#define IDE_STATUS_DF	0x20u
#define IDE_STATUS_DRDY	0x40u
#define IDE_STATUS_BSY	0x80u

#define IDE_ERROR_ABRT	0x04u
#define IDE_ERROR_IDNF	0x10u
#define IDE_ERROR_UNC	0x40u

#define IDE_DEVICE_LBA	0x40u
#define IDE_DEVICE_SLAVE	0x10u

/* The command block's registers. An LBA48 command has each of them written twice: [0] is the last value, [1] the one before. */
struct ide_regs {
	uint8_t feature[2], count[2], lba[3][2], device;
};

struct ide_drive {
	struct disk disk;
	struct ide_regs regs;
	uint8_t status, error;
	unsigned multiple;		/* sectors in a block of READ and WRITE MULTIPLE, 0: not allowed */
	uint16_t heads, track;		/* geometry that INITIALIZE DEVICE PARAMETERS has set: heads, sectors of a track */
	bool write_cache;
	/* the transfer that runs while DRQ is 1 */
	bool to_disk;
	uint64_t next;			/* sector that follows the block in the buffer */
	uint32_t left;			/* sectors of the command that follow the block in the buffer */
	unsigned block;			/* sectors that are moved between two interrupts */
	unsigned fill, at;		/* bytes in the buffer, and bytes of them that the guest has moved */
	uint8_t buffer[IDE_MULTIPLE_MAX * DISK_SECTOR];
};

struct ide {
	struct irqs *irqs;
	struct ide_drive drive[2];
	unsigned selected;
	uint8_t control;
	bool interrupt;			/* INTRQ of the selected drive */
};

/*
 * disk: two of them, master and slave; one with fd -1 does not exist. After success the files are the IDE channel's. Returns 0,
 * -EEXIST, -ENOMEM. Thread: control.
 */
int ide_add(struct bus *b, struct irqs *irqs, const struct disk *disk);

/*
 * ide_command.c, called by ide.c. ide_command(): the guest has written the command register. ide_block_done(): the guest has
 * moved the last byte of the block in the buffer through the data port.
 */
void ide_command(struct ide *ide, uint8_t command);
void ide_block_done(struct ide *ide);
/* ide_identify.c: what IDENTIFY DEVICE answers, geometry and size among it. */
void ide_identify(const struct ide_drive *d, bool slave, uint8_t out[DISK_SECTOR]);
/* Registers as a drive has them after power-on, SRST and EXECUTE DEVICE DIAGNOSTIC: the signature of an ATA disk. */
void ide_signature(struct ide_drive *d);

#endif
