// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sealed shared memory between the daemons. Runs at VM creation and at attach, on any thread that may block. A received
 * descriptor is hostile: nothing is mapped before its seals and size are known, or the peer could truncate it under us
 * (SIGBUS) or write through it. memfd_create(2), fcntl(2) "File Sealing".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x0008u		/* Linux 6.3 */
#endif
#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB	(21u << 26)	/* log2 of the page size, <linux/memfd.h> */
#endif

static const uint64_t page_bytes[] = { [MEMFD_4K] = 4096, [MEMFD_2M] = 2u << 20 };

static int memfd_new(const char *name, enum memfd_pages pages)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (pages == MEMFD_2M ? MFD_HUGETLB | MFD_HUGE_2MB : 0);
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	/* Kernels before 6.3 know no executable bit of a memfd. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

static int memfd_reserve(int fd, uint64_t size)
{
	int rc;

	do
		rc = fallocate(fd, 0, 0, (off_t)size);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int memfd_create_sealed(struct memfd *m, const char *name, uint64_t size, enum memfd_pages pages, bool reserve,
			bool share_writable)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (share_writable ? 0 : F_SEAL_FUTURE_WRITE);
	int rc;

	*m = (struct memfd)MEMFD_NONE;
	if (!size || size > INT64_MAX || size % page_bytes[pages])
		return -EINVAL;
	rc = memfd_new(name, pages);
	if (rc < 0)
		return rc;
	m->fd = rc;
	rc = ftruncate(m->fd, (off_t)size) < 0 ? -errno : 0;
	if (!rc && reserve)
		rc = memfd_reserve(m->fd, size);
	if (!rc) {
		void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);

		if (base == MAP_FAILED) {
			rc = -errno;
		} else {
			m->base = base;
			m->size = size;
		}
	}
	/* Only after the mapping: FUTURE_WRITE refuses new writable ones, to the owner as well. */
	if (!rc && fcntl(m->fd, F_ADD_SEALS, seals) < 0)
		rc = -errno;
	if (rc)
		memfd_close(m);
	return rc;
}

/* Seals first: without SHRINK the size means nothing. */
static int memfd_check(int fd, uint64_t size, bool writable)
{
	int need = F_SEAL_SHRINK | F_SEAL_GROW | (writable ? 0 : F_SEAL_FUTURE_WRITE);
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	/* EINVAL: a file that knows no seals, such as one on a disk. */
	if (seals < 0)
		return errno == EINVAL ? -EPERM : -errno;
	if ((seals & need) != need)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_size >= 0 && (uint64_t)st.st_size == size ? 0 : -EMSGSIZE;
}

int memfd_open_sealed(struct memfd *m, int fd, uint64_t size, bool writable)
{
	void *base;
	int rc;

	*m = (struct memfd)MEMFD_NONE;
	rc = size ? memfd_check(fd, size, writable) : -EMSGSIZE;
	if (!rc) {
		base = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
		if (base != MAP_FAILED) {
			*m = (struct memfd){ .fd = fd, .base = base, .size = size };
			return 0;
		}
		rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void memfd_close(struct memfd *m)
{
	if (m->base)
		munmap(m->base, m->size);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct memfd)MEMFD_NONE;
}

static int read_number(const char *path, uint64_t *out)
{
	unsigned long long value;
	FILE *f = fopen(path, "re");
	int rc;

	if (!f)
		return -errno;
	rc = fscanf(f, "%llu", &value) == 1 ? 0 : -EIO;
	fclose(f);
	if (!rc)
		*out = value;
	return rc;
}

int memfd_hugepages(uint64_t *nr_free, uint64_t *nr_total)
{
	int rc = read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", nr_free);

	return rc ? rc : read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", nr_total);
}
