/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random guests of two to four vCPUs, each with a TLB of its own that keeps what it has until a reply to this vCPU asks for
 * a flush, and writes through it natively whatever has become of the page meanwhile. So a table may only be read when no
 * TLB can write to its guest page any more: protect, shoot down, read. Fixed seeds; one thread.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define TABLES_AT	0x10000ull
#define DATA_AT		0x400000ull
#define NTLB		24u
#define NROOTS		3u
#define LARGE		(2ull << 20)

struct vcpu {
	struct walk_mode mode;
	struct fix_tlb tlb[NTLB];
	unsigned next;
};

static struct fix f;
static struct vcpu vcpus[4];
static uint64_t rng, seed;
static unsigned ntables, shootdowns, stale_writes, large_uses;
static uint64_t grants, brought_back;

static uint64_t pick(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng * 0x2545f4914f6cdd1dull >> 16) % n;
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

static uint64_t any_page(void)
{
	return chance(70) ? TABLES_AT + pick(ntables) * PAGE_SIZE : DATA_AT + pick(8) * PAGE_SIZE;
}

static uint64_t any_entry(void)
{
	uint64_t e = any_page() | PTE_A | PTE_U;

	if (chance(8))
		return 0;
	/* The first 2 MiB hold all the tables, the others none. */
	if (f.cfg.large_leaves && chance(12))
		e = chance(70) ? PTE_PS | pick(4) * LARGE | PTE_A | PTE_U : PTE_PS | PTE_A | PTE_U;
	e |= chance(95) ? PTE_P : 0;
	e |= chance(90) ? PTE_W : 0;
	e |= chance(60) ? PTE_D : 0;
	return e;
}

/* Where tables may be left out of step each needs a level: every fourth page is a PML4, a PDPT, a PD, a PT. */
static uint64_t any_entry_at(uint64_t gpa)
{
	uint64_t e = any_entry(), index = (gpa - TABLES_AT) >> PAGE_SHIFT;

	if (!f.cfg.unsync_tables || gpa < TABLES_AT || index >= ntables || chance(5) || ((e & PTE_PS) && (index & 3) < 3))
		return e;
	index = (pick(ntables / 4) << 2) | ((index & 3) < 3 ? (index & 3) + 1 : 3);
	return (e & ~(PTE_ADDR | PTE_PS)) | (TABLES_AT + index * PAGE_SIZE);
}

static bool is_unsync(uint64_t gpa)
{
	uint32_t gt = gtable_find(f.p, gpa >> PAGE_SHIFT);

	return gt != GT_NIL && f.p->gtable[gt].unsync;
}

/* Three indexes at each level: few addresses, most of which lead somewhere. Inside of large pages the tables are too. */
static uint64_t any_gva(void)
{
	uint64_t page = f.cfg.large_leaves && chance(25) ? (TABLES_AT >> PAGE_SHIFT) + pick(ntables) : pick(3);

	return pick(3) << 39 | pick(3) << 30 | pick(3) << 21 | page << 12 | pick(3) * 8;
}

/* ---- one vCPU ---- */

static void flush(struct vcpu *c, enum pool_flush what, uint64_t gva)
{
	for (unsigned i = 0; i < NTLB; i++)
		if (what == POOL_FLUSH_GVA ? gva - c->tlb[i].gva < c->tlb[i].span : what != POOL_FLUSH_NONE)
			c->tlb[i].valid = false;
}

/*
 * What a stale TLB entry writes is seen by nobody. So as long as there is one, no entry may have been made from that page:
 * the page may be monitored, but its tables have to be empty.
 */
static void check_not_read_yet(unsigned v, uint64_t gpa)
{
	uint32_t gt;

	/* Out of step, or on the way back and not read yet. */
	if (!(f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED) || is_unsync(gpa))
		return;
	gt = gtable_find(f.p, gpa >> PAGE_SHIFT);
	cr_assert_neq(gt, GT_NIL);
	for (uint32_t page = f.p->gtable[gt].head; page; page = f.p->page[page].mon_next)
		cr_assert_eq(f.p->page[page].n_present, 0, "seed %llx: table %llx is read while vCPU %u can write to it unseen",
			     (unsigned long long)seed, (unsigned long long)gpa, v);
}

static void check_no_table_is_read_too_early(void)
{
	for (unsigned v = 0; v < f.cfg.nvcpu; v++)
		for (unsigned i = 0; i < NTLB; i++) {
			const struct fix_tlb *t = &vcpus[v].tlb[i];

			for (uint64_t at = 0; t->valid && t->writable && at < t->span; at += PAGE_SIZE)
				check_not_read_yet(v, t->gpa + at);
		}
}

/* What trapd does after each reply to vCPU v. */
static void settle(unsigned v)
{
	pool_merge_pending(f.p, v, &f.r);
	flush(&vcpus[v], f.r.flush, f.r.flush_gva);
	if (f.r.flush == POOL_FLUSH_ALL)
		pool_flush_done(f.p, v, false, f.r.epoch);
	check_no_table_is_read_too_early();
}

/* The guest goes on while the kick is on its way: natively into pages that are monitored by now, but not read yet. */
static void write_while_it_can(const struct vcpu *c)
{
	for (unsigned i = 0; i < NTLB; i++) {
		const struct fix_tlb *t = &c->tlb[i];
		uint64_t gpa = t->gpa;

		if (t->span == LARGE)
			gpa = TABLES_AT + pick(ntables) * PAGE_SIZE;
		if (!t->valid || !t->writable || gpa - t->gpa >= t->span ||
		    !(f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED) || chance(30))
			continue;
		fix_poke(&f, gpa + pick(3) * 8, any_entry_at(gpa), 8);
		stale_writes++;
	}
}

/* Kicks each of the others with this probability: who is not reached goes on with what it has. */
static void shoot_down(unsigned percent)
{
	uint32_t epoch = f.r.epoch;

	shootdowns++;
	for (unsigned v = 0; v < f.cfg.nvcpu; v++) {
		write_while_it_can(&vcpus[v]);
		if (!chance(percent))
			continue;
		flush(&vcpus[v], POOL_FLUSH_ALL, 0);
		pool_flush_done(f.p, v, false, epoch);
	}
}

static bool may(bool writable, bool nx, uint32_t access)
{
	return !((access & WALK_WRITE) && !writable) && !((access & WALK_FETCH) && nx);
}

/* What a vCPU remembers of a walk: of a large page all or a part, as it likes. */
static void remember(struct vcpu *c, uint64_t root, uint64_t gva, const struct pool_walk *w)
{
	uint64_t span = w->step[w->nsteps - 1].entry & PTE_PS && chance(70) ? LARGE : PAGE_SIZE;

	large_uses += span == LARGE;
	c->tlb[c->next++ % NTLB] = (struct fix_tlb){ true, w->writable, w->nx, root, gva & ~(span - 1), w->gpa & ~(span - 1), span };
}

/* TLB, then the shadow. */
static bool cpu_access(unsigned v, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	struct vcpu *c = &vcpus[v];
	struct pool_modes m;
	struct pool_walk w;
	uint64_t root[2];

	cr_assert_eq(pool_vcpu_roots(f.p, v, root, &m), 0);
	for (unsigned i = 0; i < NTLB; i++) {
		struct fix_tlb *t = &c->tlb[i];

		if (!t->valid || t->root != root[0] || gva - t->gva >= t->span)
			continue;
		if (may(t->writable, t->nx, access)) {
			*gpa = t->gpa + (gva - t->gva);
			return true;
		}
		t->valid = false;
	}
	if (pool_walk(f.p, root[0], gva, &w) || !may(w.writable, w.nx, access))
		return false;
	*gpa = w.gpa;
	remember(c, root[0], gva, &w);
	return true;
}

/* One request; false: later, when the others have flushed. */
static bool map_once(unsigned v, uint64_t gva, uint32_t access)
{
	struct pool_map_args a = { .gva = gva, .write = access & WALK_WRITE };
	struct walk_result w;

	if (walk_guest(&f.ram, &vcpus[v].mode, gva, access | WALK_SET_AD, &w) || !guest_ram_contains(&f.ram, w.gpa, 8))
		return false;
	a.gpa = w.gpa;
	a.nwalk = w.nentries;
	memcpy(a.walk, w.entry, sizeof(a.walk));
	pool_map(f.p, v, &a, &f.r);
	if (f.r.status == POOL_NEED_SHOOTDOWN || f.r.status == POOL_NEED_FLUSH) {
		uint32_t epoch = f.r.epoch;

		settle(v);
		f.r.epoch = epoch;
		shoot_down(chance(50) ? 100 : 50);
		return false;
	}
	/* RETRY: the walk's own A and D bits have changed an entry of it, or another vCPU's write. */
	cr_assert(f.r.status == POOL_OK || f.r.status == POOL_RETRY, "map: %d", f.r.status);
	settle(v);
	return true;
}

static void check_within(unsigned v, uint64_t gva, bool flushed)
{
	struct pool_modes m;
	struct walk_result g;
	struct pool_walk w;
	uint64_t root[2];
	int rc;

	cr_assert_eq(pool_vcpu_roots(f.p, v, root, &m), 0);
	if (pool_walk(f.p, root[0], gva, &w))
		return;
	/* As stale as a TLB, until this vCPU flushes. */
	walk_guest(&f.ram, &vcpus[v].mode, gva, WALK_PROBE, &g);
	if (!flushed && g.nentries == 4 && is_unsync(g.entry_gpa[3]))
		return;
	rc = walk_guest(&f.ram, &vcpus[v].mode, gva, w.writable ? WALK_WRITE : 0, &g);
	cr_assert(!rc && g.gpa == w.gpa, "seed %llx: vCPU %u, %llx: shadow %llx, guest %llx (%d)", (unsigned long long)seed, v,
		  (unsigned long long)gva, (unsigned long long)w.gpa, (unsigned long long)g.gpa, rc);
}

/* A hot table: true if the instruction starts anew, natively or later. */
static bool left_out_of_step(unsigned v, uint64_t gva, uint64_t gpa)
{
	uint32_t epoch;

	if (!f.cfg.unsync_tables || !(f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_HOT))
		return false;
	pool_write_fault(f.p, v, gva, gpa, WRITE_CLASS_SIMPLE, 0x1000 + pick(64), 8, &f.r);
	epoch = f.r.epoch;
	if (f.r.status == POOL_EMULATE) {
		settle(v);
		return false;
	}
	cr_assert(f.r.status == POOL_UNSYNC || f.r.status == POOL_UNSHADOW || f.r.status == POOL_NEED_SHOOTDOWN ||
		  f.r.status == POOL_STEP, "write fault: %d", f.r.status);
	if (f.r.status == POOL_NEED_SHOOTDOWN) {
		settle(v);
		f.r.epoch = epoch;
		shoot_down(chance(50) ? 100 : 50);
	} else {
		settle(v);
	}
	return true;
}

static void step_access(unsigned v)
{
	uint64_t gva = any_gva(), gpa, value;
	uint32_t access = chance(60) ? WALK_WRITE : 0;

	if (!cpu_access(v, gva, access, &gpa)) {
		if (!map_once(v, gva, access)) {
			check_within(v, gva, false);
			return;
		}
		check_within(v, gva, false);
		if (!cpu_access(v, gva, access, &gpa)) {
			struct walk_result w;

			/* Write-protected: the instruction is emulated, the page's state says so. */
			if (walk_guest(&f.ram, &vcpus[v].mode, gva, access, &w) || !guest_ram_contains(&f.ram, w.gpa, 8) ||
			    !page_state_guards(f.state[w.gpa >> PAGE_SHIFT]) || left_out_of_step(v, gva, w.gpa))
				return;
			value = any_entry_at(w.gpa);
			fix_poke(&f, w.gpa & ~7ull, value, 8);
			pool_guest_write(f.p, v, w.gpa & ~7ull, 8, WRITE_CLASS_SIMPLE, false, 0x1000 + pick(64), &f.r);
			cr_assert_eq(f.r.status, POOL_OK);
			settle(v);
			check_within(v, gva, false);
			return;
		}
	}
	/* Natively: nobody is told. */
	if (access & WALK_WRITE)
		fix_poke(&f, gpa & ~7ull, any_entry_at(gpa), 8);
}

static void step_set_root(unsigned v)
{
	struct pool_modes m = { .cr0 = FIX_PAGED, .cr3 = TABLES_AT + pick(f.cfg.unsync_tables ? 1 : NROOTS) * PAGE_SIZE, .cr4 = CR4_PAE, .efer = FIX_LONG };

	for (unsigned tries = 0; tries < 20; tries++) {
		uint32_t epoch;

		pool_set_root(f.p, v, &m, &f.r);
		epoch = f.r.epoch;
		if (f.r.status == POOL_OK)
			break;
		cr_assert(f.r.status == POOL_NEED_SHOOTDOWN || f.r.status == POOL_NEED_FLUSH, "set_root: %d", f.r.status);
		settle(v);
		f.r.epoch = epoch;
		shoot_down(100);
	}
	cr_assert_eq(f.r.status, POOL_OK);
	walk_mode_from_cr(&vcpus[v].mode, m.cr0, m.cr3, m.cr4, m.efer, 0, f.cfg.maxphyaddr);
	settle(v);
}

static void step_invlpg(unsigned v)
{
	uint64_t gva = any_gva(), root[2];
	struct pool_modes m;

	pool_invlpg(f.p, v, gva, false, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	settle(v);
	check_within(v, gva, true);
	cr_assert_eq(pool_vcpu_roots(f.p, v, root, &m), 0);
	for (unsigned i = 0; i < NTLB; i++) {
		const struct fix_tlb *t = &vcpus[v].tlb[i];
		struct walk_result g;

		if (!t->valid || t->root != root[0] || gva - t->gva >= t->span)
			continue;
		cr_assert_eq(walk_guest(&f.ram, &vcpus[v].mode, gva, t->writable ? WALK_WRITE : 0, &g), 0);
		cr_assert_eq(g.gpa, t->gpa + (gva - t->gva), "seed %llx: the TLB of vCPU %u is stale after INVLPG", (unsigned long long)seed, v);
	}
}

static void step_rare(unsigned v)
{
	if (chance(60))
		pool_unshadow(f.p, v, any_gva(), any_page(), 0x1000 + pick(64), &f.r);
	else if (chance(40))
		pool_flush_all(f.p, &f.r);
	else if (chance(40))
		pool_clear_all(f.p, &f.r);
	else if (chance(40))
		pool_flush_gpa(f.p, any_page(), &f.r);
	else if (chance(50))
		pool_flush_root(f.p, any_page(), &f.r);
	else
		pool_cache_switch(f.p, chance(50), &f.r);
	cr_assert(f.r.status < POOL_E_RANGE || f.r.status == POOL_E_NOTFOUND, "seed %llx: status %d", (unsigned long long)seed, f.r.status);
	settle(v);
}

static void audit(void)
{
	struct pool_violation viol[1];
	uint32_t n = pool_audit(f.p, POOL_AUDIT_FULL, viol, 1);

	cr_assert_eq(n, 0, "seed %llx: %u violations, first A%u, page %u slot %u", (unsigned long long)seed, n, viol[0].rule,
		     viol[0].page, viol[0].slot);
}

static void run(uint64_t s, unsigned nvcpu, unsigned tables, unsigned steps, uint32_t unsync, bool large)
{
	seed = s;
	rng = s * 0x9e3779b97f4a7c15ull | 1;
	ntables = tables;
	fix_init(&f);
	memset(vcpus, 0, sizeof(vcpus));
	f.cfg.nvcpu = (uint8_t)nvcpu;
	f.cfg.prefetch = 1u << pick(4);
	f.cfg.hot_limit = unsync ? 1 : 1u << 20;
	f.cfg.unsync_tables = unsync;
	f.cfg.large_leaves = large;
	f.cfg.max_users = chance(50) ? 0 : 48;
	f.audit = false;
	fix_open(&f);
	for (unsigned i = 0; i < ntables; i++)
		for (unsigned j = 0; j < 4; j++)
			fix_poke(&f, TABLES_AT + i * PAGE_SIZE + j * 8, any_entry_at(TABLES_AT + i * PAGE_SIZE), 8);
	for (unsigned v = 0; v < nvcpu; v++)
		step_set_root(v);
	for (unsigned i = 0; i < steps; i++) {
		unsigned v = (unsigned)pick(nvcpu), what = (unsigned)pick(1000);

		if (what < 850)
			step_access(v);
		else if (what < 930)
			step_invlpg(v);
		else if (what < 990)
			step_set_root(v);
		else
			step_rare(v);
		if (i % 128 == 0)
			audit();
	}
	audit();
	grants += f.stats[POOL_STAT_unsync_grants];
	brought_back += f.stats[POOL_STAT_resync_tables];
	fix_close(&f);
}

/* A quarter of the seeds each: neither, large leaves, tables out of step, both. */
static void run_varied(uint64_t s, unsigned nvcpu, unsigned tables, unsigned steps)
{
	run(s, nvcpu, tables, steps, s & 2 ? 1 + s % 3 : 0, s & 1);
}

static void expect_settings_matter(void)
{
	cr_log_info("%u large pages used, %llu tables left out of step, %llu brought back", large_uses,
		    (unsigned long long)grants, (unsigned long long)brought_back);
	cr_assert(large_uses > 100 && grants > 20 && brought_back > 20, "%u, %llu, %llu", large_uses,
		  (unsigned long long)grants, (unsigned long long)brought_back);
}

/* A test that never came to the race would say nothing about it. */
static void expect_races(void)
{
	cr_log_info("%u shootdowns, %u native writes to a page monitored already", shootdowns, stale_writes);
	cr_assert_gt(shootdowns, 100);
	cr_assert_gt(stale_writes, 20);
}

TestSuite(pool_smp_random, .timeout = 120);

Test(pool_smp_random, two_vcpus)
{
	for (unsigned i = 0; i < 12; i++)
		run_varied(0x200 + i, 2, 6 + 4 * i, 3000);
	expect_races();
	expect_settings_matter();
}

Test(pool_smp_random, three_vcpus_of_few_tables)
{
	for (unsigned i = 0; i < 12; i++)
		run_varied(0x300 + i, 3, 4 + i, 3000);
	expect_races();
	expect_settings_matter();
}

Test(pool_smp_random, four_vcpus)
{
	for (unsigned i = 0; i < 12; i++)
		run_varied(0x400 + i, 4, 8 + 6 * i, 3000);
	expect_races();
	expect_settings_matter();
}

Test(pool_smp_random, tables_out_of_step)
{
	for (unsigned i = 0; i < 12; i++)
		run(0x500 + i, 2 + i % 3, 12 + 4 * (i % 4), 4000, 1 + i % 3, false);
	expect_races();
	cr_log_info("%llu tables left out of step, %llu brought back", (unsigned long long)grants,
		    (unsigned long long)brought_back);
	cr_assert(grants > 50 && brought_back > 50);
}
