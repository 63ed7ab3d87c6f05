/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests of a vCPU to poold and what their replies oblige the vCPU to do. Process trapd, the vCPU's own thread.
 * doc/spec/ring.md names every request; doc/fault-path.md shows when each is sent.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "common/barrier.h"
#include "common/clock.h"
#include "common/counters.h"
#include "trapd/code/code_pages.h"

/* A request is repeated after NEED_FLUSH and NEED_SHOOTDOWN; each repetition makes progress, so this bound is never met. */
#define MAX_REPEATS 64

static bool pool_page(const struct vm *vm, uint64_t maddr)
{
	return !(maddr & ~PAGE_MASK) && maddr >= VM_POOL_MADDR && maddr < VM_POOL_MADDR + vm->pool_bytes;
}

/* Hostile input: every address must lie in the pool window. */
static bool reply_valid(const struct vm *vm, const struct link_rep *rep, const uint64_t *touch)
{
	for (unsigned i = 0; i < 2; i++)
		if (rep->rp_root[i] && !pool_page(vm, rep->rp_root[i]))
			return false;
	if (rep->rp_ntouch == POOL_TOUCH_TOO_MANY)
		return true;
	for (unsigned i = 0; i < rep->rp_ntouch; i++)
		if (!pool_page(vm, touch[i]))
			return false;
	return true;
}

static void add_work(struct vcpu *v, const struct link_rep *rep, const uint64_t *touch)
{
	struct return_work *w = &v->priv->work;
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
	/* A host that sees nothing after a touch needs the memslot for every change. */
	if (too_many || (w->flush && !v->machine->facts.coherent_after_touch))
		w->cycle = true;
}

/* Nothing of what a lost link left undone may reach the next one. */
static int link_lost(struct vcpu *v)
{
	v->link_up = false;
	store_release(&v->vm->link_lost, 1);	/* pairs with the load in vcpu_thread.c */
	return -ENOTCONN;
}

/* A pool that finds itself corrupt is replaced, but not for ever. */
static bool corrupt_again(struct vcpu *v)
{
	return corrupt_too_often(v->priv->corrupt_at_s, (uint64_t)(clock_ns() / CLOCK_NS_PER_S));
}

static int refused(struct vcpu *v, const struct link_req *req, const struct link_rep *rep)
{
	struct vm *vm = v->vm;

	switch (rep->rp_status) {
	case POOL_E_CORRUPT:
		if (vm->config.audit) {
			v->priv->audit_failed = true;
			return vm_stop(vm, VM_STOP_ERROR, 0, report_vcpu(v), "the pool audit found %llu violations; poold's log lists them",
				       (unsigned long long)rep->rp_entry);
		}
		if (corrupt_again(v))
			return vm_stop(vm, VM_STOP_ERROR, 0, report_vcpu(v),
				       "poold found its pool corrupt more than %u times in a minute; please report this with its log", CORRUPT_LIMIT);
		return link_lost(v);
	case POOL_E_RANGE:
		return vm_stop(vm, VM_STOP_FAULT, 0, report_vcpu(v), "the guest's CR3 0x%llx lies outside its memory",
			       (unsigned long long)req->rq_gva);
	default:
		return vm_stop(vm, VM_STOP_ERROR, 0, report_vcpu(v), "poold refused request %u with status %u (gva 0x%llx, gpa 0x%llx)",
			       req->rq_op, rep->rp_status, (unsigned long long)req->rq_gva, (unsigned long long)req->rq_gpa);
	}
}

void vcpu_write_begin(struct vcpu *v)
{
	if (v->machine->nvcpu == 1 || (v->writing & 1))
		return;
	store_relaxed(&v->writing, v->writing + 1);
	fence_full();		/* odd before the store to RAM; pairs with the acquire in claim_tails */
}

void vcpu_write_end(struct vcpu *v)
{
	if (v->link_up)
		link_client_publish(&v->link);
	if (v->writing & 1)
		store_release(&v->writing, v->writing + 1);	/* even after the tail; pairs with the acquire in claim_tails */
}

/* This vCPU may have seen stores of others: poold must know of them before it answers. */
static void claim_tails(struct vcpu *v)
{
	struct vm *vm = v->vm;

	for (uint32_t i = 0; i < vm->machine.nvcpu; i++) {
		struct vcpu *other = &vm->vcpu[i];

		if (other == v)
			continue;
		/* Short: nobody waits for another vCPU with an odd number. Pairs with vcpu_write_begin and vcpu_write_end. */
		while (load_acquire(&other->writing) & 1)
			sched_yield();
		link_client_claim(&v->link, i, link_client_tail(&other->link));
	}
}

/*
 * Send one request, do what NEED_FLUSH and NEED_SHOOTDOWN demand, and collect the work for the return program.
 * 0 with a status below POOL_E_RANGE (or POOL_E_NOTFOUND) in *rep; -ENOTCONN; -ECANCELED.
 */
static int request(struct vcpu *v, struct link_req *req, struct link_rep *rep)
{
	uint64_t touch[POOL_MAX_TOUCH] = { 0 };
	int rc;

	vcpu_pair_close(v);	/* no request overtakes an event */
	for (unsigned i = 0; i < MAX_REPEATS; i++) {
		if (!v->link_up)
			return -ENOTCONN;
		vcpu_write_end(v);
		claim_tails(v);
		req->rq_flushed = v->flush_epoch;
		counter_add(&v->stat[TRAP_STAT_requests_total], 1);
		rc = link_client_request(&v->link, req, rep, touch);
		if (rc || !reply_valid(v->vm, rep, touch))
			return link_lost(v);
		v->events_since_reply = false;
		add_work(v, rep, touch);
		if (rep->rp_status != POOL_NEED_FLUSH && rep->rp_status != POOL_NEED_SHOOTDOWN) {
			if (rep->rp_status < POOL_E_RANGE || rep->rp_status == POOL_E_NOTFOUND)
				return 0;
			return refused(v, req, rep);
		}
		/* Every vCPU loads CR3 before its next guest instruction; the memslot does the rest. */
		world_shootdown(v);
		vm_cycle_dummy_slot(v);
		v->priv->work.flush = true;
		v->priv->work.promised = true;
		v->priv->work.ntouch = 0;
		v->priv->work.cycle = false;
		v->flush_epoch = rep->rp_epoch;
		req->rq_flags |= LINK_RQF_FLUSHED_ALL;
	}
	return vm_stop(v->vm, VM_STOP_ERROR, 0, NULL, "poold asks for a flush for ever");
}

static uint16_t mode_flags(const struct vcpu *v)
{
	return (v->cpu.cpl == 3 ? LINK_RQF_USER_VIEW : 0) | (v->walk.ac ? LINK_RQF_AC : 0) |
	       (v->cpu.efer & EFER_LMA ? LINK_RQF_LMA : 0) | (v->cpu.efer & EFER_NXE ? LINK_RQF_NXE : 0);
}

int pool_link_map(struct vcpu *v, uint64_t gva, const struct walk_result *walk, bool write, bool fetch)
{
	struct link_req req = { .rq_op = LINK_OP_MAP, .rq_gva = gva, .rq_gpa = walk->gpa, .rq_nwalk = walk->nentries };
	struct link_rep rep;
	int rc;

	req.rq_flags = mode_flags(v) | (write ? LINK_RQF_WRITE : 0) | (fetch ? LINK_RQF_FETCH : 0);
	memcpy(req.rq_walk, walk->entry, walk->nentries * sizeof(req.rq_walk[0]));
	counter_add(&v->stat[TRAP_STAT_map_requests], 1);
	rc = request(v, &req, &rep);
	return rc ? rc : rep.rp_status;
}

int pool_link_dirty(struct vcpu *v, uint64_t gva)
{
	struct link_req req = { .rq_op = LINK_OP_DIRTY, .rq_gva = gva, .rq_flags = mode_flags(v) | LINK_RQF_WRITE };
	struct link_rep rep;
	int rc;

	counter_add(&v->stat[TRAP_STAT_dirty_requests], 1);
	rc = request(v, &req, &rep);
	return rc ? rc : rep.rp_status;
}

static int write_request(struct vcpu *v, enum link_op op, uint64_t gva, uint64_t gpa, unsigned class, unsigned size,
			 enum trap_stat stat)
{
	struct link_req req = { .rq_op = op, .rq_gva = gva, .rq_gpa = gpa, .rq_nwalk = 2, .rq_walk = { v->cpu.rip, size } };
	struct link_rep rep;
	int rc;

	req.rq_flags = mode_flags(v) | (uint16_t)(class << LINK_CLASS_SHIFT);
	counter_add(&v->stat[stat], 1);
	rc = request(v, &req, &rep);
	return rc ? rc : rep.rp_status;
}

int pool_link_write_fault(struct vcpu *v, uint64_t gva, uint64_t gpa, enum write_class class, unsigned size)
{
	return write_request(v, LINK_OP_WRITE_FAULT, gva, gpa, class, size, TRAP_STAT_write_fault_requests);
}

int pool_link_unshadow(struct vcpu *v, uint64_t gva, uint64_t gpa)
{
	return write_request(v, LINK_OP_UNSHADOW, gva, gpa, WRITE_CLASS_UNKNOWN, 0, TRAP_STAT_unshadow_requests);
}

static int simple_request(struct vcpu *v, enum link_op op, uint64_t gva, uint64_t gpa, struct link_rep *rep)
{
	struct link_req req = { .rq_op = op, .rq_gva = gva, .rq_gpa = gpa, .rq_flags = mode_flags(v) };

	return request(v, &req, rep);
}

int pool_link_open(struct vcpu *v, uint64_t gpa)
{
	struct link_rep rep;
	int rc = simple_request(v, LINK_OP_OPEN, 0, gpa & PAGE_MASK, &rep);

	return rc ? rc : rep.rp_status;
}

int pool_link_close(struct vcpu *v)
{
	struct link_rep rep;
	int rc = simple_request(v, LINK_OP_CLOSE, 0, 0, &rep);

	return rc ? rc : rep.rp_status;
}

int pool_link_code(struct vcpu *v, uint64_t gpa, enum pool_code_state code)
{
	struct link_rep rep;
	int rc;

	counter_add(&v->stat[TRAP_STAT_code_requests], 1);
	rc = simple_request(v, LINK_OP_CODE, code, gpa & PAGE_MASK, &rep);
	return rc ? rc : rep.rp_status;
}

int64_t pool_link_audit(struct vcpu *v, bool full)
{
	struct link_rep rep;
	int rc;

	counter_add(&v->stat[TRAP_STAT_audit_requests], 1);
	rc = simple_request(v, LINK_OP_AUDIT, full, 0, &rep);
	return rc ? rc : (int64_t)rep.rp_entry;
}

int vcpu_invlpg(struct vcpu *v, uint64_t gva)
{
	struct link_rep rep;

	counter_add(&v->stat[TRAP_STAT_invlpg_requests], 1);
	return simple_request(v, LINK_OP_INVLPG, gva, 0, &rep);
}

int vcpu_set_modes(struct vcpu *v, const struct modes *m)
{
	struct link_req req = { .rq_op = LINK_OP_SET_ROOT, .rq_gva = m->cr3, .rq_gpa = (uint32_t)m->cr0 };
	struct link_rep rep;
	bool ac = v->cpu.rflags & RFLAGS_AC;
	int rc;

	req.rq_gpa |= (m->cr4 | (unseen_iret_is_possible(v, m->efer) ? CR4_SMEP : 0)) << 32;
	if (modes_are_pae(m)) {
		req.rq_nwalk = 4;
		memcpy(req.rq_walk, m->pdpte, sizeof(req.rq_walk));
	}
	req.rq_flags = (ac ? LINK_RQF_AC : 0) | (m->efer & EFER_LMA ? LINK_RQF_LMA : 0) | (m->efer & EFER_NXE ? LINK_RQF_NXE : 0) |
		       (code_is_watched(v, m->efer) ? LINK_RQF_CODE : 0);
	counter_add(&v->stat[TRAP_STAT_set_root_requests], 1);
	rc = request(v, &req, &rep);
	if (rc)
		return rc;
	for (unsigned i = 0; i < 2; i++)
		if (rep.rp_root[i])
			v->root[i] = rep.rp_root[i];
	modes_store(&v->cpu, m);
	v->priv->loaded_ac = ac;
	v->sregs_dirty = true;
	walk_mode_from_cr(&v->walk, m->cr0, m->cr3, m->cr4, m->efer, v->cpu.rflags, v->machine->facts.maxphyaddr);
	memcpy(v->walk.pdpte, v->cpu.pdpte, sizeof(v->walk.pdpte));
	v->priv->work.flush = true;	/* a CR load flushes, whatever the pool had to change */
	return 0;
}

/* One event, if its page is monitored: the store is done. */
static void post_one(struct vcpu *v, const struct link_event *ev)
{
	const uint8_t *state = v->machine->page_state;

	if (!state || !v->link_up)
		return;
	fence_full();	/* S1: the store to RAM before the look at page_state; pairs with S2 in poold's state_changed */
	if (!(load_relaxed(&state[ev->ev_gpa >> PAGE_SHIFT]) & PAGE_STATE_MONITORED))
		return;
	v->events_since_reply = true;
	counter_add(&v->stat[TRAP_STAT_write_events], 1);
	if (link_client_post(&v->link, ev))
		link_lost(v);	/* a lost link cancels the debt */
}

static void post_event(struct vcpu *v, const struct link_event *ev)
{
	struct link_event out[2];
	unsigned n;

	if (!v->priv->pair.open) {
		post_one(v, ev);
		return;
	}
	n = write_pair_add(&v->priv->pair, ev, out);
	if (n == 1 && out[0].ev_size == 8 && ev->ev_size == 4)
		counter_add(&v->stat[TRAP_STAT_write_pairs], 1);
	for (unsigned i = 0; i < n; i++)
		post_one(v, &out[i]);
}

void vcpu_pair_close(struct vcpu *v)
{
	struct link_event ev;

	v->priv->pair.open = false;
	if (write_pair_end(&v->priv->pair, &ev))
		post_one(v, &ev);
}

void vcpu_post_write(struct vcpu *v, uint64_t gpa, unsigned size, const void *new_bytes, const void *old_bytes, uint16_t ev_flags)
{
	struct link_event ev = { .ev_type = LINK_EV_WRITE, .ev_size = (uint8_t)size, .ev_flags = ev_flags, .ev_gpa = gpa,
				 .ev_rip = v->cpu.rip, .ev_count = 1 };

	code_stored(v, gpa, size);
	if (size > 16 || (size & (size - 1))) {	/* a store of odd size is told as a range of unknown content */
		ev.ev_type = LINK_EV_RANGE;
		ev.ev_count = size;
		ev.ev_size = 1;
	} else {
		memcpy(ev.ev_new, new_bytes, size);
		memcpy(ev.ev_old, old_bytes, size);
	}
	post_event(v, &ev);
}

void vcpu_post_fill(struct vcpu *v, uint64_t gpa, unsigned size, unsigned count, uint64_t value, uint16_t ev_flags)
{
	struct link_event ev = { .ev_type = LINK_EV_FILL, .ev_size = (uint8_t)size, .ev_flags = ev_flags, .ev_gpa = gpa,
				 .ev_new = { value }, .ev_rip = v->cpu.rip, .ev_count = count };

	code_stored(v, gpa, (uint64_t)size * count);
	post_event(v, &ev);
}
