/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A row for each exception vector: what a trap of the real CPU means for the virtual CPU. The vector never says which instruction
 * has trapped, because hosts differ (doc/hosts.md): the instruction is always decoded. Process trapd, the vCPU's own thread.
 * Source: SDM vol. 3A 6.15.
 */
#include <errno.h>

#include "common/counters.h"
#include "trapd/code/code_pages.h"
#include "trapd/cpu/gva.h"
#include "trapd/emulate/x87.h"
#include "trapd/insn/insn.h"
#include "trapd/priv/emulate_privileged.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

struct trap {
	enum next (*handle)(struct vcpu *v);
	bool has_error;
	enum trap_stat stat;
};

/* The exception is the guest's own: deliver it. */
static enum next trap_reflect(struct vcpu *v)
{
	vcpu_raise(v, v->priv->vector, v->priv->error);
	return NEXT_EXCEPTION;
}

/* #GP, #UD, #NP, #SS: an instruction that trapd stands in for, or the guest's own fault. */
enum next trap_privileged(struct vcpu *v)
{
	struct insn in;
	int rc = insn_fetch(v, &in);

	if (!rc)
		rc = code_executed(v);
	if (!rc)
		rc = emulate_privileged(v, &in);
	if (rc == -EOPNOTSUPP && v->priv->vector == VEC_UD)
		rc = x87_emulate(v, &in);
	if (!rc) {
		counter_add(&v->stat[TRAP_STAT_privileged_emulated], 1);
		return look_ahead(v);
	}
	return rc == -EOPNOTSUPP ? trap_reflect(v) : next_of(rc);
}

/*
 * INT3 and INTO trap through gates 3 and 4 with RIP behind the instruction. RIP is put back to the instruction (CC, CE, or CD 03
 * and CD 04), so that a fault on the way to the guest's handler points at it.
 */
static enum next trap_software(struct vcpu *v)
{
	uint64_t mask = cpu_linear_mask(&v->cpu), base = cpu_code64(&v->cpu) ? 0 : v->cpu.seg[SREG_CS].base;
	uint8_t last = 0;
	unsigned length = 1;

	if (gva_read(v, (base + v->cpu.rip - 1) & mask, &last, 1, GVA_FETCH))
		v->exc.pending = false;		/* another vCPU has made the byte unreadable: take the length to be one byte */
	else if (last == v->priv->vector)
		length = 2;
	v->cpu.rip = (v->cpu.rip - length) & mask;
	vcpu_raise(v, v->priv->vector, 0);
	v->exc.software = true;
	v->exc.insn_length = (uint8_t)length;
	return NEXT_EXCEPTION;
}

/* #DB is the end of a step that trapd makes, or a breakpoint or single step of the guest's own, or both. */
static enum next trap_debug(struct vcpu *v)
{
	uint64_t dr6 = vcpu_take_real_dr6(v);
	bool stepped = vcpu_is_stepped(v);
	enum next next = v->priv->step.active ? step_end(v) : NEXT_GO_ON;

	if (v->priv->shadow_step)
		v->cpu.inhibit = false;
	v->priv->unaligned = false;
	if (stepped && !(v->cpu.rflags & RFLAGS_TF))
		dr6 &= ~DR6_BS;
	if (next != NEXT_GO_ON || (stepped && !dr6))
		return next;
	vcpu_raise(v, VEC_DB, 0);
	v->exc.dr6 = dr6;
	return NEXT_EXCEPTION;
}

#define REFLECT(error) { trap_reflect, error, TRAP_STAT_trap_other }

static const struct trap traps[32] = {
	[VEC_DE] = REFLECT(false),
	[VEC_DB] = { trap_debug, false, TRAP_STAT_trap_db },
	[VEC_BP] = { trap_software, false, TRAP_STAT_trap_other },
	[VEC_OF] = { trap_software, false, TRAP_STAT_trap_other },
	[VEC_BR] = REFLECT(false),
	[VEC_UD] = { trap_privileged, false, TRAP_STAT_trap_ud },
	[VEC_NM] = REFLECT(false),
	[VEC_TS] = { trap_privileged, true, TRAP_STAT_trap_other },
	[VEC_NP] = { trap_privileged, true, TRAP_STAT_trap_other },
	[VEC_SS] = { trap_privileged, true, TRAP_STAT_trap_other },
	[VEC_GP] = { trap_privileged, true, TRAP_STAT_trap_gp },
	[VEC_PF] = { fault_page, true, TRAP_STAT_trap_pf },
	[VEC_MF] = REFLECT(false),
	[VEC_AC] = { alignment_trap, true, TRAP_STAT_trap_other },
	[VEC_XM] = REFLECT(false),
};

enum next trap_dispatch(struct vcpu *v)
{
	const struct trap *t = v->priv->vector < 32 ? &traps[v->priv->vector] : NULL;
	uint64_t rip = v->cpu.rip;
	enum next next;

	if (!t || !t->handle) {
		vcpu_stop(v, VM_STOP_ERROR, "unexpected trap: vector %u", v->priv->vector);
		return NEXT_END;
	}
	counter_add(&v->stat[t->stat], 1);
	if (v->priv->segment_adopted) {
		v->priv->segment_adopted = false;
		return NEXT_GO_ON;
	}
	next = t->handle(v);
	/* An instruction that was emulated to its end while a step was open has ended the step as well. */
	if (next == NEXT_GO_ON && v->cpu.rip != rip) {
		v->priv->unaligned = false;
		if (v->priv->step.active)
			next = step_end(v);
	}
	return next;
}
