/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flush epochs, and the mark of a pool that is not what its rules say. Part of the pool library: any caller of it, under the
 * VM's lock.
 *
 * A change gets the stamp of the current epoch; a result carries that epoch to the vCPU; a vCPU that has flushed
 * acknowledges it. The first change after a result starts a new epoch, so "acknowledged >= stamp" means that the flush
 * came after the change.
 */
#include "poold/pool/core/pool_priv.h"

void pool_corrupt(struct pool *p)
{
	if (!p->corrupt)
		stat_inc(p, POOL_STAT_errors_corrupt);
	p->corrupt = true;
}

uint32_t epoch_stamp(struct pool *p)
{
	if (p->epoch_reported) {
		p->epoch++;
		p->epoch_reported = false;
	}
	return p->epoch;
}

/* Nothing was cleared or reduced since the last full flush of this vCPU. */
bool epoch_vcpu_is_clean(const struct pool *p, uint32_t vcpu)
{
	return epoch_reached(p->vcpu[vcpu].acked, p->reduce_stamp);
}

uint32_t epoch_all_acked(const struct pool *p)
{
	uint32_t oldest = p->vcpu[0].acked;

	for (uint32_t v = 1; v < p->cfg.nvcpu; v++)
		if (!epoch_reached(p->vcpu[v].acked, oldest))
			oldest = p->vcpu[v].acked;
	return oldest;
}
