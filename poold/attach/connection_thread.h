/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of one connection of a trapd: handshake, the loop of its session, detach. */
#ifndef SHADOWPOOL_POOLD_CONNECTION_THREAD_H
#define SHADOWPOOL_POOLD_CONNECTION_THREAD_H

struct service;

/*
 * Start the thread of a connection; on success sock is its own. 0, -EUSERS (too many connections), -ESHUTDOWN, -EAGAIN (no
 * thread), -ENOMEM. Thread: main.
 */
int connection_thread_start(struct service *service, int sock);

#endif
