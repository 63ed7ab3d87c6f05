/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step: one guest instruction run natively with up to four monitored tables open for writing. The way out when a write can
 * neither be emulated nor its table be let go. Process trapd, the vCPU's own thread. doc/spec/pool.md section 6, "Step".
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

int step_begin(struct vcpu *v, uint64_t gpa)
{
	struct step *s = &v->priv->step;
	int rc;

	if (s->active && s->ngfns == STEP_MAX_GFNS)
		return vcpu_stop(v, VM_STOP_ERROR, "one instruction writes more than %u guest tables", STEP_MAX_GFNS);
	if (!s->active) {
		world_hold(v);		/* the others may neither write the table nor keep a way to it */
	}
	rc = pool_link_open(v, gpa);
	if (rc < 0) {
		if (!s->active)
			world_release(v);
		return rc;
	}
	if (!s->active) {
		s->active = true;
		s->ngfns = 0;
		counter_add(&v->stat[TRAP_STAT_steps], 1);
	}
	s->gfn[s->ngfns++] = gpa >> PAGE_SHIFT;
	return 0;		/* the instruction runs again, with TF set; its write is then mapped like any other */
}

int step_end(struct vcpu *v)
{
	int rc;

	v->priv->step.active = false;
	rc = pool_link_close(v);
	for (unsigned i = 0; i < v->priv->step.ngfns; i++)
		code_stored(v, v->priv->step.gfn[i] << PAGE_SHIFT, 0);	/* by the instruction, who knows where */
	world_release(v);
	return rc < 0 && rc != -ENOTCONN ? rc : 0;	/* in a fresh pool nothing is open */
}

/* The next pool starts from RAM: nothing is open in it. */
void step_forget(struct vcpu *v)
{
	v->priv->step.active = false;
}
