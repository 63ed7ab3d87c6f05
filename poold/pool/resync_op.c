/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operation that brings tables back into step on demand; how it is done is core/resync.c. Part of the pool library: any
 * caller of it, under the VM's lock, no vCPU running that has not flushed what the result says.
 */
#include "poold/pool/op.h"

void pool_resync(struct pool *p, uint32_t vcpu, uint64_t gfn, struct pool_result *r)
{
	uint64_t begin = time_begin(p, POOL_DURATION_resync);
	enum pool_status status;

	if (!op_begin(p, vcpu, r))
		return;
	fetch_leaf_drop_all(p);
	if (gfn == POOL_RESYNC_ALL)
		status = resync_all(p);
	else
		status = ram_index(p, gfn) == RAM_NIL ? POOL_E_RANGE : resync_gfn(p, gfn);
	op_end(p, status, r);
	time_end(p, POOL_DURATION_resync, begin);
}
