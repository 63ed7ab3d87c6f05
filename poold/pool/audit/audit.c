/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit: is the pool what its rules say? Part of the pool library: any caller of it, under the VM's lock, the VM
 * quiescent. Finds and reports, repairs nothing, changes no list and no counter but its own.
 */
#include "poold/pool/audit/audit_priv.h"

void audit_report(struct audit *a, unsigned rule, uint32_t page, uint32_t slot, uint64_t expected, uint64_t found)
{
	if (a->n < a->max)
		a->out[a->n] = (struct pool_violation){ .rule = (uint8_t)rule, .page = page, .slot = slot,
							.expected = expected, .found = found };
	a->n++;
}

void audit_equal(struct audit *a, unsigned rule, uint32_t page, uint32_t slot, uint64_t expected, uint64_t found)
{
	if (expected != found)
		audit_report(a, rule, page, slot, expected, found);
}

uint32_t pool_audit(struct pool *p, enum pool_audit_mode mode, struct pool_violation *out, uint32_t max)
{
	uint64_t begin = time_begin(p, POOL_DURATION_audit);
	struct audit a = { .p = p, .out = out, .max = max };

	audit_lists(&a);
	audit_monitor(&a);
	audit_extents_free(&a);
	if (mode == POOL_AUDIT_FULL) {
		audit_counts(&a);
		audit_monitor_full(&a);
		audit_rmap(&a);
		audit_entries(&a);
	}
	stat_inc(p, POOL_STAT_audit_runs);
	stat_add(p, POOL_STAT_audit_violations, a.n);
	time_end(p, POOL_DURATION_audit, begin);
	return a.n;
}
