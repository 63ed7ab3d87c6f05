/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the pool is audited and what becomes of a violation. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_AUDIT_H
#define SHADOWPOOL_POOLD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "poold/serve/session.h"

#define AUDIT_FULL_EVERY 64u

/* After a request was served: what ATTACH_AUDIT_* asks for. Returns the number of violations; overwrites s->out. */
uint32_t audit_after_request(struct session *s);
/*
 * One audit now; violations are logged, and the library counts them (audit_violations). Returns their number. s->out
 * is overwritten.
 */
uint32_t audit_run(struct session *s, bool full);

#endif
