/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a session's pool is audited, and what becomes of a violation. Thread: the session's. */
#ifndef SHADOWPOOL_POOLD_AUDIT_H
#define SHADOWPOOL_POOLD_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "poold/serve/session.h"

#define AUDIT_FULL_EVERY 64u	/* requests: every 64th audit of ATTACH_AUDIT_CHEAP is a full one */

/*
 * Make the audit that ATTACH_AUDIT_* demands after a request that was served. Returns the number of violations. Overwrites
 * s->out.
 */
uint32_t audit_after_request(struct session *s);
/*
 * Make one audit now. Violations are logged, and the library counts them (audit_violations). Returns the number of violations.
 * Overwrites s->out.
 */
uint32_t audit_run(struct session *s, bool full);

#endif
