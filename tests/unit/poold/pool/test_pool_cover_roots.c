/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Idle roots: kept in LRU order, found without a look at other pages. Test programs only. */
#include "tests/unit/poold/pool/pool_defects.h"

static struct fix f;

static void load(struct fix_tables *t)
{
	*t = fix_long_tables(&f);
	fix_poke(&f, t->pt, TARGET | FIX_USED, 8);
	fix_long_root(&f, t->pml4);
	fix_expect(&f, 0, WALK_WRITE, TARGET);
}

static bool is_cached(uint64_t pml4)
{
	return defects_find(f.p, KIND_64BIT_PML4_FOR_64BIT_PML4, pml4, 0) != PAGE_NIL;
}

/* A stale entry under a root that no vCPU has loaded goes with INVLPG of global pages. */
Test(pool_cover_roots, invlpg_in_all_roots_reaches_idle_ones)
{
	struct fix_tables t[3];
	struct pool_walk w;
	struct pool_modes m;
	uint64_t root[3], both[2];

	fix_init(&f);
	fix_open(&f);
	f.audit = false;	/* the guest changes tables unseen */
	for (unsigned i = 0; i < 3; i++) {
		load(&t[i]);
		pool_vcpu_roots(f.p, 0, both, &m);
		root[i] = both[0];
	}
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(pool_walk(f.p, root[i], 0, &w), 0);
		fix_poke(&f, t[i].pt, 0, 8);
	}
	fix_invlpg(&f, 0);
	cr_assert_eq(pool_walk(f.p, root[2], 0, &w), -ENOENT);
	cr_assert_eq(pool_walk(f.p, root[0], 0, &w), 0, "not asked for");
	pool_invlpg(f.p, 0, 0, true, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	cr_assert_eq(f.r.flush, POOL_FLUSH_ALL);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(pool_walk(f.p, root[i], 0, &w), -ENOENT, "root %u", i);
	fix_settle(&f);
	fix_audit(&f, "at the end");
	fix_close(&f);
}

Test(pool_cover_roots, the_root_not_used_for_longest_goes_first)
{
	struct fix_tables t[4];

	fix_init(&f);
	f.cfg.cached_roots = 4;	/* two address spaces of two views */
	fix_open(&f);
	for (unsigned i = 0; i < 3; i++)
		load(&t[i]);
	fix_long_root(&f, t[0].pml4);	/* used again: now 1 is the oldest */
	load(&t[3]);
	cr_assert(!is_cached(t[1].pml4));
	cr_assert(is_cached(t[0].pml4) && is_cached(t[2].pml4) && is_cached(t[3].pml4));
	cr_assert_eq(f.stats[POOL_STAT_root_evict], 2);
	fix_close(&f);
}

/* The audit has to see a root that fell out of the list, or stands in it twice. */
Test(pool_cover_roots, the_audit_compares_the_list_of_roots_with_the_lru_list)
{
	struct pool_violation v[4];
	struct fix_tables t[3];
	uint32_t kept;

	fix_init(&f);
	fix_open(&f);
	for (unsigned i = 0; i < 3; i++)
		load(&t[i]);
	kept = f.p->root_head;
	f.p->root_head = f.p->page[kept].root_next;
	cr_assert_neq(pool_audit(f.p, POOL_AUDIT_CHEAP, v, 4), 0);
	cr_assert_eq(v[0].rule, 7);
	f.p->root_head = defects_find(f.p, KIND_PAE_PT_FOR_PAE_PT, GPA_NIL, 0);
	cr_assert_neq(pool_audit(f.p, POOL_AUDIT_CHEAP, v, 4), 0);
	f.p->root_head = f.p->cfg.max_pages + 5;
	cr_assert_neq(pool_audit(f.p, POOL_AUDIT_CHEAP, v, 4), 0);
	f.p->root_head = kept;
	fix_audit(&f, "after repair");
	fix_close(&f);
}

/* PDPTE values are the guest's choice and part of the key: what is kept for them must not pile up in one bucket. */
Test(pool_cover_roots, pdpte_values_do_not_fill_a_bucket)
{
	uint64_t cr3, pd, gpa = 0;

	fix_init(&f);
	f.cfg.cached_roots = 4;
	fix_open(&f);
	cr3 = fix_table(&f);
	pd = fix_table(&f);
	fix_poke(&f, pd, fix_table(&f) | FIX_USED, 8);
	fix_poke(&f, fix_read(&f, pd, 8) & PTE_ADDR, TARGET | FIX_USED, 8);
	fix_poke(&f, cr3, pd | PTE_P, 8);
	for (unsigned i = 0; i < 40; i++) {
		fix_poke(&f, cr3 + 24, (TARGET + i * PAGE_SIZE) | PTE_P, 8);
		fix_set_root(&f, FIX_PAGED, cr3, CR4_PAE, EFER_NXE, false);
		cr_assert_eq(fix_access(&f, 0, WALK_WRITE, &gpa), FIX_OK);
		cr_assert_eq(fix_access(&f, 0, WALK_WRITE | WALK_USER, &gpa), FIX_OK);
	}
	cr_assert_leq(pool_pages_of_kind(f.p, KIND_PAE_PDPT_FOR_PAE_PDPT), 4 + 2);
	cr_assert_leq(f.stats[POOL_STAT_hash_probe_max], 20);
	cr_assert_eq(pool_pages_of_kind(f.p, KIND_PAE_PD_FOR_PAE_PD), 2, "tables below are kept");
	fix_close(&f);
}
