/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must hold after each step of a random guest, whatever the pool has made of it: all that a CPU could notice.
 * See pool_random.h. Test programs only.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/common/ref_walk.h"
#include "tests/unit/poold/pool/pool_random.h"

#define ONE_FETCH (1ull << 52)

uint64_t n_stale;

/* The library and trapd share a walker, so the last word has one that shares nothing with them. */
static void check_reference(uint64_t gva, uint32_t access, uint64_t gpa, const char *what)
{
	const struct walk_mode *m = &f.mode;
	struct ref_machine r = {
		.low = f.ram.base, .low_size = f.ram.low_end, .mode = (int)m->paging, .pse = m->pse, .wp = m->wp, .nxe = m->nxe,
		.smep = m->smep, .smap = m->smap, .ac = m->ac, .maxphyaddr = m->maxphyaddr, .cr3 = m->cr3,
	};
	const struct ref_access a = { .write = access & WALK_WRITE, .fetch = access & WALK_FETCH, .user = access & WALK_USER };
	struct ref_result g = { 0 };

	memcpy(r.pdpte, m->pdpte, sizeof(r.pdpte));
	ref_walk(&r, gva, &a, &g);
	cr_assert(!g.fault && g.gpa == gpa, "seed %llx: %s %llx: shadow %llx, guest %llx, error %x", (unsigned long long)plan.seed,
		  what, (unsigned long long)gva, (unsigned long long)gpa, (unsigned long long)g.gpa, g.error_code);
}

static void check_right(uint64_t gva, uint32_t access, uint64_t gpa, const char *what)
{
	struct walk_result g;
	int rc;

	if (plan.unsync && !is_right(gva, access, gpa) && was_right(gva, access, gpa)) {
		n_stale++;
		return;
	}
	rc = walk_guest(&f.ram, &f.mode, gva, access, &g);
	cr_assert_eq(rc, 0, "seed %llx: %s %llx: the shadow gives what the guest does not", (unsigned long long)plan.seed, what,
		     (unsigned long long)gva);
	cr_assert_eq(g.gpa, gpa, "seed %llx: %s %llx: shadow %llx, guest %llx", (unsigned long long)plan.seed, what,
		     (unsigned long long)gva, (unsigned long long)gpa, (unsigned long long)g.gpa);
	if ((access & WALK_WRITE) && g.nentries)
		cr_assert(g.entry[g.nentries - 1] & PTE_D, "writable but clean");
	if (!(access & WALK_PROBE))
		check_reference(gva, access, gpa, what);
	for (unsigned i = 0; i < g.nentries; i++)
		cr_assert((g.entry[i] & PTE_A) || g.entry_gpa[i] == ~0ull, "present but not accessed");
}

void check_within(uint64_t gva)
{
	for (unsigned user = 0; user < 2; user++) {
		uint32_t view = user ? WALK_USER : 0;
		struct pool_walk w;

		if (fix_shadow(&f, gva, user, &w))
			continue;
		/* There for one fetch, gone with the next request. */
		if (w.step[w.nsteps - 1].entry & ONE_FETCH) {
			cr_assert(!w.writable);
			/* Its table may hang under an entry with NX as well: no fetch there, but no other target either. */
			check_right(gva, w.nx ? WALK_PROBE : view | WALK_FETCH, w.gpa, "fetch only");
			continue;
		}
		check_right(gva, view, w.gpa, "read");
		if (w.writable)
			check_right(gva, view | WALK_WRITE, w.gpa, "write");
		if (!w.nx)
			check_right(gva, view | WALK_FETCH, w.gpa, "fetch");
	}
}

/* One in so many translations of the loaded roots: all of them are too many. */
struct sample { uint32_t every, left; };

static bool check_one(void *ctx, const struct pool_translation *t)
{
	struct sample *s = ctx;

	if (pick(s->every))
		return true;
	check_within(t->gva);
	return --s->left;
}

void check_all(void)
{
	uint64_t root[2];
	struct pool_modes m;

	pool_vcpu_roots(f.p, 0, root, &m);
	for (uint32_t view = 0; view < 2; view++) {
		struct sample s = { 1 + (uint32_t)pick(32), 64 };

		pool_translations(f.p, root[view], check_one, &s);
	}
}

void check_tlb(uint64_t gva)
{
	for (unsigned i = 0; i < FIX_TLB; i++) {
		const struct fix_tlb *t = &f.tlb[i];
		uint64_t root[2], at = gva & PAGE_MASK;
		struct pool_modes m;
		uint32_t view;

		if (!t->valid || gva - t->gva >= t->span)
			continue;
		pool_vcpu_roots(f.p, 0, root, &m);
		if ((t->root != root[0] && t->root != root[1]) || root[0] == root[1])
			continue;
		view = t->root == root[1] ? WALK_USER : 0;
		check_right(at, view | (t->writable ? WALK_WRITE : 0), t->gpa + (at - t->gva), "TLB");
		if (!t->nx)
			check_right(at, view | WALK_FETCH, t->gpa + (at - t->gva), "TLB, fetch");
	}
}

void check_no_fetch_leaf(void)
{
	struct pool_walk w;

	for (unsigned i = 0; i < n_recent && i < 16; i++)
		cr_assert(fix_shadow(&f, recent[i], false, &w) || !(w.step[w.nsteps - 1].entry & ONE_FETCH),
			  "seed %llx: the leaf for one fetch at %llx stays", (unsigned long long)plan.seed,
			  (unsigned long long)recent[i]);
}

void check_tracked(void)
{
	for (uint64_t gfn = 0; gfn < f.state_gfns; gfn++)
		cr_assert_eq(!!(f.state[gfn] & PAGE_STATE_TRACKED), f.tracked[gfn], "seed %llx: page %llx",
			     (unsigned long long)plan.seed, (unsigned long long)gfn);
}
