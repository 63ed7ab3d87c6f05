/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * #PF: whose is it? The guest's own tables decide: a guest fault, an access to a device, a write to a monitored table, or a
 * shadow entry that is missing. Process trapd, the vCPU's own thread. doc/fault-path.md follows this file.
 */
#include <errno.h>
#include <stddef.h>

#include "common/barrier.h"
#include "common/counters.h"
#include "trapd/code/code_pages.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"
#include "trapd/link/pool_request.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

#define MAX_WALKS	64	/* walks for one fault; a RETRY means that a table changed or a page became monitored */
#define MAX_SAME_FAULT	64	/* a fault that comes again so many times after MAP has succeeded will come again for ever */

/*
 * A number that changes when other vCPUs have the shadow tables changed: while it does, the same fault may come again for that
 * reason.
 */
static uint64_t work_of_others(const struct vcpu *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < v->machine->nvcpu; i++)
		if (i != v->index)
			sum += load_relaxed(&v->machine->vcpu[i].stat[TRAP_STAT_requests_total]) +
			       load_relaxed(&v->machine->vcpu[i].stat[TRAP_STAT_write_events]);
	return sum;
}

static bool same_fault_forever(struct vcpu *v, uint64_t gva)
{
	struct vcpu_priv *p = v->priv;
	uint64_t others = work_of_others(v), traps = v->stat[TRAP_STAT_exit_trap];

	if (p->last_rip != v->cpu.rip || p->last_gva != gva || p->last_others != others || traps > p->last_trap + 1)
		p->repeats = 0;
	p->last_others = others;
	p->last_trap = traps;
	p->last_rip = v->cpu.rip;
	p->last_gva = gva;
	return ++p->repeats > MAX_SAME_FAULT;
}

static enum next fault_mmio(struct vcpu *v, uint64_t gpa, bool fetch)
{
	struct insn in;
	int rc;

	if (fetch) {
		vcpu_stop(v, VM_STOP_FAULT, "the guest executes at gpa 0x%llx, where there is no memory", (unsigned long long)gpa);
		return NEXT_END;
	}
	counter_add(&v->stat[TRAP_STAT_fault_mmio], 1);
	rc = insn_fetch(v, &in);
	if (!rc)
		rc = emulate_memory(v, &in);
	if (rc == -EOPNOTSUPP) {
		vcpu_stop(v, VM_STOP_FAULT,
			  "the guest accesses gpa 0x%llx, where there is no memory, with an instruction that cannot be emulated",
			  (unsigned long long)gpa);
		return NEXT_END;
	}
	return rc ? next_of(rc) : look_ahead(v);
}

/* Under SMAP the roots depend on AC, which POPF changes without a trap: if it has changed, load the roots for the AC of now. */
static int follow_ac(struct vcpu *v)
{
	bool ac = v->cpu.rflags & RFLAGS_AC;

	if (!v->walk.smap || v->cpu.cpl == 3 || ac == v->priv->loaded_ac)
		return 0;
	return vcpu_send_modes(v);
}

static bool is_monitored(const struct vcpu *v, uint64_t gpa)
{
	uint8_t state = load_relaxed(&v->machine->page_state[gpa >> PAGE_SHIFT]);

	return page_state_guards(state) && !step_is_open(v, gpa >> PAGE_SHIFT);
}

static enum next stuck(struct vcpu *v, uint64_t gva)
{
	vcpu_stop(v, VM_STOP_ERROR, "this host cannot hold the address 0x%llx: it faults whatever is mapped",
		  (unsigned long long)gva);
	return NEXT_END;
}

/* A shadow entry is missing, or is not writable yet: have poold make it. */
static enum next map(struct vcpu *v, uint64_t gva, const struct walk_result *walk, bool write, bool fetch)
{
	enum pool_status status = POOL_E_NOTFOUND;
	int rc = 0;

	/*
	 * A shadow entry is there, the guest allows the write, and D was 0 until this walk: most likely the entry lacks only W.
	 */
	if (write && walk->ad_changed && (v->priv->error & PF_P))
		rc = pool_request_dirty(v, gva, &status);
	if (!rc && status == POOL_E_NOTFOUND)
		rc = pool_request_map(v, gva, walk, write, fetch, &status);
	return !rc && status == POOL_RETRY ? NEXT_WALK_AGAIN : next_of(rc);
}

/* Walk the guest's tables once for the fault, and do what follows from the walk. */
static enum next fault_once(struct vcpu *v, uint64_t gva, bool write, bool fetch)
{
	uint32_t access = (write ? WALK_WRITE : 0) | (fetch ? WALK_FETCH : 0) | (v->cpu.cpl == 3 ? WALK_USER : 0);
	struct walk_result walk;
	int rc = walk_guest(&v->machine->ram, &v->walk, gva, access | WALK_SET_AD, &walk);

	if (rc == -EAGAIN)
		return NEXT_TRY_AGAIN;
	if (fetch && gva == v->cpu.rip && (rc || walk.user)) {	/* user code may have fetched, behind an IRET that did not trap */
		enum next missed = unseen_iret(v, !rc);

		if (missed != NEXT_GO_ON)
			return missed;
	}
	if (rc) {
		counter_add(&v->stat[TRAP_STAT_fault_guest], 1);
		vcpu_raise_pf(v, gva, walk.error_code);
		return NEXT_EXCEPTION;
	}
	if (!guest_ram_contains(&v->machine->ram, walk.gpa, 1))
		return fault_mmio(v, walk.gpa, fetch);
	if (write)
		rc = code_before_write(v, walk.gpa, step_is_open(v, walk.gpa >> PAGE_SHIFT));
	else if (fetch)
		rc = code_before_fetch(v, gva, walk.gpa);
	if (rc)
		return next_of(rc);
	if (write && is_monitored(v, walk.gpa)) {
		counter_add(&v->stat[TRAP_STAT_fault_monitored], 1);
		return write_fault_monitored(v, gva, &walk);
	}
	if (same_fault_forever(v, gva))
		return stuck(v, gva);
	return map(v, gva, &walk, write, fetch);
}

enum next fault_page(struct vcpu *v)
{
	uint64_t gva = v->priv->real_cr2 & cpu_linear_mask(&v->cpu);
	bool write = v->priv->error & PF_W, fetch = v->priv->error & PF_I;
	int rc;

	if (fetch && v->priv->real_cr2 == v->cpu.rip && before_event_take_back_syscall(v))
		return trap_privileged(v);
	if (cpu_long_mode(&v->cpu) && stub_contains(v->priv->kcpu.stub, gva))
		return vcpu_move_stub(v);
	rc = follow_ac(v);
	if (rc)
		return next_of(rc);
	for (unsigned i = 0; i < MAX_WALKS; i++) {
		enum next next = fault_once(v, gva, write, fetch);

		if (next != NEXT_WALK_AGAIN)
			return next == NEXT_GO_ON ? look_ahead_in_place_of_host(v) : next;
		counter_add(&v->stat[TRAP_STAT_fault_retry], 1);
	}
	vcpu_stop(v, VM_STOP_ERROR, "poold asks to walk 0x%llx again for ever", (unsigned long long)gva);
	return NEXT_END;
}
