/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes of the guest to its own tables: events of writes that are done, and the decision about writes that are not.
 * Part of the pool library: any caller of it, under the VM's lock.
 *
 * Entries are made anew from RAM as it is now, never from the value in an event: RAM may be newer, and what is newest is
 * always right.
 */
#include "poold/pool/write.h"

#include "poold/pool/op.h"

static void rederive_slot(struct pool *p, uint32_t page, uint32_t slot)
{
	uint64_t have = entry_get(p, page, slot), want;

	count_steps(p, 1);
	if (!(have & PTE_P) || (have & ENTRY_OWNED)) {
		stat_inc(p, POOL_STAT_mon_not_present_skip);
		return;
	}
	want = derive_entry(p, page, slot);
	if (want && entry_matches(have, want)) {
		stat_inc(p, POOL_STAT_mon_entries_kept);
		return;
	}
	child_put(p, page, slot);
	stat_inc(p, POOL_STAT_mon_entries_cleared);
}

/*
 * Goes through every shadow of the guest page. A put may take tables out of this chain: then it begins anew, which does no harm.
 */
void write_guest_page(struct pool *p, uint64_t gpa, uint32_t len)
{
	static const enum pool_stat by_level[POOL_LEVELS] = {
		POOL_STAT_mon_not_present_skip, POOL_STAT_mon_handled_pt, POOL_STAT_mon_handled_pd, POOL_STAT_mon_handled_pdpt,
		POOL_STAT_mon_handled_pml4,
	};
	uint32_t gt = gtable_find(p, gfn_of(gpa)), page = gt == GT_NIL ? PAGE_NIL : p->gtable[gt].head;

	/* n counts from the last beginning: a chain that is longer than the pool has pages is a circle. */
	for (uint32_t n = 0; page; n++) {
		uint32_t used = p->n_used, slot, end;

		if (n == p->cfg.max_pages) {
			pool_corrupt(p);
			return;
		}

		if (derive_range(p, page, gpa, len, &slot, &end)) {
			stat_inc(p, by_level[p->page[page].level]);
			for (; slot < end && used == p->n_used; slot++)
				rederive_slot(p, page, slot);
		}
		if (used == p->n_used) {
			page = p->page[page].mon_next;
		} else {
			gt = gtable_find(p, gfn_of(gpa));
			page = gt == GT_NIL ? PAGE_NIL : p->gtable[gt].head;
			n = 0;
		}
	}
}

static void write_count_class(struct pool *p, enum write_class class)
{
	class = write_class_effective(class, p->cfg.extensions);
	stat_inc(p, POOL_STAT_mon_write_events);
	if (class == WRITE_CLASS_REP_STOS)
		stat_inc(p, POOL_STAT_mon_rep_stos);
	else if (class == WRITE_CLASS_STRING)
		stat_inc(p, POOL_STAT_mon_rep_prefix);
	else if (class == WRITE_CLASS_DEVICE)
		stat_inc(p, POOL_STAT_mon_async);
}

void pool_guest_write(struct pool *p, uint32_t vcpu, uint64_t gpa, uint32_t len, enum write_class class, bool user,
		      uint64_t rip, struct pool_result *r)
{
	uint64_t begin;
	uint32_t gt;

	if (!op_begin(p, vcpu, r))
		return;
	if (!len || (gpa & (PAGE_SIZE - 1)) + len > PAGE_SIZE) {
		op_end(p, POOL_E_INVAL, r);
		return;
	}
	if (!ram_has(p, gpa)) {
		op_end(p, POOL_E_RANGE, r);
		return;
	}
	begin = time_begin(p, POOL_DURATION_write_event);
	gt = gtable_find(p, gfn_of(gpa));
	if (gt != GT_NIL) {
		bool zero = policy_written(p, gt, gpa, len, rip);

		write_count_class(p, class);
		write_guest_page(p, gpa, len);
		if (zero)
			policy_emptied(p, gfn_of(gpa));
		op_post(p);	/* the guest runs on: nobody waits for this result */
	}
	op_end(p, POOL_OK, r);
	time_end(p, POOL_DURATION_write_event, begin);
}

void pool_guest_range_changed(struct pool *p, uint64_t gpa, uint64_t len, struct pool_result *r)
{
	uint64_t end = gpa + len;

	if (!op_begin(p, 0, r))
		return;
	if (!len || end < gpa || end > guest_ram_span(&p->cfg.ram)) {
		op_end(p, len && end >= gpa ? POOL_E_RANGE : POOL_E_INVAL, r);
		return;
	}
	if (gfn_of(gpa) != gfn_of(end - 1))
		stat_inc(p, POOL_STAT_mon_cross_page);
	while (gpa < end) {
		uint64_t left = PAGE_SIZE - (gpa & (PAGE_SIZE - 1));
		uint32_t n = (uint32_t)(left < end - gpa ? left : end - gpa), gt = gtable_find(p, gfn_of(gpa));

		if (gt != GT_NIL) {
			stat_inc(p, POOL_STAT_mon_async);
			gtable_mods_add(p, gt, 1);
			/* A table out of step cannot be brought back while the guest runs; but all its entries are compared. */
			if (p->gtable[gt].unsync)
				write_guest_page(p, gpa & PAGE_MASK, PAGE_SIZE);
			else
				write_guest_page(p, gpa, n);
		}
		gpa += n;
	}
	op_post(p);
	op_end(p, POOL_OK, r);
}

/* ---- decisions ---- */

/*
 * Is the table on the path of this very access, in either view? If it were let go, MAP would monitor it again before the write.
 */
static bool gtable_is_on_path(const struct pool *p, uint32_t vcpu, uint64_t gva, uint32_t gt)
{
	for (unsigned view = 0; view < 2; view++) {
		uint32_t page = p->vcpu[vcpu].root[view];

		for (unsigned n = 0; page && n < POOL_MAX_PATH; n++) {
			const struct pool_kind *k = page_kind(p, page);
			uint64_t e;

			if (p->page[page].gt == gt)
				return true;
			e = entry_get(p, page, slot_of(k, gva));
			if (k->flags & KF_LEAF || !(e & PTE_P) || (e & ENTRY_OWNED))
				break;
			page = entry_child(p, e);
		}
	}
	return false;
}

/*
 * Does the same instruction come again for the same bytes? Then letting the table go has not helped it. The last few addresses
 * are enough: an instruction that stores to more places gets on from one to the next (REP). It is not enough that the instruction
 * is the same, because a kernel clears all its pages in one place.
 */
static bool unshadow_repeats(const struct pool_vcpu *v, uint64_t rip, uint64_t gpa)
{
	uint32_t n = v->n_unshadow < POOL_MAX_UNSHADOW ? v->n_unshadow : POOL_MAX_UNSHADOW;

	if (v->unshadow_rip != rip)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (v->unshadow_gpa[i] == gpa)
			return true;
	return false;
}

static void unshadow_note(struct pool_vcpu *v, uint64_t rip, uint64_t gpa)
{
	if (v->unshadow_rip != rip)
		v->n_unshadow = 0;
	v->unshadow_rip = rip;
	v->unshadow_gpa[v->n_unshadow++ % POOL_MAX_UNSHADOW] = gpa;
	if (v->n_unshadow == 2 * POOL_MAX_UNSHADOW)
		v->n_unshadow = POOL_MAX_UNSHADOW;	/* full, at the same place of the ring */
}

static bool unshadow_is_refused(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, uint64_t rip, uint32_t gt)
{
	if (gtable_root_in_use(p, gfn_of(gpa))) {
		stat_inc(p, POOL_STAT_flush_root_refused);
		return true;
	}
	return (ram_state(p, gfn_of(gpa)) & PAGE_STATE_TRACKED) || gtable_is_on_path(p, vcpu, gva, gt) ||
	       unshadow_repeats(&p->vcpu[vcpu], rip, gpa);
}

static void unshadow(struct pool *p, uint32_t vcpu, uint64_t gpa, uint64_t rip)
{
	uint32_t gt;

	unshadow_note(&p->vcpu[vcpu], rip, gpa);
	for (uint32_t n = 0; n < p->cfg.max_pages && (gt = gtable_find(p, gfn_of(gpa))) != GT_NIL; n++)
		if (page_flush(p, p->gtable[gt].head)) {
			pool_corrupt(p);
			return;
		}
	cache_roots_dying(p, gfn_of(gpa));
}

/* Count why a table goes: by the class of the write, or, if the class says nothing, by what the writes before have shown. */
static void count_reason(struct pool *p, enum write_class class, enum write_reason before)
{
	static const enum pool_stat shown[WRITE_REASON_COUNT] = {
		[WRITE_REASON_ZEROS] = POOL_STAT_flush_zero_writes, [WRITE_REASON_REINIT] = POOL_STAT_flush_reinit,
		[WRITE_REASON_FLOOD] = POOL_STAT_flush_flood,
	};
	static const enum pool_stat reason[WRITE_CLASS_COUNT] = {
		[WRITE_CLASS_UNKNOWN] = POOL_STAT_mon_undecoded, [WRITE_CLASS_SIMPLE] = POOL_STAT_flush_hot,
		[WRITE_CLASS_REP_STOS] = POOL_STAT_flush_hot, [WRITE_CLASS_STRING] = POOL_STAT_mon_rep_prefix,
		[WRITE_CLASS_REUSE] = POOL_STAT_flush_reused, [WRITE_CLASS_FORK] = POOL_STAT_flush_fork,
		[WRITE_CLASS_FRAME] = POOL_STAT_flush_reused, [WRITE_CLASS_DEVICE] = POOL_STAT_flush_forced,
	};

	enum pool_stat why;

	class = write_class_effective(class, p->cfg.extensions);
	why = (unsigned)class < WRITE_CLASS_COUNT ? reason[class] : POOL_STAT_mon_undecoded;
	stat_inc(p, why == POOL_STAT_flush_hot && before != WRITE_REASON_NONE ? shown[before] : why);
}

static enum pool_status write_fault_decide(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, enum write_class class,
					   uint64_t rip)
{
	uint32_t gt = gtable_find(p, gfn_of(gpa));
	bool can = class != WRITE_CLASS_UNKNOWN && (unsigned)class < WRITE_CLASS_COUNT;
	uint8_t state = ram_state(p, gfn_of(gpa));
	enum pool_status status;
	bool says_nothing;

	if (gt == GT_NIL) {
		if (state & PAGE_STATE_TRACKED)
			return can ? POOL_EMULATE : POOL_STEP;
		return POOL_UNSHADOW;
	}
	gtable_mods_add(p, gt, 1);
	state = ram_state(p, gfn_of(gpa));	/* this write counts too: it may be the one that makes the table hot */
	says_nothing = p->gtable[gt].history.reason == WRITE_REASON_NONE &&
		       write_policy(class, state & ~PAGE_STATE_HOT, p->cfg.extensions) == WRITE_DO_EMULATE;
	status = unsync_write_fault(p, gt, &state, says_nothing);
	if (status != POOL_OK)
		return status;
	if (write_policy(class, state, p->cfg.extensions) == WRITE_DO_EMULATE)
		return POOL_EMULATE;
	if (unshadow_is_refused(p, vcpu, gva, gpa, rip, gt))
		return can ? POOL_EMULATE : POOL_STEP;
	count_reason(p, class, (enum write_reason)p->gtable[gt].history.reason);
	unshadow(p, vcpu, gpa, rip);
	return POOL_UNSHADOW;
}

void pool_write_fault(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, enum write_class class, uint64_t rip,
		      uint32_t size, struct pool_result *r)
{
	enum pool_status status;

	if (!op_begin(p, vcpu, r))
		return;
	fetch_leaf_drop_all(p);
	if ((gpa & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
		stat_inc(p, POOL_STAT_mon_cross_page);
	status = ram_has(p, gpa) ? write_fault_decide(p, vcpu, gva, gpa, class, rip) : POOL_E_RANGE;
	if (status == POOL_EMULATE)
		stat_inc(p, POOL_STAT_mon_emulate);
	op_end(p, status, r);
}

void pool_unshadow(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, uint64_t rip, struct pool_result *r)
{
	enum pool_status status = POOL_OK;
	uint32_t gt;

	if (!op_begin(p, vcpu, r))
		return;
	fetch_leaf_drop_all(p);
	gt = gtable_find(p, gfn_of(gpa));
	if (!ram_has(p, gpa)) {
		status = POOL_E_RANGE;
	} else if (gt == GT_NIL) {
		if (ram_state(p, gfn_of(gpa)) & PAGE_STATE_TRACKED)
			status = POOL_STEP;
	} else if (unshadow_is_refused(p, vcpu, gva, gpa, rip, gt)) {
		status = POOL_STEP;
	} else {
		stat_inc(p, POOL_STAT_flush_forced);
		unshadow(p, vcpu, gpa, rip);
	}
	op_end(p, status, r);
}
