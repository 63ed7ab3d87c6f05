/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread of one vCPU: attach to a pool, enter the VM, handle what comes out, again. Process trapd. doc/fault-path.md.
 */
#include "trapd/vcpu/vcpu_thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "trapd/code/code_pages.h"
#include "trapd/cpu/machine.h"
#include "trapd/cpu/seg.h"
#include "trapd/devices/bus.h"
#include "trapd/link/kick.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/pool_request.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/link/world.h"
#include "trapd/priv/deliver.h"
#include "trapd/trap/interrupt.h"
#include "trapd/trap/vcpu_priv.h"
#include "trapd/vcpu/startup.h"

#define RECONNECT_MS	10	/* architecture: poold is looked for every 10 ms */
#define RECONNECT_MAX_MS 30000	/* then the VM ends: nobody restarts poold */

static bool stopping(const struct vcpu *v)
{
	return stop_is_requested(&v->machine->stop);
}

/* What was made of the pool that is gone means nothing to the next one. The other vCPUs rest. */
static void forget_pool(struct machine *m)
{
	code_pages_reset(m);
	for (uint32_t i = 0; i < m->nvcpu; i++) {
		step_forget(&m->vcpu[i]);
		vcpu_forget_roots(&m->vcpu[i]);
	}
}

/* The order of an attach. The other vCPUs rest; each tells its modes by itself when it goes on. */
static int attach_once(struct vcpu *v, char *err, size_t err_size)
{
	int rc;

	pool_link_detach(v->pool);
	store_release(&v->pool->lost, 0);
	forget_pool(v->machine);
	rc = pool_link_attach(v->pool, code_pages_maddr(v->machine), err, err_size);
	if (rc)
		return rc;
	rc = vcpu_send_modes(v);	/* roots come back, so the next entry loads CR3 */
	if (rc == -ENOTCONN)
		snprintf(err, err_size, "poold closed the link at once; see its log");
	return rc;
}

/* The first attach must succeed; a later one waits for a poold that is being restarted. 0 or -ECANCELED. */
static int attach(struct vcpu *v)
{
	const struct vcpu_threads *threads = v->threads;
	char err[512] = "";
	bool first = !v->pool->epoch;
	int64_t start = clock_ms();
	int rc;

	for (;;) {
		rc = stopping(v) ? -ECANCELED : attach_once(v, err, sizeof(err));
		if (!rc && !first)
			counter_add(&v->stat[TRAP_STAT_recoveries], 1);
		if (!rc && first)
			threads->attached(threads->ctx);
		if (!rc || rc == -ECANCELED)
			return rc;
		if (first || clock_ms() - start > RECONNECT_MAX_MS)
			return stop_vm(&v->machine->stop, VM_STOP_ERROR, "%s", err);
		poll(NULL, 0, RECONNECT_MS);	/* a kick ends it early */
	}
}

static bool link_is_up(const struct vcpu *v)
{
	return v->link_up && !load_acquire(&v->pool->lost);	/* pairs with the watcher's store */
}

/* One vCPU attaches while the others rest; then each tells the fresh pool its modes. 0 or -ECANCELED. */
static int ensure_link(struct vcpu *v)
{
	int rc = -ENOTCONN;

	if (link_is_up(v) && v->root[0])
		return 0;
	while (rc == -ENOTCONN) {
		if (stopping(v))
			return -ECANCELED;
		if (link_is_up(v)) {
			rc = vcpu_send_modes(v);
		} else if (world_lead(v)) {
			rc = link_is_up(v) ? -ENOTCONN : attach(v);
			world_led(v);
		}
	}
	return rc;
}

/*
 * poold has sent QUIESCE. Wait until the other vCPUs stand too; then send AUDIT, before which all events are published. poold
 * does what it wants of a VM that stands before it answers, and tells its client the result.
 */
static int answer_quiesce(struct vcpu *v)
{
	int64_t n;

	if (v->index || !exchange_acquire(&v->pool->quiesce, 0))	/* pairs with the watcher's store */
		return 0;
	world_stand(v);
	n = pool_link_audit(v, false);
	world_release(v);
	return n < 0 ? (int)n : 0;
}

/* Is a table on the way to gva out of step? Then its shadow may be older than the guest's last store to it. */
static bool walk_is_unsync(struct vcpu *v, uint64_t gva)
{
	const uint8_t *state = v->machine->page_state;
	struct walk_result walk = { 0 };
	bool unsync = false;

	if (!state)
		return false;
	walk_guest(&v->machine->ram, &v->walk, gva, WALK_PROBE, &walk);	/* if it fails, the entries that were read count */
	for (unsigned i = 0; i < walk.nentries; i++)
		if (guest_ram_contains(&v->machine->ram, walk.entry_gpa[i], 1))
			unsync |= !!(load_relaxed(&state[walk.entry_gpa[i] >> PAGE_SHIFT]) & PAGE_STATE_UNSYNC);
	return unsync;
}

/*
 * A CPU that raises #PF drops the address from its TLB. So before a #PF is delivered, no shadow entry for the address may be
 * older than the guest's tables. doc/spec/pool.md section 5.
 */
static int flush_before_page_fault(struct vcpu *v)
{
	bool stale = v->events_since_reply || v->machine->nvcpu > 1;	/* other vCPUs may have posted events at any time */
	int rc = 0;

	if (v->exc.vector == VEC_PF && (stale || walk_is_unsync(v, v->exc.cr2)))
		rc = vcpu_invlpg(v, v->exc.cr2);
	return rc == -ENOTCONN ? 0 : rc;	/* -ENOTCONN: the next pool has no old entries */
}

/*
 * Do what the result rc of handling a trap demands: deliver exceptions (-EFAULT), until none is left. Returns 0: the guest goes
 * on; -ENOTCONN: the trap is handled anew with the next pool; other negative values end the VM.
 */
static int settle(struct vcpu *v, int rc)
{
	while (rc == -EFAULT) {
		v->priv->unaligned = false;	/* the guest's handler runs before the instruction is tried again */
		rc = v->priv->step.active ? step_end(v) : 0;
		if (!rc)
			rc = flush_before_page_fault(v);
		if (!rc) {
			counter_add(&v->stat[TRAP_STAT_exceptions_delivered], 1);
			rc = deliver_exception(v);
		}
	}
	if (!rc && v->priv->kcpu.held_debug) {	/* held back by MOV SS across the instruction just handled */
		uint64_t dr6 = v->priv->kcpu.held_debug;

		v->priv->kcpu.held_debug = 0;
		vcpu_raise(v, VEC_DB, 0);
		v->exc.dr6 = dr6;
		return settle(v, -EFAULT);
	}
	/* RIP may lie behind the end of the address space or of the code segment now: the stub's IRETQ would fault there. */
	if (!rc && !seg_rip_is_valid(v))
		return settle(v, vcpu_raise(v, VEC_GP, 0));
	return rc == -EAGAIN ? 0 : rc;
}

/*
 * Before each entry: deliver interrupts, and #DB of breakpoints, until there are no more. Returns 0: enter the guest, or sleep if
 * cpu.halted; -ENOTCONN: attach first; other negative values end the VM.
 */
static int before_entry(struct vcpu *v)
{
	bool changed;
	int rc;

	do {
		if (stopping(v))
			return -ECANCELED;
		rc = interrupt_before_entry(v);
		if (!rc && !v->cpu.halted)
			rc = breakpoints_arm(v);
		changed = rc == -EFAULT || (!rc && !seg_rip_is_valid(v));
		rc = settle(v, rc);
	} while (!rc && changed);
	return rc;
}

/* Handle a trap. If the link is lost meanwhile, attach to a fresh pool and handle the trap anew. */
static int handle_trap(struct vcpu *v)
{
	struct kcpu_context ctx;
	int rc;

	kcpu_trap_context(&v->priv->kcpu, &ctx);
	v->priv->vector = v->priv->kcpu.vector;
	v->priv->error = (uint32_t)ctx.frame.error;
	v->priv->real_cr2 = v->priv->kcpu.run->s.regs.sregs.cr2;
	vcpu_load_state(v, &ctx);
	counter_add(&v->stat[TRAP_STAT_exit_trap], 1);
	do {
		rc = ensure_link(v);
		if (!rc)
			rc = settle(v, breakpoints_settle(v, trap_dispatch(v)));
	} while (rc == -ENOTCONN);
	return rc;
}

/* Must the guest's registers be taken over, for an interrupt, another vCPU, a start-up message or QUIESCE? */
static bool wants_state(struct vcpu *v)
{
	return interrupt_wants_state(v) || world_wants_state(v) || load_acquire(&v->startup) ||	/* pairs with send() of startup.c */
	       (!v->index && load_acquire(&v->pool->quiesce));
}

/*
 * After an exit without a trap. Returns 1: enter the vCPU as it stands; 0: its state was taken over, because an interrupt can be
 * delivered, the link is lost, or another vCPU or poold waits. An exception that KVM holds (the #DB of a single step behind an
 * I/O, for one) goes first: entered as it stands, the vCPU comes back at once with that trap.
 */
static int leave_in_place(struct vcpu *v)
{
	bool link = link_is_up(v);
	struct kcpu_context ctx;

	if (link && !wants_state(v))
		return 1;
	if (kcpu_capture(&v->priv->kcpu, &ctx))
		return vcpu_stop(v, VM_STOP_ERROR, "KVM does not finish an exit");
	if (kcpu_holds_exception(&v->priv->kcpu)) {
		if (link)
			return 1;
		kcpu_forget_exception(&v->priv->kcpu);
	}
	if (v->priv->kcpu.in_tail)
		vcpu_take_back_return(v);
	else
		vcpu_load_state(v, &ctx);
	return 0;
}

static int broken(struct vcpu *v)
{
	char what[200];

	kcpu_describe_exit(&v->priv->kcpu, what, sizeof(what));
	counter_add(&v->stat[TRAP_STAT_exit_other], 1);
	return vcpu_stop(v, VM_STOP_ERROR, "%s", what);
}

/* One entry and its exit. 0: prepare the way back and enter; 1: enter as it stands; negative: end. */
static int run_once(struct vcpu *v)
{
	bool held = kcpu_holds_exception(&v->priv->kcpu);	/* leads into the stub at once, so no other vCPU has to be asked */
	enum kcpu_exit exit;
	int rc;

	if (!held && !world_enter(v))
		return 1;
	exit = kcpu_run(&v->priv->kcpu);
	if (!held)
		world_leave(v);
	counter_add(&v->stat[TRAP_STAT_exits], 1);
	switch (exit) {
	case KCPU_TRAP:
		return handle_trap(v);
	case KCPU_IO:
		counter_add(&v->stat[TRAP_STAT_exit_io], 1);
		rc = settle(v, exit_io(v));
		return rc == -ENOTCONN ? 0 : rc;	/* the exception comes again after the attach */
	case KCPU_WINDOW:
		counter_add(&v->stat[TRAP_STAT_exit_irq_window], 1);
		return 1;
	case KCPU_KICKED:
		counter_add(&v->stat[TRAP_STAT_exit_interrupted], 1);
		return 1;
	case KCPU_BROKEN:
		break;
	}
	return broken(v);
}

/* With --audit the end of a VM is audited in full: a violation makes it a failure whatever the guest said. */
static void final_audit(struct vcpu *v)
{
	int64_t n;

	if (!v->pool->config.audit || !v->link_up || v->link->audit_failed)
		return;
	n = pool_link_audit(v, true);
	if (n <= 0)
		return;
	stop_overrule(&v->machine->stop, VM_STOP_ERROR, "the final pool audit found %lld violations; poold's log lists them",
		      (long long)n);
}

/* Sleep, at rest, until the next kick. */
static void rest(struct vcpu *v)
{
	world_rest(v);
	vcpu_sleep(v);
	world_resume(v);
}

void *vcpu_thread_main(void *arg)
{
	struct vcpu *v = arg;
	struct vcpu_threads *threads = v->threads;
	char name[16];
	int rc = 0;

	snprintf(name, sizeof(name), "vcpu%u", v->index);
	pthread_setname_np(pthread_self(), name);
	kcpu_bind_thread(&v->priv->kcpu);
	bus_set_cpu(v->index);
	interrupt_thread_begin(v);
	vcpu_kick_begin(v);
	while (rc >= 0 && !stopping(v)) {
		if (rc == 0) {
			rc = startup_take(v);
			if (rc)
				break;
			if (v->waits_for_startup) {
				rest(v);
				continue;
			}
			do {
				rc = ensure_link(v);
				if (!rc)
					rc = answer_quiesce(v);
				if (!rc)
					rc = before_entry(v);
				if (!rc)
					rc = code_settle(v);
			} while (rc == -ENOTCONN);
			if (rc)
				break;
			if (v->cpu.halted) {
				rest(v);
				continue;
			}
			vcpu_store_state(v);
		}
		rc = run_once(v);
		if (rc == 1)
			rc = leave_in_place(v);
	}
	interrupt_thread_end(v);
	vcpu_kick_end(v);
	vcpu_write_end(v);
	if (stop_wants_report(v))
		stop_set_report(&v->machine->stop, report_vcpu(v));
	world_rest(v);
	if (fetch_sub_acq_rel(&threads->running, 1) == 1) {
		final_audit(v);		/* this is the last vCPU to end: no other one uses the link any more */
		pool_link_detach(v->pool);
		threads->ended(threads->ctx);
	}
	return NULL;
}
