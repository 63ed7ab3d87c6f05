/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What trapd may still ask of the kernel once it is up. Thread: main, before any other thread exists; they inherit
 * it.
 */
#ifndef SHADOWPOOL_TRAPD_SANDBOX_H
#define SHADOWPOOL_TRAPD_SANDBOX_H

#include <stddef.h>


/*
 * No new privileges, then the filter. 0, or -errno with one line in err. Sanitizer builds need more than any list of
 * ours: there the filter is left out, and 1 is returned.
 */
int trapd_sandbox_close(char *err, size_t err_size);

#endif
