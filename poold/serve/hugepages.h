/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many 2 MiB hugepages the machine has, readable after the sandbox has closed all paths. */
#ifndef SHADOWPOOL_POOLD_HUGEPAGES_H
#define SHADOWPOOL_POOLD_HUGEPAGES_H

#include <stdint.h>

#define HUGEPAGE_SIZE (2ull << 20)

struct hugepages {
	int free_fd, total_fd;		/* /sys/kernel/mm/hugepages/hugepages-2048kB; -1: the kernel has none */
};

/* Open both files of /sys. Never fails: a file that cannot be opened reads as 0. */
void hugepages_open(struct hugepages *h);
void hugepages_close(struct hugepages *h);
/* Hugepages that are free, and that there are, at this moment; 0 if the kernel does not say. Thread: any. */
uint64_t hugepages_free(const struct hugepages *h);
uint64_t hugepages_total(const struct hugepages *h);

#endif
