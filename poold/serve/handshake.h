/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's side of the attach handshake, from HELLO to WELCOME. Thread: the connection's; may block up to its deadlines. */
#ifndef SHADOWPOOL_POOLD_HANDSHAKE_H
#define SHADOWPOOL_POOLD_HANDSHAKE_H

#include "poold/serve/connections.h"

#define HANDSHAKE_HELLO_MS	5000	/* for trapd to say what it wants */
#define HANDSHAKE_NAME_MS	2000	/* for the end of an older session of the same VM */

/*
 * Serve one handshake. 0: *out is attached and the peer knows it. Else -errno: the peer was told why, if it still
 * listens; nothing is left.
 */
int handshake_run(struct connection *c, struct session **out);

#endif
