/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files as disks, see disk.h. In trapd: opened by the control thread, used by vCPU threads under the bus lock. */
#include "trapd/devices/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int disk_open(struct disk *d, const char *path, char *err, size_t err_size)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK), rc;

	d->fd = -1;
	if (fd < 0 || fstat(fd, &st)) {
		rc = -errno;
		snprintf(err, err_size, "cannot open the disk %s for writing: %s; check the path and its permissions", path, strerror(-rc));
	} else if (!S_ISREG(st.st_mode) || st.st_size < (off_t)DISK_SECTOR) {
		rc = -EINVAL;
		snprintf(err, err_size, "%s is no disk: %s; give a file with a disk image", path,
			 S_ISREG(st.st_mode) ? "it has less than one sector" : "not a regular file");
	} else if (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		snprintf(err, err_size, "the disk %s is in use: %s; stop the other VM or give this one a copy", path, strerror(-rc));
	} else {
		d->fd = fd;
		d->sectors = (uint64_t)st.st_size / DISK_SECTOR;
		if (d->sectors > DISK_SECTORS_MAX)
			d->sectors = DISK_SECTORS_MAX;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void disk_close(struct disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

/* A transfer of whole sectors, whatever pieces the system makes of it. */
static int transfer(ssize_t (*piece)(int fd, struct iovec *part, off_t at), const struct disk *d, uint64_t first, struct iovec all)
{
	off_t at = (off_t)(first * DISK_SECTOR);

	while (all.iov_len) {
		ssize_t n = piece(d->fd, &all, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		all.iov_base = (uint8_t *)all.iov_base + n;
		all.iov_len -= (size_t)n;
		at += n;
	}
	return 0;
}

static ssize_t read_piece(int fd, struct iovec *part, off_t at)
{
	return pread(fd, part->iov_base, part->iov_len, at);
}

static ssize_t write_piece(int fd, struct iovec *part, off_t at)
{
	return pwrite(fd, part->iov_base, part->iov_len, at);
}

int disk_read(const struct disk *d, uint64_t first, unsigned count, void *to)
{
	return transfer(read_piece, d, first, (struct iovec){ to, (size_t)count * DISK_SECTOR });
}

int disk_write(const struct disk *d, uint64_t first, unsigned count, const void *from)
{
	return transfer(write_piece, d, first, (struct iovec){ (void *)(uintptr_t)from, (size_t)count * DISK_SECTOR });
}

int disk_flush(const struct disk *d)
{
	int rc;

	do {
		rc = fdatasync(d->fd);
	} while (rc && errno == EINTR);
	return rc ? -errno : 0;
}
