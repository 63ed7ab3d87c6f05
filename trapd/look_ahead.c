// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After an emulated instruction: the next ones, as long as they would trap as well, or are simple and lead to such. A trap
 * costs what some ten emulated instructions cost. Process trapd, the vCPU's own thread.
 *
 * It ends where the guest must be seen by somebody else first: at TF and breakpoints, an interrupt that waits, a step, a stop,
 * a lost link, HLT, and at everything in user mode. Each instruction is fetched through the guest's tables as they are now, so
 * mode changes, page boundaries and code that was just written count. What cannot be fetched or done is left to the real CPU.
 */
#include <errno.h>

#include "common/barrier.h"
#include "common/counters.h"
#include "trapd/emulate_priv.h"
#include "trapd/look_ahead.h"
#include "trapd/seg.h"
#include "trapd/vcpu_priv.h"

#define MAX_INSTRUCTIONS	48u	/* then the guest runs: whoever waits for this vCPU does so for microseconds */
#define MAX_SIMPLE		12u	/* in a row without one that would have trapped */

static bool may_go_on(const struct vcpu *v)
{
	const struct vcpu_priv *p = v->priv;

	if ((v->cpu.rflags & RFLAGS_TF) || (v->cpu.dr7 & 0xff) || v->cpu.cpl || v->cpu.halted)
		return false;
	if (p->step.active || p->shadow_step || p->breakpoints.active || p->kcpu.held_debug)
		return false;
	/* pairs with notify() of interrupt.c, vm_stop, the link's watcher */
	return !load_acquire(&v->irq_request) && !load_acquire(&v->vm->stopping) && !load_acquire(&v->vm->link_lost) && v->link_up;
}

/* A store to a page that poold watches is the write policy's business: it traps. */
static bool store_is_ordinary(struct vcpu *v, const struct insn *in, const struct operand *op)
{
	struct walk_result walk;
	uint8_t state;
	uint64_t gva;
	bool ok;

	ok = !insn_linear(v, in, op, op->size, true, &gva) && (gva & ~PAGE_MASK) + op->size <= PAGE_SIZE &&
	     !walk_guest(&v->vm->ram, &v->walk, gva, WALK_WRITE, &walk) && guest_ram_contains(&v->vm->ram, walk.gpa, op->size);
	v->exc.pending = false;		/* the real CPU will raise it */
	if (!ok)
		return false;
	state = load_relaxed(&v->vm->page_state[walk.gpa >> PAGE_SHIFT]);
	return !(state & (PAGE_STATE_MONITORED | PAGE_STATE_TRACKED));
}

static bool load_is_ordinary(struct vcpu *v, const struct insn *in, const struct operand *op)
{
	struct walk_result walk;
	uint64_t gva;
	bool ok;

	ok = !insn_linear(v, in, op, op->size, false, &gva) && !walk_guest(&v->vm->ram, &v->walk, gva, 0, &walk) &&
	     guest_ram_contains(&v->vm->ram, walk.gpa, 1);
	v->exc.pending = false;
	return ok;
}

/* Moves and arithmetic of registers and ordinary memory. BT and its like may reach beyond their operand. */
static bool is_simple(struct vcpu *v, const struct insn *in)
{
	struct insn_write w;

	if (!emulate_find(in) || in->lock || in->rep || in->repne || in->id == X86_INS_CMPXCHG8B || in->id == X86_INS_CMPXCHG16B)
		return false;
	if (in->id == X86_INS_BT || in->id == X86_INS_BTS || in->id == X86_INS_BTR || in->id == X86_INS_BTC)
		return in->op[0].type == OPERAND_REG;
	insn_classify_write(v, in, 0, insn_entry_size(v), &w);
	for (unsigned i = 0; i < in->noperands; i++) {
		const struct operand *op = &in->op[i];

		if (op->type == OPERAND_MEM && !(w.size ? store_is_ordinary(v, in, op) : load_is_ordinary(v, in, op)))
			return false;
	}
	return true;
}

static bool stack_is_ordinary(struct vcpu *v)
{
	const struct operand sp = { .type = OPERAND_MEM, .base = GPR_RSP, .index = 0xff, .disp = -8, .segment = SREG_SS, .size = 8 };
	const struct insn in = { .addrsize = (uint8_t)cpu_stack_size(&v->cpu) };

	return store_is_ordinary(v, &in, &sp);
}

/* PUSHF, POPF and most loads of segment registers run natively: emulating one saves nothing by itself. */
static bool would_trap(const struct insn *in)
{
	switch (in->id) {
	case X86_INS_PUSHF: case X86_INS_PUSHFD: case X86_INS_PUSHFQ: case X86_INS_POPF: case X86_INS_POPFD: case X86_INS_POPFQ:
	case X86_INS_POP:
		return false;
	case X86_INS_MOV:
		return !in->op[0].is_sreg;
	default:
		return true;
	}
}

/* 0; -EOPNOTSUPP: it is left to the CPU; -EFAULT; -ECANCELED. *privileged: it would have trapped. */
static int run_one(struct vcpu *v, const struct insn *in, bool *privileged)
{
	int rc = emulate_privileged(v, in);

	*privileged = rc != -EOPNOTSUPP && would_trap(in);
	if (rc != -EOPNOTSUPP)
		return rc;
	if ((in->id == X86_INS_PUSH || in->id == X86_INS_CALL) && !stack_is_ordinary(v))
		return -EOPNOTSUPP;
	rc = emulate_plain(v, in);
	if (rc == -EOPNOTSUPP && is_simple(v, in))
		rc = emulate_memory(v, in);
	return rc;
}

static uint64_t *barren_slot(struct vcpu *v, uint64_t rip)
{
	return &v->priv->barren[(rip ^ rip >> 7) % BARREN_SLOTS];
}

/* *rc: 0 or the value of vcpu.h that ended it; *worth: one of the instructions done would have trapped. */
static void look_on(struct vcpu *v, bool *worth, int *rc)
{
	unsigned simple = 0;

	*worth = false;
	for (unsigned n = 0; n < MAX_INSTRUCTIONS && simple < MAX_SIMPLE && may_go_on(v); n++) {
		struct insn in;
		bool privileged;

		v->walk.ac = v->cpu.rflags & RFLAGS_AC;
		if (!seg_rip_is_valid(v) || insn_fetch(v, &in)) {
			v->exc.pending = false;		/* the real CPU will raise it */
			return;
		}
		*rc = run_one(v, &in, &privileged);
		if (*rc == -EFAULT || *rc == -ECANCELED)
			return;
		if (*rc) {
			/* Nothing of it is done: it comes again as a trap of its own, or is none. */
			v->exc.pending = false;
			*rc = 0;
			return;
		}
		counter_add(&v->stat[privileged ? TRAP_STAT_ahead_privileged : TRAP_STAT_ahead_simple], 1);
		simple = privileged ? 0 : simple + 1;
		*worth |= privileged;
	}
}

int look_ahead(struct vcpu *v)
{
	uint64_t start = v->cpu.rip, *barren = barren_slot(v, start);
	bool worth;
	int rc = 0;

	if (*barren == start)
		return 0;
	look_on(v, &worth, &rc);
	if (!worth && !rc && may_go_on(v))	/* else it was not the code that ended it */
		*barren = start;
	return rc;
}
