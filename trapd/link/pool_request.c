/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a vCPU to poold and what their replies oblige the vCPU to do. Process trapd, the vCPU's own thread.
 * doc/spec/ring.md names every request; doc/fault-path.md shows when each is sent.
 */
#include "trapd/link/pool_request.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "trapd/cpu/machine.h"
#include "trapd/kvm/windows.h"
#include "trapd/link/events.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/vcpu_link.h"
#include "trapd/link/world.h"

/* A request is repeated after NEED_FLUSH and NEED_SHOOTDOWN; each repetition makes progress, so this bound is never met. */
#define MAX_REPEATS 64

static bool pool_page(const struct pool_link *l, uint64_t maddr)
{
	return !(maddr & ~PAGE_MASK) && maddr >= VM_POOL_MADDR && maddr < VM_POOL_MADDR + l->pool_bytes;
}

/* A reply is hostile input: do all its addresses lie in the pool window? */
static bool reply_valid(const struct pool_link *l, const struct link_rep *rep, const uint64_t *touch)
{
	for (unsigned i = 0; i < 2; i++)
		if (rep->rp_root[i] && !pool_page(l, rep->rp_root[i]))
			return false;
	if (rep->rp_ntouch == POOL_TOUCH_TOO_MANY)
		return true;
	for (unsigned i = 0; i < rep->rp_ntouch; i++)
		if (!pool_page(l, touch[i]))
			return false;
	return true;
}

static void add_work(struct vcpu *v, const struct link_rep *rep, const uint64_t *touch)
{
	struct return_work *w = &v->link->work;
	bool too_many = rep->rp_ntouch == POOL_TOUCH_TOO_MANY;

	w->epoch = rep->rp_epoch;
	if (rep->rp_flush != POOL_FLUSH_NONE || rep->rp_ntouch)
		w->flush = true;
	if (v->machine->facts.coherent_after_flush)
		return;
	for (unsigned i = 0; !too_many && i < rep->rp_ntouch; i++) {
		unsigned j = 0;

		while (j < w->ntouch && w->touch[j] != touch[i])
			j++;
		if (j == w->ntouch && j < STUB_MAX_TOUCH)
			w->touch[w->ntouch++] = touch[i];
		too_many = j == STUB_MAX_TOUCH;
	}
	/* On a host where a touch does not make changes visible, the memslot is cycled for every change. */
	if (too_many || (w->flush && !v->machine->facts.coherent_after_touch))
		w->cycle = true;
}

/* Was this one E_CORRUPT too many, within the time that CORRUPT_WINDOW says? */
static bool corrupt_again(struct vcpu *v)
{
	return corrupt_too_often(v->link->corrupt_at_s, (uint64_t)(clock_ns() / CLOCK_NS_PER_S));
}

static int refused(struct vcpu *v, const struct link_req *req, const struct link_rep *rep)
{
	switch (rep->rp_status) {
	case POOL_E_CORRUPT:
		if (v->pool->config.audit) {
			v->link->audit_failed = true;
			return vcpu_stop(v, VM_STOP_ERROR, "the pool audit found %llu violations; poold's log lists them",
					 (unsigned long long)rep->rp_entry);
		}
		if (corrupt_again(v))
			return vcpu_stop(v, VM_STOP_ERROR,
					 "poold found its pool corrupt more than %u times in a minute; please report this with its log",
					 CORRUPT_LIMIT);
		return pool_link_lost(v);
	case POOL_E_RANGE:
		return vcpu_stop(v, VM_STOP_FAULT, "the guest's CR3 0x%llx lies outside its memory",
				 (unsigned long long)req->rq_gva);
	default:
		return vcpu_stop(v, VM_STOP_ERROR, "poold refused request %u with status %u (gva 0x%llx, gpa 0x%llx)",
				 req->rq_op, rep->rp_status, (unsigned long long)req->rq_gva, (unsigned long long)req->rq_gpa);
	}
}

/*
 * Name the tails of the other vCPUs' rings: this vCPU may have seen their stores, so poold must have consumed the events of these
 * first.
 */
static void claim_tails(struct vcpu *v)
{
	struct machine *m = v->machine;

	for (uint32_t i = 0; i < m->nvcpu; i++) {
		struct vcpu *other = &m->vcpu[i];

		if (other == v)
			continue;
		/*
		 * A short wait: no vCPU waits for another one while its number is odd. Pairs with vcpu_write_begin() and
		 * vcpu_write_end().
		 */
		while (load_acquire(&other->writing) & 1)
			sched_yield();
		link_client_claim(&v->link->client, i, link_client_tail(&other->link->client));
	}
}

/*
 * Send one request, do what NEED_FLUSH and NEED_SHOOTDOWN demand, and collect the work for the return program.
 * 0 with a status below POOL_E_RANGE (or POOL_E_NOTFOUND) in *rep; -ENOTCONN; -ECANCELED.
 */
static int request(struct vcpu *v, struct link_req *req, struct link_rep *rep)
{
	uint64_t touch[POOL_MAX_TOUCH] = { 0 }, begin;
	int rc;

	events_post_held(v);	/* no request overtakes an event */
	v->link->emulate_gfn = 0;
	for (unsigned i = 0; i < MAX_REPEATS; i++) {
		if (!v->link_up)
			return -ENOTCONN;
		vcpu_write_end(v);
		claim_tails(v);
		req->rq_flushed = v->flush_epoch;
		counter_add(&v->stat[TRAP_STAT_requests_total], 1);
		begin = duration_begin(&v->link->request_timer);
		rc = link_client_request(&v->link->client, req, rep, touch);
		duration_end(&v->link->request_timer, begin);
		if (rc || !reply_valid(v->pool, rep, touch))
			return pool_link_lost(v);
		v->events_since_reply = false;
		add_work(v, rep, touch);
		if (rep->rp_status != POOL_NEED_FLUSH && rep->rp_status != POOL_NEED_SHOOTDOWN) {
			if (rep->rp_status < POOL_E_RANGE || rep->rp_status == POOL_E_NOTFOUND)
				return 0;
			return refused(v, req, rep);
		}
		/* Every vCPU loads CR3 before its next guest instruction; the memslot does the rest. */
		world_shootdown(v);
		slots_dummy_cycle(&v->pool->dummy_slot, &v->stat[TRAP_STAT_slot_cycles]);
		v->link->work.flush = true;
		v->link->work.promised = true;
		v->link->work.ntouch = 0;
		v->link->work.cycle = false;
		v->flush_epoch = rep->rp_epoch;
		req->rq_flags |= LINK_RQF_FLUSHED_ALL;
	}
	return vcpu_stop(v, VM_STOP_ERROR, "poold asks for a flush for ever");
}

static uint16_t mode_flags(const struct vcpu *v)
{
	return (v->cpu.cpl == 3 ? LINK_RQF_USER_VIEW : 0) | (v->walk.ac ? LINK_RQF_AC : 0) |
	       (v->cpu.efer & EFER_LMA ? LINK_RQF_LMA : 0) | (v->cpu.efer & EFER_NXE ? LINK_RQF_NXE : 0);
}

int pool_request_map(struct vcpu *v, uint64_t gva, const struct walk_result *walk, bool write, bool fetch,
		     enum pool_status *status)
{
	struct link_req req = { .rq_op = LINK_OP_MAP, .rq_gva = gva, .rq_gpa = walk->gpa, .rq_nwalk = walk->nentries };
	struct link_rep rep;
	int rc;

	req.rq_flags = mode_flags(v) | (write ? LINK_RQF_WRITE : 0) | (fetch ? LINK_RQF_FETCH : 0);
	memcpy(req.rq_walk, walk->entry, walk->nentries * sizeof(req.rq_walk[0]));
	counter_add(&v->stat[TRAP_STAT_map_requests], 1);
	rc = request(v, &req, &rep);
	*status = rc ? POOL_OK : rep.rp_status;
	return rc;
}

int pool_request_dirty(struct vcpu *v, uint64_t gva, enum pool_status *status)
{
	struct link_req req = { .rq_op = LINK_OP_DIRTY, .rq_gva = gva, .rq_flags = mode_flags(v) | LINK_RQF_WRITE };
	struct link_rep rep;
	int rc;

	counter_add(&v->stat[TRAP_STAT_dirty_requests], 1);
	rc = request(v, &req, &rep);
	*status = rc ? POOL_OK : rep.rp_status;
	return rc;
}

static int write_request(struct vcpu *v, enum link_op op, uint64_t gva, uint64_t gpa, unsigned class, unsigned size,
			 enum trap_stat stat, enum pool_status *status)
{
	struct link_req req = { .rq_op = op, .rq_gva = gva, .rq_gpa = gpa, .rq_nwalk = 2, .rq_walk = { v->cpu.rip, size } };
	struct link_rep rep;
	int rc;

	req.rq_flags = mode_flags(v) | (uint16_t)(class << LINK_CLASS_SHIFT);
	counter_add(&v->stat[stat], 1);
	rc = request(v, &req, &rep);
	*status = rc ? POOL_OK : rep.rp_status;
	if (!rc && op == LINK_OP_WRITE_FAULT && *status == POOL_EMULATE)
		v->link->emulate_gfn = (gpa >> PAGE_SHIFT) + 1;
	return rc;
}

int pool_request_write_fault(struct vcpu *v, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size,
			     enum pool_status *status)
{
	return write_request(v, LINK_OP_WRITE_FAULT, gva, gpa, class, size, TRAP_STAT_write_fault_requests, status);
}

int pool_request_unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa, enum pool_status *status)
{
	return write_request(v, LINK_OP_UNSHADOW, gva, gpa, WRITE_CLASS_UNKNOWN, 0, TRAP_STAT_unshadow_requests, status);
}

static int simple_request(struct vcpu *v, enum link_op op, uint64_t gva, uint64_t gpa, struct link_rep *rep)
{
	struct link_req req = { .rq_op = op, .rq_gva = gva, .rq_gpa = gpa, .rq_flags = mode_flags(v) };

	return request(v, &req, rep);
}

int pool_request_open(struct vcpu *v, uint64_t gpa)
{
	struct link_rep rep;

	return simple_request(v, LINK_OP_OPEN, 0, gpa & PAGE_MASK, &rep);
}

int pool_request_close(struct vcpu *v)
{
	struct link_rep rep;

	return simple_request(v, LINK_OP_CLOSE, 0, 0, &rep);
}

int pool_request_code(struct vcpu *v, uint64_t gpa, enum pool_code_state code)
{
	struct link_rep rep;

	counter_add(&v->stat[TRAP_STAT_code_requests], 1);
	return simple_request(v, LINK_OP_CODE, code, gpa & PAGE_MASK, &rep);
}

int pool_request_audit(struct vcpu *v, bool full, uint64_t *violations)
{
	struct link_rep rep;
	int rc;

	counter_add(&v->stat[TRAP_STAT_audit_requests], 1);
	rc = simple_request(v, LINK_OP_AUDIT, full, 0, &rep);
	*violations = rc ? 0 : rep.rp_entry;
	return rc;
}

int vcpu_invlpg(struct vcpu *v, uint64_t gva)
{
	struct link_rep rep;

	counter_add(&v->stat[TRAP_STAT_invlpg_requests], 1);
	return simple_request(v, LINK_OP_INVLPG, gva, 0, &rep);
}

int pool_request_set_root(struct vcpu *v, const struct modes *modes, uint16_t flags, uint64_t root[2])
{
	struct link_req req = { .rq_op = LINK_OP_SET_ROOT, .rq_gva = modes->cr3, .rq_gpa = (uint32_t)modes->cr0 | modes->cr4 << 32 };
	struct link_rep rep;
	int rc;

	if (modes_are_pae(modes)) {
		req.rq_nwalk = 4;
		memcpy(req.rq_walk, modes->pdpte, sizeof(req.rq_walk));
	}
	req.rq_flags = flags | (modes->efer & EFER_LMA ? LINK_RQF_LMA : 0) | (modes->efer & EFER_NXE ? LINK_RQF_NXE : 0);
	counter_add(&v->stat[TRAP_STAT_set_root_requests], 1);
	rc = request(v, &req, &rep);
	if (!rc)
		memcpy(root, rep.rp_root, sizeof(rep.rp_root));
	return rc;
}
