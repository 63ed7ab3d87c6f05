/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of the host as a guest's disk, in sectors of 512 bytes. One thread at a time calls for a disk: the bus lock sees to it.
 */
#ifndef SHADOWPOOL_TRAPD_DEVICES_DISK_H
#define SHADOWPOOL_TRAPD_DEVICES_DISK_H

#include <stddef.h>
#include <stdint.h>

#define DISK_SECTOR	512u
#define DISK_SECTORS_MAX	(1ull << 48)

struct disk {
	int fd;			/* -1: no disk */
	uint64_t sectors;	/* whole sectors that the file had when it was opened; if it shrinks later, reads fail */
};

/*
 * Open a regular file for reading and writing, and lock it, so that no two VMs write the same file. Returns 0, or -errno with one
 * line (cause and remedy) in err. Thread: control.
 */
int disk_open(struct disk *d, const char *path, char *err, size_t err_size);
/* Close the file. A disk with fd -1 is allowed: nothing happens. */
void disk_close(struct disk *d);
/*
 * Read or write count sectors from sector first on; the caller has checked that all of them are inside the disk. Returns 0, or
 * -errno: some of the sectors may have been moved then. May block as long as the host's file system does.
 */
int disk_read(const struct disk *d, uint64_t first, unsigned count, void *to);
int disk_write(const struct disk *d, uint64_t first, unsigned count, const void *from);
/* After 0 everything that was written before is on the host's storage (fdatasync(2)); else -errno. */
int disk_flush(const struct disk *d);

#endif
