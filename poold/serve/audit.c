/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit's schedule. poold, the session's thread. A vCPU that waits for its reply stands still and its events are consumed,
 * so with one vCPU every request is a quiescent moment; with more only the AUDIT request is, when trapd has stopped the
 * others.
 */
#include "poold/serve/audit.h"

#include "common/log.h"

#define AUDIT_LOG_MAX 64u	/* lines for one VM: a broken pool must not fill the disk */

uint32_t audit_run(struct session *s, bool full)
{
	struct pool_call call = { .op = POOL_CALL_AUDIT, .flags = full ? POOL_CALLF_ALL : 0 };
	uint32_t n;

	session_call(s, &call);
	n = s->out.nviolations;
	for (uint32_t i = 0; i < n && i < POOL_CALL_MAX_VIOLATIONS && s->violations_logged < AUDIT_LOG_MAX; i++) {
		const struct pool_violation *v = &s->out.violation[i];

		s->violations_logged++;
		log_error("VM %s: audit: rule A%u violated: page %u slot %u, expected 0x%llx, found 0x%llx", s->name,
			  v->rule, v->page, v->slot, (unsigned long long)v->expected, (unsigned long long)v->found);
	}
	return n;
}

uint32_t audit_after_request(struct session *s)
{
	bool full = s->audit == ATTACH_AUDIT_FULL || s->nrequests % AUDIT_FULL_EVERY == 0;

	return s->audit == ATTACH_AUDIT_OFF ? 0 : audit_run(s, full && s->config.nvcpu == 1);
}
