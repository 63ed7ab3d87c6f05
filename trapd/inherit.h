/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that trapd got from the process that started it. Main thread, first thing. */
#ifndef SHADOWPOOL_TRAPD_INHERIT_H
#define SHADOWPOOL_TRAPD_INHERIT_H

#include <stddef.h>

#include "trapd/config.h"

/*
 * Close every descriptor from 3 up but the console's two: what a caller forgot must not reach a process that runs
 * guests.
 * 0, or -EBADF with one line in err if a console descriptor is not open.
 */
int inherit_only_console(const struct trapd_config *config, char *err, size_t err_size);

#endif
