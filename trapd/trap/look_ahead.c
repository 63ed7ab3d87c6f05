// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Look-ahead. After an emulated instruction those behind it are emulated too, as long as they would trap as well, or are simple
 * and lead to one that would. A trap costs as much as some ten emulated instructions. Process trapd, the vCPU's own thread.
 *
 * Look-ahead ends at TF and breakpoints, when an interrupt waits, in a step, when the VM is stopped or the link is lost, at HLT,
 * and in user mode. Where the host itself emulates the guest's code (doc/hosts.md, kind P, code that is not 64-bit) an
 * instruction costs less here than there; with --emulate=ahead look-ahead then goes on through simple code and user mode too,
 * until something waits for this vCPU. Each instruction is fetched through the guest's tables as they are at that moment, so that
 * changes of mode, page boundaries and code that was just written are obeyed. An instruction that cannot be fetched or emulated
 * is left to the real CPU.
 */
#include <errno.h>

#include "common/barrier.h"
#include "common/counters.h"
#include "trapd/code/code_pages.h"
#include "trapd/cpu/seg.h"
#include "trapd/emulate/emulate.h"
#include "trapd/emulate/insn_writes.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/world.h"
#include "trapd/priv/emulate_privileged.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

#define MAX_INSTRUCTIONS	48u	/* after one trap: another vCPU that waits for this one waits some microseconds */
#define MAX_SIMPLE		12u	/* simple instructions in a row, without one that would have trapped */
#define MAX_IN_PLACE_OF_HOST	65536u	/* with --emulate=ahead, after one trap: then the real CPU runs again */
#define LOOK_AROUND		16u	/* instructions between two calls of is_wanted(), which takes a lock */

/* Does the host emulate the code that runs now, more slowly than trapd would, and does --emulate=ahead ask trapd to do it? */
bool look_ahead_replaces_host(const struct vcpu *v)
{
	return v->machine->emulate_ahead && v->machine->facts.iopl_direct_32 && !cpu_code64(&v->cpu);
}

static bool may_go_on(const struct vcpu *v)
{
	const struct vcpu_priv *p = v->priv;

	if ((v->cpu.rflags & RFLAGS_TF) || (v->cpu.dr7 & 0xff) || v->cpu.halted)
		return false;
	/* Only the real CPU makes the alignment checks of user code that runs with AC. */
	if (v->cpu.cpl && (!look_ahead_replaces_host(v) || ((v->cpu.rflags & RFLAGS_AC) && (v->cpu.cr0 & CR0_AM))))
		return false;
	if (vcpu_is_stepped(v) || p->kcpu.held_debug)
		return false;
	/*
	 * In place of the host go on while a pending interrupt waits for IF; an IF that becomes 1 is seen here at once. Pairs
	 * with interrupt_notify().
	 */
	if (load_acquire(&v->irq_request) && (!look_ahead_replaces_host(v) || (v->cpu.rflags & RFLAGS_IF)))
		return false;
	/* pairs with the link's watcher */
	return !stop_is_requested(&v->machine->stop) && !load_acquire(&v->pool->lost) && v->link_up;
}

/*
 * Does another vCPU, poold or a start-up message wait for this vCPU? The words that may_go_on() reads do not say so. Publishes
 * events.
 */
static bool is_wanted(struct vcpu *v)
{
	vcpu_write_end(v);
	return world_wants_state(v) || load_acquire(&v->startup) ||	/* pairs with send() of startup.c */
	       (!v->index && load_acquire(&v->pool->quiesce));
}

static uint32_t user_access(const struct vcpu *v)
{
	return v->cpu.cpl == 3 ? WALK_USER : 0;
}

/* What an instruction accesses. */
enum reach {
	REACH_TRAP,	/* the access faults, or it is a store to a page that poold watches: it has to trap */
	REACH_RAM,
	REACH_DEVICE,	/* a device: natively it would trap, and then be emulated as it is here */
};

static enum reach operand_reach(struct vcpu *v, const struct insn *in, const struct operand *op, bool write)
{
	struct walk_result walk;
	uint8_t state;
	uint64_t gva;
	bool ok;

	ok = !insn_linear(v, in, op, op->size, write, &gva) && (gva & ~PAGE_MASK) + op->size <= PAGE_SIZE &&
	     !walk_guest(&v->machine->ram, &v->walk, gva, (write ? WALK_WRITE : 0) | user_access(v), &walk);
	v->exc.pending = false;		/* the real CPU will raise it */
	if (!ok)
		return REACH_TRAP;
	if (!guest_ram_contains(&v->machine->ram, walk.gpa, op->size))
		return REACH_DEVICE;
	if (!write)
		return REACH_RAM;
	state = load_relaxed(&v->machine->page_state[walk.gpa >> PAGE_SHIFT]);
	return state & (PAGE_STATE_MONITORED | PAGE_STATE_TRACKED) ? REACH_TRAP : REACH_RAM;
}

/* For moves and arithmetic of registers and memory. BT, BTS, BTR and BTC may access memory beyond their operand. */
static enum reach reach_of(struct vcpu *v, const struct insn *in)
{
	enum reach reach = REACH_RAM;
	struct insn_write w;

	if (!emulate_knows(in) || in->id == X86_INS_CMPXCHG8B || in->id == X86_INS_CMPXCHG16B)
		return REACH_TRAP;
	if ((in->lock || in->rep || in->repne) && !look_ahead_replaces_host(v))
		return REACH_TRAP;
	if (in->id == X86_INS_BT || in->id == X86_INS_BTS || in->id == X86_INS_BTR || in->id == X86_INS_BTC)
		return in->op[0].type == OPERAND_REG ? REACH_RAM : REACH_TRAP;
	insn_classify_write(v, in, 0, insn_entry_size(v), &w);
	for (unsigned i = 0; i < in->noperands && reach != REACH_TRAP; i++) {
		enum reach r = in->op[i].type == OPERAND_MEM ? operand_reach(v, in, &in->op[i], w.size) : REACH_RAM;

		if (r != REACH_RAM)
			reach = r;
	}
	return reach;
}

/* Is the memory below rSP ordinary RAM, as far as an instruction that pushes up to so many bytes goes? */
static bool stack_is_ordinary(struct vcpu *v, uint8_t bytes)
{
	const struct operand sp = { .type = OPERAND_MEM, .base = GPR_RSP, .index = 0xff, .disp = -(int64_t)bytes, .segment = SREG_SS,
				    .size = bytes };
	const struct insn in = { .addrsize = (uint8_t)cpu_stack_size(&v->cpu) };

	return operand_reach(v, &in, &sp, true) == REACH_RAM;
}

/*
 * Does the instruction access nothing but ordinary RAM, so that emulate_plain() may do it? LEA and NOP name memory without an
 * access.
 */
static bool plain_is_ordinary(struct vcpu *v, const struct insn *in)
{
	switch (in->id) {
	case X86_INS_PUSH: case X86_INS_CALL:
		if (!stack_is_ordinary(v, 8))
			return false;
		break;
	case X86_INS_PUSHAL: case X86_INS_PUSHAW:
		return stack_is_ordinary(v, 32);
	case X86_INS_LEA: case X86_INS_NOP:
		return true;
	}
	for (unsigned i = 0; i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM && operand_reach(v, in, &in->op[i], false) != REACH_RAM)
			return false;
	return true;
}

/*
 * Would it trap natively? PUSHF, POPF and CPUID (where IF is native) and null loads of segment registers would not: no trap is
 * saved.
 */
static bool would_trap(const struct vcpu *v, const struct insn *in)
{
	switch (in->id) {
	case X86_INS_PUSHF: case X86_INS_PUSHFD: case X86_INS_PUSHFQ: case X86_INS_POPF: case X86_INS_POPFD: case X86_INS_POPFQ:
	case X86_INS_CPUID:
		return code_flags_trap(v);
	case X86_INS_POP:
		return false;
	case X86_INS_MOV:
		return !in->op[0].is_sreg;
	default:
		return true;
	}
}

/*
 * Emulate one instruction. 0; -EOPNOTSUPP: the real CPU has to do it; -EFAULT; -ECANCELED. *privileged: natively it would have
 * trapped.
 */
static int run_one(struct vcpu *v, const struct insn *in, bool *privileged)
{
	int rc = emulate_privileged(v, in);
	enum reach reach;

	*privileged = rc != -EOPNOTSUPP && would_trap(v, in);
	if (rc != -EOPNOTSUPP)
		return rc;
	rc = plain_is_ordinary(v, in) ? emulate_plain(v, in) : -EOPNOTSUPP;
	if (rc != -EOPNOTSUPP)
		return rc;
	reach = reach_of(v, in);
	*privileged = reach == REACH_DEVICE;
	return reach == REACH_TRAP ? -EOPNOTSUPP : emulate_memory(v, in);
}

static uint64_t *barren_slot(struct vcpu *v, uint64_t rip)
{
	return &v->priv->barren[(rip ^ rip >> 7) % BARREN_SLOTS];
}

/*
 * Emulate instructions until look-ahead ends; NEXT_EXCEPTION or NEXT_END if an instruction has ended it. *worth: a trap was
 * saved.
 */
static enum next look_on(struct vcpu *v, bool *worth)
{
	unsigned simple = 0;

	*worth = false;
	for (unsigned n = 0; may_go_on(v); n++) {
		bool instead = look_ahead_replaces_host(v), privileged;
		struct insn in;
		int rc;

		if (n >= (instead ? MAX_IN_PLACE_OF_HOST : MAX_INSTRUCTIONS) || (!instead && simple >= MAX_SIMPLE))
			return NEXT_GO_ON;
		if (instead && n % LOOK_AROUND == LOOK_AROUND - 1 && is_wanted(v))
			return NEXT_GO_ON;

		v->walk.ac = v->cpu.rflags & RFLAGS_AC;
		if (!seg_rip_is_valid(v) || insn_fetch(v, &in)) {
			v->exc.pending = false;		/* the real CPU will raise it */
			return NEXT_GO_ON;
		}
		rc = run_one(v, &in, &privileged);
		if (rc == -EFAULT || rc == -ECANCELED)
			return next_of(rc);
		if (rc) {
			/*
			 * Nothing of the instruction is done: natively it traps, and its exception comes again, or it does not.
			 */
			v->exc.pending = false;
			return NEXT_GO_ON;
		}
		counter_add(&v->stat[privileged ? TRAP_STAT_ahead_privileged : TRAP_STAT_ahead_simple], 1);
		simple = privileged ? 0 : simple + 1;
		*worth |= privileged;
	}
	return NEXT_GO_ON;
}

enum next look_ahead(struct vcpu *v)
{
	uint64_t start = v->cpu.rip, *barren = barren_slot(v, start);
	enum next next;
	bool worth;

	if (*barren == start && !look_ahead_replaces_host(v))
		return NEXT_GO_ON;
	next = look_on(v, &worth);
	if (!worth && next == NEXT_GO_ON && !look_ahead_replaces_host(v) && may_go_on(v))	/* not if anything but the code ended it */
		*barren = start;
	return next;
}

enum next look_ahead_in_place_of_host(struct vcpu *v)
{
	return look_ahead_replaces_host(v) ? look_ahead(v) : NEXT_GO_ON;
}
