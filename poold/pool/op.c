/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame of every operation: begin with an empty debt, pin what it walks over, end with its result. Part of the pool
 * library: any caller of it, under the VM's lock.
 */
#include <string.h>

#include "poold/pool/op.h"

bool op_begin(struct pool *p, uint32_t vcpu, struct pool_result *r)
{
	memset(r, 0, sizeof(*r));
	memset(&p->op, 0, sizeof(p->op));
	p->op.scope = POOL_FLUSH_ALL;
	if (p->corrupt)
		r->status = POOL_E_CORRUPT;
	else if (vcpu >= p->cfg.nvcpu)
		r->status = POOL_E_INVAL;
	else
		return true;
	r->gen = p->gen;
	r->epoch = p->epoch;
	return false;
}

void op_pin(struct pool *p, uint32_t page)
{
	if (p->op.npath > POOL_MAX_PATH) {
		pool_corrupt(p);
		return;
	}
	page_pin(p, page);
	p->op.path[p->op.npath++] = page;
}

void op_post(struct pool *p)
{
	for (uint32_t v = 0; v < p->cfg.nvcpu; v++)
		debt_add(&p->vcpu[v].pending, &p->op.debt);
}

static void debt_report(struct pool *p, const struct pool_debt *d, struct pool_result *r)
{
	static const enum pool_stat scope_stat[] = {
		[POOL_FLUSH_GVA] = POOL_STAT_flush_scope_gva,
		[POOL_FLUSH_ROOT] = POOL_STAT_flush_scope_root,
		[POOL_FLUSH_ALL] = POOL_STAT_flush_scope_all,
	};

	r->flush = d->flush;
	r->flush_gva = d->flush_gva;
	r->ntouch = d->ntouch;
	memset(r->touch, 0, sizeof(r->touch));
	if (d->ntouch <= POOL_MAX_TOUCH)
		memcpy(r->touch, d->touch, d->ntouch * sizeof(r->touch[0]));
	else
		stat_inc(p, POOL_STAT_changed_list_overflow);
	if (d->flush != POOL_FLUSH_NONE)
		stat_inc(p, scope_stat[d->flush]);
	r->gen = p->gen;
	r->epoch = p->epoch;
	p->epoch_reported = true;
}

static void status_count(struct pool *p, enum pool_status status)
{
	switch (status) {
	case POOL_E_RANGE: stat_inc(p, POOL_STAT_errors_range); break;
	case POOL_E_INVAL: stat_inc(p, POOL_STAT_errors_inval); break;
	case POOL_E_NOMEM: stat_inc(p, POOL_STAT_errors_nomem); break;
	case POOL_NEED_FLUSH: stat_inc(p, POOL_STAT_need_flush); break;
	case POOL_NEED_SHOOTDOWN: stat_inc(p, POOL_STAT_shootdown_needed); break;
	case POOL_STEP: stat_inc(p, POOL_STAT_step_answers); break;
	default: break;
	}
}

void op_end(struct pool *p, enum pool_status status, struct pool_result *r)
{
	while (p->op.npath)
		page_unpin(p, p->op.path[--p->op.npath]);
	if (p->corrupt)
		status = POOL_E_CORRUPT;
	if (status == POOL_NEED_FLUSH || status == POOL_NEED_SHOOTDOWN)
		debt_flush(&p->op.debt, POOL_FLUSH_ALL, 0);
	counter_max(&p->stats[POOL_STAT_steps_max], p->op.steps);
	r->status = status;
	if (status >= POOL_E_RANGE) {
		r->root[0] = r->root[1] = 0;
		r->entry = 0;
		r->prefetched = 0;
	}
	status_count(p, status);
	debt_report(p, &p->op.debt, r);
}

void pool_merge_pending(struct pool *p, uint32_t vcpu, struct pool_result *r)
{
	struct pool_debt d = { .flush = r->flush, .flush_gva = r->flush_gva, .ntouch = r->ntouch };

	if (vcpu >= p->cfg.nvcpu || (p->vcpu[vcpu].pending.flush == POOL_FLUSH_NONE && !p->vcpu[vcpu].pending.ntouch))
		return;
	memcpy(d.touch, r->touch, sizeof(d.touch));
	debt_add(&d, &p->vcpu[vcpu].pending);
	memset(&p->vcpu[vcpu].pending, 0, sizeof(p->vcpu[vcpu].pending));
	debt_report(p, &d, r);
}

void pool_flush_done(struct pool *p, uint32_t vcpu, bool all_vcpus, uint32_t epoch)
{
	uint32_t first = all_vcpus ? 0 : vcpu, end = all_vcpus ? p->cfg.nvcpu : vcpu + 1;

	/* An epoch from the future would free pages that are still walked: the peer may not claim it. */
	if (vcpu >= p->cfg.nvcpu || !epoch_reached(p->epoch, epoch) || (epoch == p->epoch && !p->epoch_reported))
		return;
	for (uint32_t v = first; v < end; v++)
		if (!epoch_reached(p->vcpu[v].acked, epoch))
			p->vcpu[v].acked = epoch;
	page_limbo_release(p);
}
