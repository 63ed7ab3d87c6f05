/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of one link: handshake, loop, detach. */
#ifndef SHADOWPOOL_POOLD_LINK_THREAD_H
#define SHADOWPOOL_POOLD_LINK_THREAD_H

#include "poold/serve/connections.h"

/*
 * Start the thread of a connection; on success sock is its own. 0, -EUSERS (too many links), -ESHUTDOWN, -EAGAIN (no
 * thread), -ENOMEM. Thread: main.
 */
int link_thread_start(struct poold *daemon, int sock);

#endif
