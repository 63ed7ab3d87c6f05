/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a VM gets a fresh pool after the pool found itself corrupt. vCPU threads of trapd. */
#ifndef SHADOWPOOL_TRAPD_CORRUPT_LIMIT_H
#define SHADOWPOOL_TRAPD_CORRUPT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define CORRUPT_LIMIT	3u		/* fresh pools within the window; the next finding ends the VM */
#define CORRUPT_WINDOW	60u		/* seconds */

/*
 * Take note of one more at now_s (CLOCK_MONOTONIC, seconds) in at[], which begins as zeros and is the caller's. true: it is
 * more than CORRUPT_LIMIT within the window. Thread: the one that owns at[].
 */
bool corrupt_too_often(uint64_t at[CORRUPT_LIMIT], uint64_t now_s);

#endif
