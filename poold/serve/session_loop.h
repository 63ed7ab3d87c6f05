/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop of a session, from the attach to the detach. */
#ifndef SHADOWPOOL_POOLD_SESSION_LOOP_H
#define SHADOWPOOL_POOLD_SESSION_LOOP_H

#include "poold/serve/session.h"

/*
 * Serve events and requests until the session is over. sock: of its trapd. Returns why it is over: -ENOTCONN, the peer has hung
 * up; -EPROTO, it is broken (s->reject says how, NULL: it spoke on the socket); -EIO, the pool found an error of its own; or
 * another -errno of the wait. Thread: the session's.
 */
int session_loop_run(struct session *s, int sock);

#endif
