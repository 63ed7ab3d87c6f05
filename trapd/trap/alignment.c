/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alignment checks. The real CPU makes them where its CR0.AM and AC are 1, as all guest code runs at CPL 3: in the guest's kernel
 * too, and where CR0.AM is the host's (doc/hosts.md, kind P) in user code of a guest that wants none. Process trapd, the vCPU's own
 * thread. Source: SDM vol. 3A 2.3 (AC, AM), 6.15 #AC.
 *
 * STAC always traps. Where PUSHF and POPF do as well, nearly all of them, the AC that it sets need not be the real one until CLAC:
 * that is 0 then, and there is nothing to do. Otherwise the instruction that trapped runs with AC 0, stepped.
 */
#include <errno.h>

#include "common/counters.h"
#include "trapd/insn/insn.h"
#include "trapd/priv/emulate_privileged.h"
#include "trapd/trap/vcpu_priv.h"

static bool is_due(const struct cpu_state *c)
{
	return c->cpl == 3 && (c->cr0 & CR0_AM) && (c->rflags & RFLAGS_AC);
}

bool alignment_hides_ac(const struct vcpu *v)
{
	return v->priv->unaligned ||
	       ((v->cpu.rflags & RFLAGS_AC) && !v->ac_is_native && v->cpu.cpl == 0 && !vcpu_if_is_native(v));
}

int alignment_trap(struct vcpu *v)
{
	struct insn in;
	int rc;

	if (is_due(&v->cpu))
		return vcpu_raise(v, VEC_AC, 0);
	/* PUSHF, POPF and their like would show or load the wrong AC and TF. */
	rc = insn_fetch(v, &in);
	if (!rc)
		rc = emulate_privileged(v, &in);
	if (rc != -EOPNOTSUPP)
		return rc;
	v->priv->unaligned = true;
	counter_add(&v->stat[TRAP_STAT_unaligned_steps], 1);
	return 0;
}
