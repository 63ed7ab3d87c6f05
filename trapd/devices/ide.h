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
#define IDE_TRACK		63u	/* sectors of it */

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

/* Registers that LBA48 commands write twice: [0] the last value, [1] the one before. */
struct ide_regs {
	uint8_t feature[2], count[2], lba[3][2], device;
};

struct ide_drive {
	struct disk disk;
	struct ide_regs regs;
	uint8_t status, error;
	unsigned multiple;		/* sectors of a block, 0: off */
	uint16_t heads, track;		/* of INITIALIZE DEVICE PARAMETERS */
	bool write_cache;
	/* the transfer that runs while DRQ is 1 */
	bool to_disk;
	uint64_t next;			/* sector */
	uint32_t left;			/* sectors that follow the block in the buffer */
	unsigned block;			/* sectors per block */
	unsigned fill, at;		/* bytes in the buffer, bytes that the guest has moved */
	uint8_t buffer[IDE_MULTIPLE_MAX * DISK_SECTOR];
};

struct ide {
	struct irqs *irqs;
	struct ide_drive drive[2];
	unsigned selected;
	uint8_t control;
	bool interrupt;			/* INTRQ of the selected drive */
};

/* disk: two of them, master and slave; fd -1: there is none. They are the IDE's from success on. 0, -EEXIST, -ENOMEM. Control thread. */
int ide_add(struct bus *b, struct irqs *irqs, const struct disk *disk);

/* Between the files. ide_command.c: run a command on the selected drive; the guest has moved a whole block. */
void ide_command(struct ide *ide, uint8_t command);
void ide_block_done(struct ide *ide);
/* Sector numbers as CHS and LBA see them, words of IDENTIFY DEVICE. */
void ide_identify(const struct ide_drive *d, bool slave, uint8_t out[DISK_SECTOR]);
/* State after power-on, SRST and EXECUTE DEVICE DIAGNOSTIC. */
void ide_signature(struct ide_drive *d);

#endif
