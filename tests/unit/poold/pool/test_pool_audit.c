/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit is not blind: each kind of damage is reported under its rule. And damage does not kill: the pool refuses,
 * a reset brings it back. Reaches into the library's private state, as nothing else may.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

static struct fix f;
static struct fix_tables t;
static struct pool_violation found[64];
static uint32_t nfound;

static void setup(void)
{
	fix_init(&f);
	f.cfg.prefetch = 1;
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 32; i++)
		fix_poke(&f, t.pt + 8 * i, (0x300000 + i % 4 * PAGE_SIZE) | FIX_USED, 8);
	fix_poke(&f, t.pd + 8, 0x400000 | FIX_USED | PTE_PS, 8);
	fix_long_root(&f, t.pml4);
	for (uint64_t i = 1; i < 16; i++)
		fix_expect(&f, i * PAGE_SIZE, WALK_WRITE, 0x300000 + i % 4 * PAGE_SIZE);
	fix_expect(&f, 0x201000, WALK_WRITE | WALK_USER, 0x401000);
	fix_write(&f, t.pt + 8 * 31, 0, 8);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(pool_audit, .init = setup, .fini = teardown);

static bool reported(unsigned rule)
{
	nfound = pool_audit(f.p, POOL_AUDIT_FULL, found, 64);
	for (uint32_t i = 0; i < nfound && i < 64; i++)
		if (found[i].rule == rule)
			return true;
	return false;
}

static uint32_t page_of_kind(unsigned kind)
{
	for (uint32_t i = 1; i < f.p->cfg.max_pages; i++)
		if (role_kind(f.p->page[i].role) == kind)
			return i;
	cr_assert_fail("no page of kind %u", kind);
	return 0;
}

/* Where and what the leaf of a gva is. */
static struct pool_walk_step leaf_of(uint64_t gva)
{
	struct pool_walk w;

	cr_assert_eq(fix_shadow(&f, gva, false, &w), 0);
	return w.step[w.nsteps - 1];
}

static void raw_store(struct pool_walk_step s, uint64_t e)
{
	memcpy(f.arena + (s.maddr - FIX_POOL_MADDR), &e, 8);
}

Test(pool_audit, clean_pool_is_clean)
{
	nfound = pool_audit(f.p, POOL_AUDIT_FULL, found, 64);
	cr_assert_eq(nfound, 0);
}

Test(pool_audit, writable_leaf_of_a_table)
{
	struct pool_walk_step s = leaf_of(0x1000);

	raw_store(s, (s.entry & ~PTE_ADDR) | (FIX_RAM_MADDR + t.pt));
	cr_assert(reported(18));
	cr_assert(reported(17));
	cr_assert(reported(14), "the reverse map knows nothing of it");
}

Test(pool_audit, more_rights_than_the_guest)
{
	fix_poke(&f, t.pt + 8, 0x301000 | PTE_P | PTE_U | PTE_A | PTE_D, 8);
	cr_assert(reported(16));
}

Test(pool_audit, unseen_write_to_a_table)
{
	fix_poke(&f, t.pt + 8, 0x302000 | FIX_USED, 8);
	cr_assert(reported(17));
	fix_poke(&f, t.pt + 8, 0, 8);
	cr_assert(reported(17));
}

Test(pool_audit, unseen_write_to_a_directory)
{
	fix_poke(&f, t.pd, t.pdpt | FIX_USED, 8);
	cr_assert(reported(19));
}

Test(pool_audit, bits_that_mean_nothing)
{
	struct pool_walk_step s = leaf_of(0x1000);

	for (unsigned i = 0; i < 3; i++) {
		raw_store(s, s.entry | (uint64_t[]){ PTE_G, PTE_PCD, 1ull << 60 }[i]);
		cr_assert(reported(20));
	}
	raw_store(s, s.entry & ~PTE_U);
	cr_assert(reported(20));
	raw_store(s, (s.entry & ~PTE_ADDR) | 0x5000);
	cr_assert(reported(20), "a leaf outside RAM");
}

Test(pool_audit, deferred_right_that_is_given)
{
	struct pool_walk_step s = leaf_of(0x1000);

	raw_store(s, s.entry | ENTRY_GUARDED);
	cr_assert(reported(16));
}

Test(pool_audit, leaf_that_vanished)
{
	raw_store(leaf_of(0x1000), 0);
	cr_assert(reported(14));
	cr_assert(reported(13));
}

Test(pool_audit, link_to_the_wrong_table)
{
	uint32_t pd = page_of_kind(17), pt = page_of_kind(8);
	uint64_t *slots = page_slots(f.p, pd);

	slots[7] = page_maddr(f.p, pt) | PTE_P | PTE_W | PTE_U | PTE_A;
	cr_assert(reported(9));
	slots[7] = page_maddr(f.p, f.p->free_head) | PTE_P | PTE_W | PTE_U | PTE_A;
	cr_assert(reported(10), "a free page");
}

Test(pool_audit, split_that_points_elsewhere)
{
	uint32_t split = page_of_kind(9);

	page_slots(f.p, split)[1] += PAGE_SIZE;
	cr_assert(reported(24));
}

Test(pool_audit, owned_entry_gone)
{
	page_slots(f.p, page_of_kind(16))[FIX_STUB_SLOT] = 0;
	cr_assert(reported(22));
}

Test(pool_audit, content_of_a_free_page)
{
	page_slots(f.p, f.p->free_head)[5] = 1;
	cr_assert(reported(3));
}

Test(pool_audit, content_of_the_page_that_is_never_used)
{
	page_slots(f.p, PAGE_NIL)[7] = 1;
	cr_assert(reported(1));
}

/* As many pins as there should be, but one of them where no vCPU stands. */
Test(pool_audit, pin_on_another_page)
{
	uint32_t pt = page_of_kind(8), root = f.p->vcpu[0].root[0], other = f.p->vcpu[0].root[1];

	cr_assert_neq(root, other);
	f.p->page[root].lock++;
	f.p->page[other].lock--;
	cr_assert(reported(22));
	f.p->page[root].lock--;
	f.p->page[other].lock++;
	f.p->vcpu[0].root[0] = pt;
	cr_assert(reported(22));
	f.p->vcpu[0].root[0] = root;
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0);
}

Test(pool_audit, descriptors)
{
	uint32_t pt = page_of_kind(8), pd = page_of_kind(17);
	struct pool_page keep = f.p->page[pt];

	f.p->page[pt].level = 3;
	cr_assert(reported(1));
	f.p->page[pt] = keep;
	f.p->page[pt].role |= ROLE_QUAD_MASK;
	cr_assert(reported(4));
	f.p->page[pt] = keep;
	f.p->page[pt].n_present++;
	cr_assert(reported(13));
	f.p->page[pt] = keep;
	f.p->page[pt].lock++;
	cr_assert(reported(22));
	f.p->page[pt] = keep;
	f.p->page[pt].gpa += PAGE_SIZE;
	cr_assert(reported(5));
	f.p->page[pt] = keep;
	f.p->page[pt].age_next = pt;
	cr_assert(reported(7), "a cycle, found and not followed for ever");
	f.p->page[pt] = keep;
	f.p->page[pt].users = f.p->page[pd].users;
	cr_assert(reported(9));
	f.p->page[pt] = keep;
	f.p->page[pt].flags &= ~PAGE_HASHED;
	cr_assert(reported(5));
	f.p->page[pt] = keep;
	f.p->page[pt].gt = GT_NIL;
	cr_assert(reported(11));
	f.p->page[pt] = keep;
	f.p->page[pt].users = f.p->user_free;
	cr_assert(reported(8));
	f.p->page[pt] = keep;
	f.p->page[pt].gpa |= 8;
	cr_assert(reported(4));
	f.p->page[pt] = keep;
	f.p->page[f.p->free_head].flags |= PAGE_LIMBO;
	cr_assert(reported(2));
	f.p->page[f.p->free_head].flags &= ~PAGE_LIMBO;
	f.p->page[f.p->free_head].lock = 1;
	cr_assert(reported(3));
	f.p->page[f.p->free_head].lock = 0;
	f.p->n_free--;
	cr_assert(reported(2));
	f.p->n_free++;
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0);
}

Test(pool_audit, two_tables_of_one_key)
{
	uint32_t pt = page_of_kind(8), next = f.p->page[pt].hash_next, twin = page_of_kind(17);
	struct pool_page keep = f.p->page[twin];

	f.p->page[twin].gpa = f.p->page[pt].gpa;
	f.p->page[twin].role = f.p->page[pt].role;
	f.p->page[pt].hash_next = twin;
	f.p->page[twin].hash_next = next;
	cr_assert(reported(6));
	f.p->page[twin] = keep;
	f.p->page[pt].hash_next = next;
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0);
}

Test(pool_audit, monitors)
{
	uint32_t gt = f.p->page[page_of_kind(8)].gt;
	uint64_t gfn = f.p->gtable[gt].gfn;

	cr_assert(f.p->gtable[gt].listed);
	f.p->gtable[gt].n_shadows++;
	cr_assert(reported(11));
	f.p->gtable[gt].n_shadows--;
	f.p->state[gfn] = 0;
	cr_assert(reported(11));
	f.p->state[gfn] = PAGE_STATE_MONITORED;
	f.p->state[0x3ff] = PAGE_STATE_MONITORED;
	cr_assert(reported(11));
	f.p->state[0x3ff] = 0;
	f.p->gtable[gt].listed = false;
	cr_assert(reported(12));
	f.p->gtable[gt].listed = true;
	f.p->gtable[gt].mod_next = gt;
	cr_assert(reported(12), "a cycle");
	f.p->gtable[gt].mod_next = GT_NIL;
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0);
}

Test(pool_audit, reverse_map_and_extents)
{
	uint64_t *word = &f.p->rmap[0x301], keep = *word;
	struct pool_extent *x;

	cr_assert_eq(RMAP_TAG(keep), RMAP_CHAIN);
	x = &f.p->extent[(uint32_t)keep];
	cr_assert_eq(x->count, 4);
	*word = 0;
	cr_assert(reported(14));
	cr_assert(reported(15));
	*word = keep;
	x->count--;
	cr_assert(reported(14));
	x->count++;
	x->ref[0] ^= 1;
	cr_assert(reported(14));
	x->ref[0] ^= 1;
	x->next = (uint32_t)keep;
	cr_assert(reported(15), "a cycle");
	x->next = EXT_NIL;
	x->count = 0;
	cr_assert(reported(15));
	x->count = 9;
	cr_assert(reported(15));
	x->count = 4;
	*word = RMAP_WORD(RMAP_SINGLE, RMAP_REF(0xfffff, 3));
	cr_assert(reported(14), "a page that does not exist");
	*word = 5;
	cr_assert(reported(15));
	*word = keep;
	f.p->user[f.p->user_free].parent = 1;
	cr_assert(reported(8));
	f.p->user[f.p->user_free].parent = PAGE_NIL;
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0);
}

Test(pool_audit, limbo_that_is_due)
{
	f.audit = false;
	pool_flush_all(f.p, &f.r);
	f.p->vcpu[0].acked = f.r.epoch;
	cr_assert(reported(23));
}

Test(pool_audit, poisoned_leaf_is_reported_and_used)
{
	struct pool_walk w;

	f.audit = false;
	pool_poison_leaf(f.p, 2);
	fix_map(&f, 20 * PAGE_SIZE, WALK_WRITE);
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, found, 64), 0, "only the second one");
	fix_map(&f, 21 * PAGE_SIZE, WALK_WRITE);
	cr_assert_eq(fix_shadow(&f, 21 * PAGE_SIZE, false, &w), 0);
	cr_assert_eq(w.gpa, 0x300000, "the neighbour of 0x301000");
	cr_assert(reported(17));
}

Test(pool_audit, counts_all_and_fills_what_fits)
{
	struct pool_violation one;

	fix_poke(&f, t.pd, 0, 8);
	fix_poke(&f, t.pdpt, 0, 8);
	cr_assert_gt(pool_audit(f.p, POOL_AUDIT_FULL, &one, 1), 1);
	cr_assert_gt(f.stats[POOL_STAT_audit_violations], 1);
}

/* ---- damage does not kill ---- */

static void expect_corrupt_and_reset(void)
{
	pool_invlpg(f.p, 0, 0x1000, false, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	cr_assert_eq(f.stats[POOL_STAT_errors_corrupt], 1);
	pool_reset(f.p);
	f.audit = true;
	fix_audit(&f, "after a reset");
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x301000);
}

Test(pool_audit, lost_reference_is_no_crash)
{
	f.audit = false;
	f.p->rmap[0x301] = RMAP_WORD(RMAP_SINGLE, RMAP_REF(3, 7));
	fix_poke(&f, t.pt + 8, 0, 8);
	pool_guest_write(f.p, 0, t.pt + 8, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	fix_poke(&f, t.pt + 8, 0x301000 | FIX_USED, 8);
	expect_corrupt_and_reset();
}

/* No search is made for what a leaf that leads nowhere once meant: it is counted, and the pool refuses to go on. */
Test(pool_audit, a_leaf_that_leads_nowhere_is_not_searched_for)
{
	struct pool_walk_step s;

	f.audit = false;
	fix_expect(&f, 0x5000, 0, 0x301000);
	s = leaf_of(0x5000);
	cr_assert_eq(f.stats[POOL_STAT_linear_searches], 0);
	raw_store(s, 0xffffff000000ull | FIX_USED);
	fix_poke(&f, t.pt + 8 * 5, 0, 8);
	pool_guest_write(f.p, 0, t.pt + 8 * 5, 8, WRITE_CLASS_SIMPLE, false, 0, &f.r);
	cr_assert_eq(f.r.status, POOL_E_CORRUPT);
	cr_assert_eq(f.stats[POOL_STAT_linear_searches], 1);
}

/* The arena is writable by the other process: whatever stands there, nothing is followed unchecked. */
Test(pool_audit, scribbled_arena_is_no_crash)
{
	uint64_t x = 88172645463325252ull;

	f.audit = false;
	for (unsigned round = 0; round < 300; round++) {
		uint32_t page = 1 + (uint32_t)(x % 24);

		for (unsigned i = 0; i < 40; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			page_slots(f.p, page)[x % 512] = x & 1 ? x : page_maddr(f.p, x % 700) | FIX_USED;
		}
		pool_audit(f.p, POOL_AUDIT_FULL, found, 64);
		pool_invlpg(f.p, 0, x % 512 * PAGE_SIZE, true, &f.r);
		pool_guest_write(f.p, 0, t.pd, 4096, WRITE_CLASS_SIMPLE, false, 0, &f.r);
		pool_write_fault(f.p, 0, x % 512 * PAGE_SIZE, t.pt, WRITE_CLASS_UNKNOWN, x, 8, &f.r);
		pool_flush_all(f.p, &f.r);
		pool_reset(f.p);
		fix_long_root(&f, t.pml4);
		for (uint64_t i = 1; i < 8; i++) {
			pool_invlpg(f.p, 0, i * PAGE_SIZE, false, &f.r);
			fix_map(&f, i * PAGE_SIZE, WALK_WRITE);
		}
		fix_map(&f, 0x201000, WALK_WRITE | WALK_USER);
	}
	fix_audit(&f, "after 300 resets");
}

Test(pool_audit, clear_all_does_not_trust_counters)
{
	uint32_t pt = page_of_kind(8);
	struct pool_walk w;

	f.audit = false;
	f.p->n_present -= f.p->page[pt].n_present;
	f.p->page[pt].n_present = 0;
	pool_clear_all(f.p, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(fix_shadow(&f, 0x1000, false, &w), -ENOENT);
	fix_audit(&f, "after clear_all");
}

Test(pool_audit, flush_does_not_trust_counters)
{
	uint32_t pt = page_of_kind(8), pd = page_of_kind(17);

	f.audit = false;
	f.p->page[pt].n_present = 1;
	f.p->page[pd].n_present = 0;
	cr_assert_eq(page_flush(f.p, pt), 0);
	cr_assert_eq(page_flush(f.p, pt), -EINVAL, "twice is an error, no crash");
	cr_assert_eq(page_flush(f.p, page_of_kind(16)), -EINVAL, "a pinned root");
	cr_assert_eq(f.p->rmap[0x301], 0);
	cr_assert(!f.p->corrupt);
}
