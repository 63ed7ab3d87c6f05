/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What poold may still ask of the kernel once it is up. Thread: main, before any other thread exists. */
#ifndef SHADOWPOOL_POOLD_SANDBOX_H
#define SHADOWPOOL_POOLD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>


/* First thing in main(): descriptors that the caller forgot are closed, from 3 up. */
void sandbox_close_inherited(void);
/* End when the parent ends. 0; -ESRCH: it has ended already. */
int sandbox_die_with_parent(void);
/*
 * No new privileges, then the filter: from here on no path can be opened, no socket or process created, no device
 * controlled. 0, or -errno with one line in err. In sanitizer builds the filter is left out (they need /proc): 1.
 */
int sandbox_close(char *err, size_t err_size);

#endif
