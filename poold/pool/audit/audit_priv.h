/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the audit share. Rules A1 to A24: doc/spec/pool.md section 9. */
#ifndef SHADOWPOOL_POOLD_POOL_AUDIT_PRIV_H
#define SHADOWPOOL_POOLD_POOL_AUDIT_PRIV_H

#include "poold/pool/audit/audit.h"
#include "poold/pool/core/pool_priv.h"

struct audit {
	struct pool *p;
	struct pool_violation *out;
	uint32_t max, n;
};

void audit_report(struct audit *a, unsigned rule, uint32_t page, uint32_t slot, uint64_t expected, uint64_t found);
/* Report a violation of the rule unless expected and found are equal. */
void audit_equal(struct audit *a, unsigned rule, uint32_t page, uint32_t slot, uint64_t expected, uint64_t found);

void audit_lists(struct audit *a);	/* A1 to A8, A11, A22, A23: descriptors and lists */
void audit_monitor(struct audit *a);	/* A11, A12 */
void audit_monitor_full(struct audit *a);
void audit_entries(struct audit *a);	/* A9, A10, A16 to A20, A24: content of the tables */
void audit_counts(struct audit *a);	/* A13 */
void audit_rmap(struct audit *a);	/* A14, A15 */
void audit_extents_free(struct audit *a);

#endif
