/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step: one guest instruction runs natively, single-stepped, while up to four monitored tables are open for writing. That is the
 * way out when a write cannot be emulated and its table cannot be let go. Process trapd, the vCPU's own thread. doc/spec/pool.md
 * section 6, "Step".
 */
#include <errno.h>

#include "common/counters.h"
#include "trapd/code/code_pages.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/world.h"
#include "trapd/trap/vcpu_priv.h"

bool step_is_open(const struct vcpu *v, uint64_t gfn)
{
	const struct step *s = &v->priv->step;

	for (unsigned i = 0; s->active && i < s->ngfns; i++)
		if (s->gfn[i] == gfn)
			return true;
	return false;
}

enum next step_begin(struct vcpu *v, uint64_t gpa)
{
	struct step *s = &v->priv->step;
	int rc;

	if (s->active && s->ngfns == STEP_MAX_GFNS) {
		vcpu_stop(v, VM_STOP_ERROR, "one instruction writes more than %u guest tables", STEP_MAX_GFNS);
		return NEXT_END;
	}
	if (!s->active) {
		world_hold(v);		/* the other vCPUs may not write the table, and may keep no translation that lets them */
	}
	rc = pool_request_open(v, gpa);
	if (rc) {
		if (!s->active)
			world_release(v);
		return next_of(rc);
	}
	if (!s->active) {
		s->active = true;
		s->ngfns = 0;
		counter_add(&v->stat[TRAP_STAT_steps], 1);
	}
	s->gfn[s->ngfns++] = gpa >> PAGE_SHIFT;
	return NEXT_GO_ON;	/* the instruction runs again, with TF set; its write faults, and MAP makes the page writable */
}

enum next step_end(struct vcpu *v)
{
	int rc;

	v->priv->step.active = false;
	rc = pool_request_close(v);
	for (unsigned i = 0; i < v->priv->step.ngfns; i++)
		code_stored(v, v->priv->step.gfn[i] << PAGE_SHIFT, 0);	/* the instruction may have written any byte of it */
	world_release(v);
	return rc == -ENOTCONN ? NEXT_GO_ON : next_of(rc);	/* -ENOTCONN: in the next pool no table is open */
}

/* The pool is gone. The next one is made from RAM, and no table is open in it. */
void step_forget(struct vcpu *v)
{
	v->priv->step.active = false;
}
