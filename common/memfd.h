/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealed shared-memory objects. The owner maps read-write first, then seals, then sends the descriptor; the receiver
 * checks seals and size before it maps, and maps read-only. doc/spec/ring.md, Objects: FUTURE_WRITE is the boundary, O_RDONLY is
 * none.
 */
#ifndef SHADOWPOOL_COMMON_MEMFD_H
#define SHADOWPOOL_COMMON_MEMFD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memfd_pages { MEMFD_4K, MEMFD_2M };

struct memfd {
	int fd;			/* -1: none */
	void *base;		/* NULL: not mapped */
	uint64_t size;
};

#define MEMFD_NONE { -1, 0, 0 }

/*
 * Create, size, map read-write and seal SHRINK, GROW, SEAL and (share_writable false) FUTURE_WRITE.
 * reserve: fallocate everything now, so that no page can be missing later (-ENOSPC / -ENOMEM when there is too little).
 * size: a multiple of the page size. 0 or -errno; on error *m is MEMFD_NONE.
 */
int memfd_create_sealed(struct memfd *m, const char *name, uint64_t size, enum memfd_pages pages, bool reserve,
			bool share_writable);
/*
 * Check a received descriptor: seals SHRINK and GROW (and FUTURE_WRITE unless writable), exact size; map it, read-only
 * unless writable. Takes the descriptor in every case (closed on error). 0, -EPERM (seals), -EMSGSIZE (size), -errno.
 */
int memfd_open_sealed(struct memfd *m, int fd, uint64_t size, bool writable);
/* Unmap and close; *m becomes MEMFD_NONE. Safe on MEMFD_NONE. */
void memfd_close(struct memfd *m);

/* Free and total 2 MiB hugepages from /sys/kernel/mm/hugepages; -errno if the kernel has none. */
int memfd_hugepages(uint64_t *nr_free, uint64_t *nr_total);

#endif
