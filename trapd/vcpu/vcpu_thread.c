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
 * Do part of the vCPU's work, which needs the pool. If it finds the link lost, nothing of it is committed, and it is done once more
 * with the next pool. Returns what follows, never NEXT_ATTACH.
 */
static enum next with_link(struct vcpu *v, enum next (*part)(struct vcpu *v))
{
	enum next next;

	do {
		next = next_of(ensure_link(v));
		if (next == NEXT_GO_ON)
			next = part(v);
	} while (next == NEXT_ATTACH);
	return next;
}

/*
 * poold has sent QUIESCE. Wait until the other vCPUs stand too; then send AUDIT, before which all events are published. poold
 * does what it wants of a VM that stands before it answers, and tells its client the result.
 */
static int answer_quiesce(struct vcpu *v)
{
	uint64_t violations;
	int rc;

	if (v->index || !exchange_acquire(&v->pool->quiesce, 0))	/* pairs with the watcher's store */
		return 0;
	world_stand(v);
	rc = pool_request_audit(v, false, &violations);
	world_release(v);
	return rc;
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
 * Deliver what exceptions a handled trap has raised, until none is left: NEXT_EXCEPTION and NEXT_TRY_AGAIN end here, the rest is
 * passed on.
 */
static enum next settle(struct vcpu *v, enum next next)
{
	while (next == NEXT_EXCEPTION) {
		v->priv->unaligned = false;	/* the guest's handler runs before the instruction is tried again */
		next = v->priv->step.active ? step_end(v) : NEXT_GO_ON;
		if (next == NEXT_GO_ON)
			next = next_of(flush_before_page_fault(v));
		if (next == NEXT_GO_ON) {
			counter_add(&v->stat[TRAP_STAT_exceptions_delivered], 1);
			next = next_of(deliver_exception(v));
		}
	}
	if (next == NEXT_GO_ON && v->priv->kcpu.held_debug) {	/* held back by MOV SS across the instruction just handled */
		uint64_t dr6 = v->priv->kcpu.held_debug;

		v->priv->kcpu.held_debug = 0;
		vcpu_raise(v, VEC_DB, 0);
		v->exc.dr6 = dr6;
		return settle(v, NEXT_EXCEPTION);
	}
	/* RIP may lie behind the end of the address space or of the code segment now: the stub's IRETQ would fault there. */
	if (next == NEXT_GO_ON && !seg_rip_is_valid(v)) {
		vcpu_raise(v, VEC_GP, 0);
		return settle(v, NEXT_EXCEPTION);
	}
	return next == NEXT_TRY_AGAIN ? NEXT_GO_ON : next;
}

/* Interrupts, and #DB of breakpoints, until there are no more. NEXT_GO_ON: to enter the guest, or to sleep if cpu.halted. */
static enum next deliver_events(struct vcpu *v)
{
	enum next next;
	bool changed;

	do {
		if (stopping(v))
			return NEXT_END;
		next = interrupt_before_entry(v);
		if (next == NEXT_GO_ON && !v->cpu.halted)
			next = breakpoints_arm(v);
		changed = next == NEXT_EXCEPTION || (next == NEXT_GO_ON && !seg_rip_is_valid(v));
		next = settle(v, next);
	} while (next == NEXT_GO_ON && changed);
	return next;
}

/* What comes before each entry and needs the pool. */
static enum next before_entry(struct vcpu *v)
{
	enum next next = next_of(answer_quiesce(v));

	if (next == NEXT_GO_ON)
		next = deliver_events(v);
	return next == NEXT_GO_ON ? next_of(code_settle(v)) : next;
}

static enum next handle_once(struct vcpu *v)
{
	return settle(v, breakpoints_settle(v, trap_dispatch(v)));
}

static enum next handle_trap(struct vcpu *v)
{
	struct kcpu_context ctx;

	kcpu_trap_context(&v->priv->kcpu, &ctx);
	v->priv->vector = v->priv->kcpu.vector;
	v->priv->error = (uint32_t)ctx.frame.error;
	v->priv->real_cr2 = v->priv->kcpu.run->s.regs.sregs.cr2;
	vcpu_load_state(v, &ctx);
	counter_add(&v->stat[TRAP_STAT_exit_trap], 1);
	return with_link(v, handle_once);
}

/* Must the guest's registers be taken over, for an interrupt, another vCPU, a start-up message or QUIESCE? */
static bool wants_state(struct vcpu *v)
{
	return interrupt_wants_state(v) || world_wants_state(v) || load_acquire(&v->startup) ||	/* pairs with send() of startup.c */
	       (!v->index && load_acquire(&v->pool->quiesce));
}

/*
 * After an exit without a trap. NEXT_AS_IT_STANDS, or NEXT_GO_ON: its state was taken over, because an interrupt can be
 * delivered, the link is lost, or another vCPU or poold waits. An exception that KVM holds (the #DB of a single step behind an
 * I/O, for one) goes first: entered as it stands, the vCPU comes back at once with that trap.
 */
static enum next leave_in_place(struct vcpu *v)
{
	bool link = link_is_up(v);
	struct kcpu_context ctx;

	if (link && !wants_state(v))
		return NEXT_AS_IT_STANDS;
	if (kcpu_capture(&v->priv->kcpu, &ctx)) {
		vcpu_stop(v, VM_STOP_ERROR, "KVM does not finish an exit");
		return NEXT_END;
	}
	if (kcpu_holds_exception(&v->priv->kcpu)) {
		if (link)
			return NEXT_AS_IT_STANDS;
		kcpu_forget_exception(&v->priv->kcpu);
	}
	if (v->priv->kcpu.in_tail)
		vcpu_take_back_return(v);
	else
		vcpu_load_state(v, &ctx);
	return NEXT_GO_ON;
}

static enum next broken(struct vcpu *v)
{
	char what[200];

	kcpu_describe_exit(&v->priv->kcpu, what, sizeof(what));
	counter_add(&v->stat[TRAP_STAT_exit_other], 1);
	vcpu_stop(v, VM_STOP_ERROR, "%s", what);
	return NEXT_END;
}

/* One entry and its exit. NEXT_GO_ON: prepare the way back and enter; NEXT_AS_IT_STANDS; NEXT_END. */
static enum next run_once(struct vcpu *v)
{
	bool held = kcpu_holds_exception(&v->priv->kcpu);	/* leads into the stub at once, so no other vCPU has to be asked */
	enum kcpu_exit exit;
	enum next next;

	if (!held && !world_enter(v))
		return NEXT_AS_IT_STANDS;
	exit = kcpu_run(&v->priv->kcpu);
	if (!held)
		world_leave(v);
	counter_add(&v->stat[TRAP_STAT_exits], 1);
	switch (exit) {
	case KCPU_TRAP:
		return handle_trap(v);
	case KCPU_IO:
		counter_add(&v->stat[TRAP_STAT_exit_io], 1);
		next = settle(v, exit_io(v));
		return next == NEXT_ATTACH ? NEXT_GO_ON : next;	/* the exception comes again after the attach */
	case KCPU_WINDOW:
		counter_add(&v->stat[TRAP_STAT_exit_irq_window], 1);
		return NEXT_AS_IT_STANDS;
	case KCPU_KICKED:
		counter_add(&v->stat[TRAP_STAT_exit_interrupted], 1);
		return NEXT_AS_IT_STANDS;
	case KCPU_BROKEN:
		break;
	}
	return broken(v);
}

/* With --audit the end of a VM is audited in full: a violation makes it a failure whatever the guest said. */
static void final_audit(struct vcpu *v)
{
	uint64_t violations;

	if (!v->pool->config.audit || !v->link_up || v->link->audit_failed)
		return;
	if (pool_request_audit(v, true, &violations) || !violations)
		return;
	stop_overrule(&v->machine->stop, VM_STOP_ERROR, "the final pool audit found %llu violations; poold's log lists them",
		      (unsigned long long)violations);
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
	enum next next = NEXT_GO_ON;

	snprintf(name, sizeof(name), "vcpu%u", v->index);
	pthread_setname_np(pthread_self(), name);
	kcpu_bind_thread(&v->priv->kcpu);
	bus_set_cpu(v->index);
	interrupt_thread_begin(v);
	vcpu_kick_begin(v);
	while ((next == NEXT_GO_ON || next == NEXT_AS_IT_STANDS) && !stopping(v)) {
		if (next == NEXT_GO_ON) {
			next = next_of(startup_take(v));
			if (next == NEXT_GO_ON && !v->waits_for_startup)
				next = with_link(v, before_entry);
			if (next != NEXT_GO_ON)
				break;
			if (v->waits_for_startup || v->cpu.halted) {
				rest(v);
				continue;
			}
			vcpu_store_state(v);
		}
		next = run_once(v);
		if (next == NEXT_AS_IT_STANDS)
			next = leave_in_place(v);
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
