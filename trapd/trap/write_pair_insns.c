/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See write_pair_insns.h. Process trapd, the vCPU's own thread.
 *
 * The event that waits is published before anything that another vCPU could see as later than the store: only instructions
 * on registers are carried out meanwhile, and the store of the other half itself.
 */
#include "trapd/trap/write_pair_insns.h"

#include <errno.h>

#include "trapd/emulate/emulate.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/link/write_pair.h"
#include "trapd/trap/vcpu_priv.h"

#define PAIR_INSNS	4u
#define DR7_ENABLED	0xffu

bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size)
{
	if (size != WRITE_PAIR_HALF || gva & (WRITE_PAIR_HALF - 1) || insn_entry_size(v) != 2 * WRITE_PAIR_HALF)
		return false;
	/* Every instruction is to be seen by itself. */
	return !(v->cpu.rflags & RFLAGS_TF) && !(v->cpu.dr7 & DR7_ENABLED) && !v->priv->breakpoints.active;
}

static bool touches_memory(const struct insn *in)
{
	for (unsigned i = 0; i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM)
			return true;
	return false;
}

/* The instruction runs natively then, or again. */
static bool is_no_fault(int rc)
{
	return rc == -EOPNOTSUPP || rc == -EAGAIN;
}

int write_pair_absorb(struct vcpu *v, uint64_t gva)
{
	for (unsigned i = 0; i < PAIR_INSNS; i++) {
		struct insn_write w;
		struct insn in;
		int rc = insn_fetch(v, &in);
		bool other;

		if (rc)
			return is_no_fault(rc) ? 0 : rc;
		insn_classify_write(v, &in, 0, 2 * WRITE_PAIR_HALF, &w);
		other = w.class == WRITE_CLASS_SIMPLE && w.size == WRITE_PAIR_HALF && w.gva == (gva ^ WRITE_PAIR_HALF) && w.emulated && !in.lock;
		if (!other && (w.size || touches_memory(&in) || !emulate_knows(&in) || in.lock))
			return 0;
		rc = emulate_memory(v, &in);
		if (rc || other)
			return is_no_fault(rc) ? 0 : rc;
	}
	return 0;
}
