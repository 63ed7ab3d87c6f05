/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inherit.h. Either daemon, main thread, first thing at start-up. */
#include "common/inherit.h"

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST	3u	/* 0 to 2 are the standard ones */

/* The lowest of keep that is not below next, or ~0u. */
static unsigned lowest(const int *keep, unsigned n, unsigned next)
{
	unsigned found = ~0u;

	for (unsigned i = 0; i < n; i++)
		if (keep[i] >= 0 && (unsigned)keep[i] >= next && (unsigned)keep[i] < found)
			found = (unsigned)keep[i];
	return found;
}

void inherit_close_others(const int *keep, unsigned n)
{
	unsigned next = FIRST, kept;

	do {
		kept = lowest(keep, n, next);
		/* Kernels before 5.9 have no close_range(2); then what was inherited stays. None of them runs what trapd needs. */
		if (next < kept)
			syscall(SYS_close_range, next, kept == ~0u ? kept : kept - 1, 0);
		next = kept + 1;
	} while (kept != ~0u);
}
