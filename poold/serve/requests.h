/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of trapd: a table from operation to library call. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_REQUESTS_H
#define SHADOWPOOL_POOLD_REQUESTS_H

#include <stdint.h>

#include "common/shm_layout.h"
#include "poold/serve/session.h"
#include "poold/trace/call.h"

/*
 * Validate a request and turn it into the library call that it asks for. Pure: reads nothing but its arguments.
 * call->op is 0 for operations that need none (NOP, AUDIT, INVLPG of an address that no TLB holds). Returns 0, or
 * -EPROTO with the reason in *reject: no honest trapd sends this.
 */
int request_decode(const struct pool_config *config, uint32_t v, const struct link_req *req, struct pool_call *call,
		   const char **reject);

/*
 * Serve one request of vCPU v: validate, acknowledge flushes, consume the events it claims, call the library, audit,
 * reply. 0; -EPROTO: broken peer (s->reject), nothing was answered; -EIO: the pool is corrupt (answered, then detach).
 */
int requests_serve(struct session *s, uint32_t v, const struct link_req *req);

#endif
