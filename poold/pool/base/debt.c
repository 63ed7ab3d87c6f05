/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operation owes a vCPU, see debt.h. Part of the pool library: any caller of it. Pure functions of the debt.
 */
#include "poold/pool/base/debt.h"

void debt_flush(struct pool_debt *d, enum pool_flush flush, uint64_t gva)
{
	if (flush == POOL_FLUSH_NONE)
		return;
	if (flush == d->flush && flush != POOL_FLUSH_ALL && gva != d->flush_gva)
		flush = POOL_FLUSH_ALL;
	if (flush > d->flush) {
		d->flush = flush;
		d->flush_gva = flush == POOL_FLUSH_ALL ? 0 : gva;
	}
}

void debt_touch(struct pool_debt *d, uint64_t maddr)
{
	if (d->ntouch == POOL_TOUCH_TOO_MANY)
		return;
	for (unsigned i = 0; i < d->ntouch; i++)
		if (d->touch[i] == maddr)
			return;
	if (d->ntouch == POOL_MAX_TOUCH)
		d->ntouch = POOL_TOUCH_TOO_MANY;
	else
		d->touch[d->ntouch++] = maddr;
}

void debt_add(struct pool_debt *d, const struct pool_debt *from)
{
	debt_flush(d, from->flush, from->flush_gva);
	if (from->ntouch == POOL_TOUCH_TOO_MANY) {
		d->ntouch = POOL_TOUCH_TOO_MANY;
		return;
	}
	for (unsigned i = 0; i < from->ntouch; i++)
		debt_touch(d, from->touch[i]);
}
