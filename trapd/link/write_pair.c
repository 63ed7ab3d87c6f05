// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See write_pair.h. Process trapd, the vCPU's own thread.
 *
 * The event that waits is published before anything that another vCPU could see as later than the store: only instructions
 * on registers are carried out meanwhile, and the store of the other half itself.
 */
#include <errno.h>
#include <string.h>

#include "trapd/emulate/emulate.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/link/write_pair.h"
#include "trapd/trap/vcpu_priv.h"

#define PAIR_INSNS	4u
#define HALF		4u
#define DR7_ENABLED	0xffu

unsigned write_pair_end(struct write_pair *p, struct link_event *out)
{
	if (!p->held)
		return 0;
	p->held = false;
	*out = p->ev;
	return 1;
}

static bool is_half(const struct link_event *ev)
{
	return ev->ev_type == LINK_EV_WRITE && ev->ev_size == HALF && !(ev->ev_gpa & (HALF - 1));
}

/* One event for the entry: its halves in their places, whichever came first. */
static void merge(struct link_event *first, const struct link_event *second)
{
	unsigned shift = second->ev_gpa & HALF ? 32 : 0;

	first->ev_new[0] = (first->ev_new[0] & 0xffffffff) << (32 - shift) | (second->ev_new[0] & 0xffffffff) << shift;
	first->ev_old[0] = (first->ev_old[0] & 0xffffffff) << (32 - shift) | (second->ev_old[0] & 0xffffffff) << shift;
	first->ev_gpa &= ~(uint64_t)HALF;
	first->ev_size = 2 * HALF;
}

unsigned write_pair_add(struct write_pair *p, const struct link_event *ev, struct link_event out[2])
{
	unsigned n;

	if (!p->held && is_half(ev)) {
		p->held = true;
		p->ev = *ev;
		return 0;
	}
	if (p->held && is_half(ev) && ev->ev_gpa == (p->ev.ev_gpa ^ HALF)) {
		merge(&p->ev, ev);
		return write_pair_end(p, out);
	}
	n = write_pair_end(p, out);
	out[n] = *ev;
	return n + 1;
}

bool write_pair_possible(const struct vcpu *v, uint64_t gva, unsigned size)
{
	if (size != HALF || gva & (HALF - 1) || insn_entry_size(v) != 2 * HALF)
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
		insn_classify_write(v, &in, 0, 2 * HALF, &w);
		other = w.class == WRITE_CLASS_SIMPLE && w.size == HALF && w.gva == (gva ^ HALF) && w.emulated && !in.lock;
		if (!other && (w.size || touches_memory(&in) || !emulate_knows(&in) || in.lock))
			return 0;
		rc = emulate_memory(v, &in);
		if (rc || other)
			return is_no_fault(rc) ? 0 : rc;
	}
	return 0;
}
