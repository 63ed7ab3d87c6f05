/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that is a guest's disk, in sectors of 512 bytes. All calls of a disk on one thread at a time (the bus lock). */
#ifndef SHADOWPOOL_TRAPD_DEVICES_DISK_H
#define SHADOWPOOL_TRAPD_DEVICES_DISK_H

#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR	512u
#define DISK_SECTORS_MAX	(1ull << 48)

struct disk {
	int fd;			/* -1: no disk */
	uint64_t sectors;	/* whole ones when it was opened; the file may shrink later, then reads fail */
};

/*
 * Open a regular file for reading and writing and lock it, so that no two VMs write it. 0; -errno with one line (cause and
 * remedy) in err. Control thread.
 */
int disk_open(struct disk *d, const char *path, char *err, size_t err_size);
/* Safe for a disk with fd -1. */
void disk_close(struct disk *d);
/* [first, first + count) is inside the disk. 0 or -errno; a part may then have been done. May block. */
int disk_read(const struct disk *d, uint64_t first, unsigned count, void *to);
int disk_write(const struct disk *d, uint64_t first, unsigned count, const void *from);
/* What was written before is on the host's disk. 0 or -errno. */
int disk_flush(const struct disk *d);

#endif
