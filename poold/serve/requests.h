/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of trapd: a table from operation to library call. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_REQUESTS_H
#define SHADOWPOOL_POOLD_REQUESTS_H

#include <stdint.h>

#include "common/shm_layout.h"
#include "poold/serve/session.h"
#include "poold/trace/call.h"

/*
 * Check a request of vCPU v and turn it into the library call that it asks for. call->op is 0 for a request that needs no call:
 * NOP, and INVLPG of an address that is not canonical. Returns 0, or -EPROTO with the reason in *reject: an honest trapd does not
 * send this. Pure.
 */
int request_decode(const struct pool_config *config, uint32_t v, const struct link_req *req, struct pool_call *call,
		   const char **reject);

/*
 * Serve one request of vCPU v: check it, acknowledge its flush, consume the events that it waits for, call the library, audit,
 * reply. Returns 0; -EPROTO: the peer has broken a rule (s->reject), nothing was answered; -EIO: the pool is corrupt, which was
 * answered. After an error the caller detaches.
 */
int requests_serve(struct session *s, uint32_t v, const struct link_req *req);

#endif
