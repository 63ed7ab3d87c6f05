/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that a daemon got from the process that started it. Main thread, before anything is opened. */
#ifndef SHADOWPOOL_COMMON_INHERIT_H
#define SHADOWPOOL_COMMON_INHERIT_H

/*
 * Close every descriptor from 3 up but the n of keep, in any order; those below 3, of -1 say, name none. What a caller forgot
 * must not reach a process that runs guests or serves those that do.
 */
void inherit_close_others(const int *keep, unsigned n);

#endif
