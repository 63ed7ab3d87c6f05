/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter of system calls that poold may make once it is up. Thread: main, before any other thread exists. */
#ifndef SHADOWPOOL_POOLD_SANDBOX_H
#define SHADOWPOOL_POOLD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Have the kernel send SIGTERM when the parent process ends. Returns 0; -ESRCH: the parent has ended already; other -errno. */
int sandbox_die_with_parent(void);
/*
 * Give up new privileges and install the filter: from here on no path can be opened, no socket or process created, no device
 * controlled. Returns 0; -errno with one line in err; 1 in sanitizer builds, where the filter is left out because sanitizers need
 * /proc.
 */
int sandbox_close(char *err, size_t err_size);

#endif
