/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alignment checks. The real CPU makes them at CPL 3 when its CR0.AM and AC are both 1. All guest code runs at CPL 3, so the real
 * CPU checks the guest's kernel too; and on hosts where CR0.AM is the host's own (doc/hosts.md, kind P) it checks user code of a
 * guest that has CR0.AM 0. Such an #AC the guest must not see. Process trapd, the vCPU's own thread. Source: SDM vol. 3A 2.3 (AC,
 * AM), 6.15 #AC.
 *
 * There are two ways. STAC always traps; where nearly every PUSHF and POPF traps as well, the real AC stays 0 between STAC and
 * CLAC, and no #AC comes. Everywhere else the instruction that has raised #AC is single-stepped with the real AC 0.
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

enum next alignment_trap(struct vcpu *v)
{
	struct insn in;
	int rc;

	if (is_due(&v->cpu)) {
		vcpu_raise(v, VEC_AC, 0);
		return NEXT_EXCEPTION;
	}
	/* PUSHF, POPF and their like may not be stepped: they would show or load the AC and TF of the step. */
	rc = insn_fetch(v, &in);
	if (!rc)
		rc = emulate_privileged(v, &in);
	if (rc != -EOPNOTSUPP)
		return next_of(rc);
	v->priv->unaligned = true;
	counter_add(&v->stat[TRAP_STAT_unaligned_steps], 1);
	return NEXT_GO_ON;
}
