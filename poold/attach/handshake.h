/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poold's side of the attach handshake, from HELLO to WELCOME. Thread: the connection's; may block up to its deadlines. */
#ifndef SHADOWPOOL_POOLD_HANDSHAKE_H
#define SHADOWPOOL_POOLD_HANDSHAKE_H

#include "poold/serve/connections.h"

#define HANDSHAKE_HELLO_MS	5000	/* how long trapd may take to send HELLO */
#define HANDSHAKE_NAME_MS	2000	/* how long an older session of the same VM may take to end */

/*
 * Make the handshake of connection c. Returns 0: the session *out is attached, and the peer has its WELCOME; or -errno: the peer
 * was told why, if it still listens, and nothing is left.
 */
int handshake_run(struct connection *c, struct session **out);

#endif
