/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See corrupt_limit.h. Any thread, by its own array; reads no clock. */
#include <string.h>

#include "trapd/link/corrupt_limit.h"

/* at[] holds each time plus 1, because 0 means that there was none. */
bool corrupt_too_often(uint64_t at[CORRUPT_LIMIT], uint64_t now_s)
{
	uint64_t oldest = at[0];

	memmove(at, at + 1, (CORRUPT_LIMIT - 1) * sizeof(at[0]));
	at[CORRUPT_LIMIT - 1] = now_s + 1;
	return oldest && now_s + 1 - oldest < CORRUPT_WINDOW;
}
