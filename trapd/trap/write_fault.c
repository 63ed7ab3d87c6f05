/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A write of the guest to a monitored table. It is emulated and poold is told by an event; or the table is let go and the
 * instruction runs natively; or the instruction is stepped with the table open. Process trapd, the vCPU's own thread.
 * doc/pool.md, "Writes to monitored tables".
 */
#include <errno.h>

#include "common/barrier.h"
#include "common/counters.h"
#include "trapd/emulate/emulate.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/insn/insn.h"
#include "trapd/link/events.h"
#include "trapd/link/pool_request.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/trap/write_pair_insns.h"

/* A root in use is never let go: nobody has to be asked about its writes. */
static bool has_to_ask(struct vcpu *v, uint64_t gpa, uint8_t state, const struct insn_write *w)
{
	struct write_store s = { .gpa = gpa, .rip = v->cpu.rip, .len = w->size, .entry_size = insn_entry_size(v) };

	if (state & PAGE_STATE_HOT || write_policy(w->class, state, v->machine->extensions) != WRITE_DO_EMULATE)
		return true;
	return !(state & PAGE_STATE_ROOT) && write_tally_is_full(&v->link->tally, &s);
}

static int emulate(struct vcpu *v, const struct insn *in, const struct insn_write *w)
{
	int rc;

	v->link->pair.open = (v->machine->extensions & WRITE_EXT_PAIR) && w->class == WRITE_CLASS_SIMPLE &&
			     write_pair_possible(v, w->gva, w->size);
	rc = emulate_memory(v, in);
	if (!rc)
		counter_add(&v->stat[TRAP_STAT_write_emulated], 1);
	if (!rc && v->link->pair.held)
		rc = write_pair_absorb(v, w->gva);
	events_close_pair(v);
	return rc;
}

static enum next after_emulation(struct vcpu *v, int rc)
{
	return rc ? next_of(rc) : look_ahead(v);	/* INVLPG often follows */
}

/* Do what poold has answered to WRITE_FAULT or UNSHADOW for the page at gpa. rc: of the request. */
static enum next follow_answer(struct vcpu *v, int rc, enum pool_status status, uint64_t gpa)
{
	if (rc)
		return next_of(rc);
	switch (status) {
	case POOL_OK:
	case POOL_UNSHADOW:
		return NEXT_GO_ON;	/* the table was let go: the instruction runs again, natively */
	case POOL_UNSYNC:
		return NEXT_WALK_AGAIN;	/* the table is out of step now: map the page writable within this trap */
	case POOL_STEP:
		return step_begin(v, gpa);
	default:
		vcpu_stop(v, VM_STOP_ERROR, "poold answered a write with status %d", (int)status);
		return NEXT_END;
	}
}

/* The write is not emulated: the table has to go, or to be open for one instruction. */
static enum next unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa)
{
	enum pool_status status;
	int rc = pool_request_unshadow(v, gva, gpa, &status);

	return follow_answer(v, rc, status, gpa);
}

enum next write_fault_monitored(struct vcpu *v, uint64_t gva, const struct walk_result *walk)
{
	uint8_t state = load_relaxed(&v->machine->page_state[walk->gpa >> PAGE_SHIFT]);
	struct insn_write w = { .class = WRITE_CLASS_UNKNOWN };
	enum pool_status status;
	struct insn in;
	int rc = insn_fetch(v, &in);

	if (rc == -EFAULT)
		return NEXT_EXCEPTION;
	if (!rc)
		insn_classify_write(v, &in, gva, insn_entry_size(v), &w);
	if (w.emulated && !has_to_ask(v, walk->gpa, state, &w)) {
		rc = emulate(v, &in, &w);
		if (rc != -EOPNOTSUPP)
			return after_emulation(v, rc);
		w.emulated = false;
	}
	/* A class that says why the table goes is told, also of an instruction that trapd cannot carry out. */
	if (!w.emulated && write_policy(w.class, state, v->machine->extensions) == WRITE_DO_EMULATE)
		w.class = WRITE_CLASS_UNKNOWN;
	if (w.class == WRITE_CLASS_UNKNOWN)
		return unshadow(v, gva, walk->gpa);
	rc = pool_request_write_fault(v, gva, walk->gpa, w.class, w.size, &status);
	if (rc || status != POOL_EMULATE)
		return follow_answer(v, rc, status, walk->gpa);
	rc = w.emulated ? emulate(v, &in, &w) : -EOPNOTSUPP;
	return rc == -EOPNOTSUPP ? unshadow(v, gva, walk->gpa) : after_emulation(v, rc);
}
