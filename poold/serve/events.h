/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Write events from the rings into the pool. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_EVENTS_H
#define SHADOWPOOL_POOLD_EVENTS_H

#include <stdint.h>

#include "poold/serve/session.h"

/*
 * Take up to RING_BATCH events of vCPU v and apply them to the pool. Returns their number; -EPROTO: the peer has broken a rule,
 * s->reject says which; -EIO: the pool is corrupt. After an error the caller detaches.
 */
int events_poll(struct session *s, uint32_t v);
/*
 * Consume every ring of the VM up to the tail that a request of vCPU v names for it: nvcpu * nslots events at most. Returns 0, or
 * an error of events_poll().
 */
int events_catch_up(struct session *s, uint32_t v, const struct link_req *req);

#endif
