/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inherited descriptors, see inherit.h. Process trapd, main thread, before anything is opened. */
#include "trapd/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST	3u	/* 0 to 2 are the standard ones */

static void close_between(unsigned first, unsigned last)
{
	/* Kernels before 5.9 have no close_range(2); then what was inherited stays. */
	if (first <= last)
		syscall(SYS_close_range, first, last, 0);
}

static int keep(const char *what, int fd, char *err, size_t err_size)
{
	if (fd < 0 || !fcntl(fd, F_SETFD, FD_CLOEXEC))
		return 0;
	snprintf(err, err_size, "--console-%s %d: no such descriptor was inherited", what, fd);
	return -EBADF;
}

int inherit_only_console(const struct trapd_config *config, char *err, size_t err_size)
{
	int low = config->console_in < config->console_out ? config->console_in : config->console_out;
	int high = config->console_in < config->console_out ? config->console_out : config->console_in;
	unsigned next = FIRST;
	int rc;

	rc = keep("in", config->console_in, err, err_size);
	if (!rc)
		rc = keep("out", config->console_out, err, err_size);
	if (rc)
		return rc;
	if (low >= (int)FIRST) {
		close_between(next, (unsigned)low - 1);
		next = (unsigned)low + 1;
	}
	if (high >= (int)next) {
		close_between(next, (unsigned)high - 1);
		next = (unsigned)high + 1;
	}
	close_between(next, ~0u);
	return 0;
}
