/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two sysfs descriptors that stay open: pread(2) at offset 0 makes sysfs produce the number anew. Opened by main()
 * before the sandbox, read by the threads of connections. (The unit's ProcSubset=pid hides /proc/meminfo, hence sysfs.)
 */
#include "poold/serve/hugepages.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages/hugepages-2048kB/"

void hugepages_open(struct hugepages *h)
{
	h->free_fd = open(HUGEPAGES_DIR "free_hugepages", O_RDONLY | O_CLOEXEC);
	h->total_fd = open(HUGEPAGES_DIR "nr_hugepages", O_RDONLY | O_CLOEXEC);
}

void hugepages_close(struct hugepages *h)
{
	if (h->free_fd >= 0)
		close(h->free_fd);
	if (h->total_fd >= 0)
		close(h->total_fd);
	h->free_fd = h->total_fd = -1;
}

static uint64_t read_number(int fd)
{
	char text[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = 0;
	return strtoull(text, NULL, 10);
}

uint64_t hugepages_free(const struct hugepages *h)
{
	return read_number(h->free_fd);
}

uint64_t hugepages_total(const struct hugepages *h)
{
	return read_number(h->total_fd);
}
