/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many times a VM may get a fresh pool because poold has found its pool corrupt (E_CORRUPT). */
#ifndef SHADOWPOOL_TRAPD_CORRUPT_LIMIT_H
#define SHADOWPOOL_TRAPD_CORRUPT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define CORRUPT_LIMIT	3u		/* fresh pools within the window; one more E_CORRUPT ends the VM */
#define CORRUPT_WINDOW	60u		/* length of the window in seconds */

/*
 * An E_CORRUPT has come at now_s (CLOCK_MONOTONIC, seconds). at[] has the times of the last ones: the caller's, zeros at first.
 * true: there were more than CORRUPT_LIMIT of them within the window. Thread: the one that owns at[].
 */
bool corrupt_too_often(uint64_t at[CORRUPT_LIMIT], uint64_t now_s);

#endif
