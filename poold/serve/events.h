/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Write events from the rings into the pool. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_EVENTS_H
#define SHADOWPOOL_POOLD_EVENTS_H

#include <stdint.h>

#include "poold/serve/session.h"

/*
 * Take at most RING_BATCH events of vCPU v and apply them. Returns their number; -EPROTO: broken peer (s->reject says
 * why); -EIO: the pool is corrupt. Either: detach.
 */
int events_poll(struct session *s, uint32_t v);
/* Consume every ring up to the tails that a request of vCPU v claims. 0, -EPROTO, -EIO. Bounded by nvcpu * nslots. */
int events_catch_up(struct session *s, uint32_t v, const struct link_req *req);

#endif
