/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands of an ATA disk, see ide.h. In trapd, on the vCPU threads under the bus lock; reads and writes of the file happen
 * here, and block as long as the host's file system does. Source: ATA/ATAPI-6 (T13/1410D) chapter 8, and 9.5 to 9.7.
 */
#include <stddef.h>

#include "trapd/devices/ide.h"

#define LBA28_SECTORS	(1ull << 28)

struct command {
	void (*run)(struct ide *ide, struct ide_drive *d, const struct command *c);
	bool extended;			/* LBA48 */
	bool multiple;
	bool to_disk;
	const char *name;		/* ATA/ATAPI-6 */
};

static void done(struct ide *ide, struct ide_drive *d)
{
	d->status = IDE_STATUS_DRDY | IDE_STATUS_DSC;
	ide->interrupt = true;
}

static void failed(struct ide *ide, struct ide_drive *d, uint8_t error)
{
	d->error = error;
	d->status = IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_ERR;
	d->left = 0;
	ide->interrupt = true;
}

static void ok(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	done(ide, d);
}

/* First sector of the command; beyond the end if CHS says something impossible. */
static uint64_t first_sector(const struct ide_drive *d, bool extended)
{
	const struct ide_regs *r = &d->regs;
	uint64_t low = r->lba[0][0] | (uint64_t)r->lba[1][0] << 8 | (uint64_t)r->lba[2][0] << 16;
	unsigned head = r->device & 15;

	if (extended)
		return low | (uint64_t)r->lba[0][1] << 24 | (uint64_t)r->lba[1][1] << 32 | (uint64_t)r->lba[2][1] << 40;
	if (r->device & IDE_DEVICE_LBA)
		return low | (uint64_t)head << 24;
	if (!r->lba[0][0] || r->lba[0][0] > d->track || head >= d->heads)
		return ~0ull;
	return ((low >> 8) * d->heads + head) * d->track + r->lba[0][0] - 1;
}

static uint32_t sector_count(const struct ide_drive *d, bool extended)
{
	uint32_t n = d->regs.count[0] | (extended ? (uint32_t)d->regs.count[1] << 8 : 0);

	return n ? n : extended ? 65536 : 256;
}

/* The address registers name the sector that failed: 8.27.6. */
static void failed_at(struct ide *ide, struct ide_drive *d, uint64_t sector, uint8_t error)
{
	if (d->regs.device & IDE_DEVICE_LBA)
		for (unsigned i = 0; i < 3; i++)
			d->regs.lba[i][0] = (uint8_t)(sector >> i * 8);
	failed(ide, d, error);
}

/* The next block: from the disk into the buffer, or room for the guest's data. */
static void block_begin(struct ide *ide, struct ide_drive *d)
{
	unsigned n = d->left < d->block ? d->left : d->block;

	d->at = 0;
	d->fill = n * DISK_SECTOR;
	d->left -= n;
	if (!d->to_disk) {
		if (disk_read(&d->disk, d->next, n, d->buffer)) {
			failed_at(ide, d, d->next, IDE_ERROR_UNC);
			return;
		}
		d->next += n;
		ide->interrupt = true;
	}
	d->status = IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_DRQ;
}

void ide_block_done(struct ide *ide)
{
	struct ide_drive *d = &ide->drive[ide->selected];
	unsigned n = d->fill / DISK_SECTOR;

	d->status = IDE_STATUS_DRDY | IDE_STATUS_DSC;
	if (d->to_disk) {
		if (disk_write(&d->disk, d->next, n, d->buffer) || (!d->write_cache && disk_flush(&d->disk))) {
			failed_at(ide, d, d->next, IDE_ERROR_ABRT);
			d->status |= IDE_STATUS_DF;
			return;
		}
		d->next += n;
		ide->interrupt = true;
	}
	if (d->left)
		block_begin(ide, d);
}

static void transfer(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	uint64_t first = first_sector(d, c->extended);
	uint32_t n = sector_count(d, c->extended);

	if (c->multiple && !d->multiple) {
		failed(ide, d, IDE_ERROR_ABRT);
		return;
	}
	if (first >= d->disk.sectors || n > d->disk.sectors - first) {
		failed_at(ide, d, first, IDE_ERROR_IDNF);
		return;
	}
	d->to_disk = c->to_disk;
	d->next = first;
	d->left = n;
	d->block = c->multiple ? d->multiple : 1;
	block_begin(ide, d);
}

static void verify(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	uint64_t first = first_sector(d, c->extended);

	if (first >= d->disk.sectors || sector_count(d, c->extended) > d->disk.sectors - first)
		failed_at(ide, d, first, IDE_ERROR_IDNF);
	else
		done(ide, d);
}

static void identify(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	ide_identify(d, ide->selected, d->buffer);
	d->to_disk = false;
	d->left = 0;
	d->at = 0;
	d->fill = DISK_SECTOR;
	d->status = IDE_STATUS_DRDY | IDE_STATUS_DSC | IDE_STATUS_DRQ;
	ide->interrupt = true;
}

static void flush(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	if (disk_flush(&d->disk)) {
		failed(ide, d, IDE_ERROR_ABRT);
		d->status |= IDE_STATUS_DF;
	} else {
		done(ide, d);
	}
}

/* 0 switches it off; otherwise a power of two that the disk can do: 8.39. */
static void set_multiple(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	unsigned n = d->regs.count[0];

	if (n > IDE_MULTIPLE_MAX || (n & (n - 1))) {
		failed(ide, d, IDE_ERROR_ABRT);
		return;
	}
	d->multiple = n;
	done(ide, d);
}

/* CHS as the guest wants to count: 8.16 of ATA-5, obsolete but asked for by old drivers. */
static void init_params(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	unsigned heads = (d->regs.device & 15) + 1u, track = d->regs.count[0];

	if (!track || track > IDE_TRACK) {
		failed(ide, d, IDE_ERROR_ABRT);
		return;
	}
	d->heads = (uint16_t)heads;
	d->track = (uint16_t)track;
	done(ide, d);
}

/* 8.46: write cache on and off, PIO modes, the rest is not there. */
static void set_features(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	uint8_t feature = d->regs.feature[0], mode = d->regs.count[0];

	if (feature == 0x02 || feature == 0x82)
		d->write_cache = feature == 0x02;
	else if (!(feature == 0x03 && (mode <= 1 || (mode >= 8 && mode <= 12))) && feature != 0xaa && feature != 0x55 &&
		 feature != 0x66 && feature != 0xcc) {
		failed(ide, d, IDE_ERROR_ABRT);
		return;
	}
	done(ide, d);
}

static void diagnose(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	ide_signature(&ide->drive[0]);
	ide_signature(&ide->drive[1]);
	ide->selected = 0;
	ide->interrupt = true;
}

static void power_mode(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	d->regs.count[0] = 0xff;	/* active */
	done(ide, d);
}

static void native_max(struct ide *ide, struct ide_drive *d, const struct command *c)
{
	uint64_t max = d->disk.sectors - 1;

	if (!c->extended && max >= LBA28_SECTORS)
		max = LBA28_SECTORS - 1;
	for (unsigned i = 0; i < 3; i++) {
		d->regs.lba[i][0] = (uint8_t)(max >> i * 8);
		d->regs.lba[i][1] = (uint8_t)(max >> (24 + i * 8));
	}
	if (!c->extended)
		d->regs.device = (uint8_t)((d->regs.device & 0xf0) | (max >> 24 & 15));
	done(ide, d);
}

/* What is not listed is aborted. */
static const struct command commands[256] = {
	[0x10] = { ok, .name = "RECALIBRATE" },
	[0x20] = { transfer, .name = "READ SECTOR(S)" },
	[0x21] = { transfer, .name = "READ SECTOR(S) without retry" },
	[0x24] = { transfer, .extended = true, .name = "READ SECTOR(S) EXT" },
	[0x27] = { native_max, .extended = true, .name = "READ NATIVE MAX ADDRESS EXT" },
	[0x29] = { transfer, .extended = true, .multiple = true, .name = "READ MULTIPLE EXT" },
	[0x30] = { transfer, .to_disk = true, .name = "WRITE SECTOR(S)" },
	[0x31] = { transfer, .to_disk = true, .name = "WRITE SECTOR(S) without retry" },
	[0x34] = { transfer, .extended = true, .to_disk = true, .name = "WRITE SECTOR(S) EXT" },
	[0x39] = { transfer, .extended = true, .multiple = true, .to_disk = true, .name = "WRITE MULTIPLE EXT" },
	[0x40] = { verify, .name = "READ VERIFY SECTOR(S)" },
	[0x41] = { verify, .name = "READ VERIFY SECTOR(S) without retry" },
	[0x42] = { verify, .extended = true, .name = "READ VERIFY SECTOR(S) EXT" },
	[0x70] = { ok, .name = "SEEK" },
	[0x90] = { diagnose, .name = "EXECUTE DEVICE DIAGNOSTIC" },
	[0x91] = { init_params, .name = "INITIALIZE DEVICE PARAMETERS" },
	[0xc4] = { transfer, .multiple = true, .name = "READ MULTIPLE" },
	[0xc5] = { transfer, .multiple = true, .to_disk = true, .name = "WRITE MULTIPLE" },
	[0xc6] = { set_multiple, .name = "SET MULTIPLE MODE" },
	[0xe0] = { ok, .name = "STANDBY IMMEDIATE" },
	[0xe1] = { ok, .name = "IDLE IMMEDIATE" },
	[0xe2] = { ok, .name = "STANDBY" },
	[0xe3] = { ok, .name = "IDLE" },
	[0xe5] = { power_mode, .name = "CHECK POWER MODE" },
	[0xe7] = { flush, .name = "FLUSH CACHE" },
	[0xea] = { flush, .extended = true, .name = "FLUSH CACHE EXT" },
	[0xec] = { identify, .name = "IDENTIFY DEVICE" },
	[0xef] = { set_features, .name = "SET FEATURES" },
	[0xf8] = { native_max, .name = "READ NATIVE MAX ADDRESS" },
};

void ide_command(struct ide *ide, uint8_t command)
{
	struct ide_drive *d = &ide->drive[ide->selected];
	const struct command *c = &commands[command];

	/* Nobody hears it, but for the diagnostic, which drive 0 runs for both. */
	if (d->disk.fd < 0 && c->run != diagnose)
		return;
	d->error = 0;
	d->fill = d->at = 0;
	d->left = 0;
	if (c->run)
		c->run(ide, d, c);
	else
		failed(ide, d, IDE_ERROR_ABRT);
}
