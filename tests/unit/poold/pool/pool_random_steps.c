/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What random guests do: load roots, access, store, flush, fill tables, and what is rare. trapd's part is played as well:
 * each fault and each store goes to the pool as trapd hands it on. See pool_random.h. Test programs only.
 */
#include <criterion/criterion.h>

#include "tests/unit/poold/pool/pool_random.h"

static void store(uint64_t gpa, const void *bytes, uint32_t len, enum write_class class)
{
	store_note(gpa, bytes, len, false);
	fix_store(&f, gpa, bytes, len, class);
}

static void poke(uint64_t gpa, uint64_t value, unsigned size)
{
	store_note(gpa, &value, size, f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_UNSYNC);
	fix_poke(&f, gpa, value, size);
}

static void invlpg(uint64_t gva)
{
	fix_invlpg(&f, gva);
	check_no_fetch_leaf();
	invlpg_note(gva);
}

void step_set_root(void)
{
	uint64_t cr0 = CR0_PE | (chance(70) ? CR0_WP : 0), cr4 = chance(30) ? CR4_SMEP : 0, efer = 0, cr3 = any_table();
	unsigned mode = (unsigned)pick(plan.f32 ? 5 : 8);	/* 4 and up: 4-level */
	bool ac = chance(50);

	cr4 |= chance(40) ? CR4_SMAP : 0;
	if (f.r.root[0] && chance(70))
		mode = f.mode.paging;
	if (mode > WALK_4LEVEL)
		mode = WALK_4LEVEL;
	if (mode != WALK_UNPAGED)
		cr0 |= CR0_PG;
	if (mode == WALK_32BIT)
		cr4 |= chance(80) ? CR4_PSE : 0;
	else if (mode != WALK_UNPAGED)
		cr4 |= CR4_PAE;
	if (mode >= WALK_PAE && chance(80))
		efer |= EFER_NXE;
	if (mode == WALK_4LEVEL)
		efer |= EFER_LME | EFER_LMA;
	if (mode == WALK_PAE) {
		cr3 += 32 * pick(128);
		for (unsigned i = 0; i < 4; i++)
			fix_write(&f, cr3 + 8 * i, any_pdpte(), 8);
	}
	/* Few address spaces, so that they are met again. */
	if (mode != WALK_PAE && chance(80))
		cr3 = TABLE_BASE + pick(4) * PAGE_SIZE;
	if (plan.unsync && mode != WALK_PAE && chance(90))
		cr3 = TABLE_BASE + (mode == WALK_32BIT ? 2 : 0) * PAGE_SIZE;
	f.watch_code = f.cfg.copies_maddr && chance(80);
	fix_set_root(&f, cr0, cr3, cr4, efer, ac);
	n_recent = 0;
	forget_notes();
}

/* A store as an emulator or a device makes it: by guest-physical address, at any size and alignment. */
static void step_store(void)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8, 8, 8, 16, 64 };
	uint64_t bytes[8], gpa = chance(50) ? recent_slot() : chance(95) ? any_slot(any_table()) : any_data();
	uint32_t len = chance(70) ? entry_size() : sizes[pick(8)];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = any_entry_at(gpa, entry_size());
	if (chance(10))
		gpa += pick(8);
	if ((gpa & (PAGE_SIZE - 1)) + len > PAGE_SIZE)
		len = entry_size();
	if ((gpa & (PAGE_SIZE - 1)) + len > PAGE_SIZE)
		return;
	store(gpa, bytes, len, chance(80) ? WRITE_CLASS_SIMPLE : WRITE_CLASS_DEVICE);
}

/* The guest gets a #PF: its CPU has dropped the address, so nothing old may be left for it. */
static void page_fault(uint64_t gva)
{
	struct walk_result g;

	walk_guest(&f.ram, &f.mode, gva, WALK_PROBE, &g);
	for (unsigned i = 0; i < g.nentries; i++)
		if (guest_ram_contains(&f.ram, g.entry_gpa[i], 1) &&
		    f.state[g.entry_gpa[i] >> PAGE_SHIFT] & PAGE_STATE_UNSYNC) {
			invlpg(gva);
			check_tlb(gva);
			check_within(gva);
			return;
		}
}

static void read_access(uint64_t gva, uint32_t access)
{
	uint64_t gpa;
	enum fix_access a = fix_access(&f, gva, access, &gpa);

	cr_assert_neq(a, FIX_STUCK);
	if (a == FIX_FAULT)
		page_fault(gva);
}

/* One instruction that writes at gva, as trapd handles it. It must come to an end. */
static void step_write(uint64_t gva, uint32_t access)
{
	uint64_t gpa, value, rip = 0x1000 + pick(4) * 16;
	enum write_class class = chance(40) ? WRITE_CLASS_SIMPLE : (enum write_class)pick(WRITE_CLASS_DEVICE);
	unsigned size = entry_size(), tries;

	for (tries = 0; tries < 8; tries++) {
		enum fix_access a = fix_access(&f, gva, access, &gpa);
		enum pool_status s;

		if (a == FIX_FAULT)
			page_fault(gva);
		if (a == FIX_FAULT || a == FIX_OUTSIDE)
			return;
		cr_assert_neq(a, FIX_STUCK, "seed %llx: the fault at %llx comes for ever", (unsigned long long)plan.seed,
			      (unsigned long long)gva);
		if (a == FIX_OK) {	/* natively: nobody is told */
			cr_assert(!page_state_guards(f.state[gpa >> PAGE_SHIFT]));
			value = any_entry_at(gpa, size);
			poke(gpa, value, size);
			return;
		}
		if (chance(30))
			class = WRITE_CLASS_UNKNOWN;
		if (class == WRITE_CLASS_SIMPLE && !(f.state[gpa >> PAGE_SHIFT] & PAGE_STATE_HOT))
			s = POOL_EMULATE;
		else if (class == WRITE_CLASS_UNKNOWN)
			s = fix_unshadow(&f, gva, gpa, rip);
		else
			s = fix_write_fault(&f, gva, gpa, class, rip);
		if (s == POOL_EMULATE) {
			value = any_entry_at(gpa, size);
			store(gpa, &value, size, class);
			return;
		}
		if (s == POOL_STEP) {
			fix_step_open(&f, gpa >> PAGE_SHIFT);
			a = fix_access(&f, gva, access, &gpa);
			cr_assert(a == FIX_OK || a == FIX_FAULT || a == FIX_OUTSIDE, "seed %llx: access %d inside a step",
				  (unsigned long long)plan.seed, a);
			if (a == FIX_OK)
				poke(gpa, any_entry_at(gpa, size), size);
			fix_step_close(&f);
			return;
		}
		cr_assert(s == POOL_UNSHADOW || s == POOL_UNSYNC || s == POOL_OK, "status %d", s);
	}
	cr_assert_fail("seed %llx: livelock of the write at %llx", (unsigned long long)plan.seed, (unsigned long long)gva);
}

static void step_access(void)
{
	uint64_t gva = any_gva();
	uint32_t access = any_access();
	struct walk_result g;

	/* Faults of the guest's own are no work for the pool: few of them will do. */
	if (chance(40))
		gva = recent_gva();
	for (unsigned n = 0; n < 12 && walk_guest(&f.ram, &f.mode, gva, access, &g); n++) {
		gva = any_gva();
		access = any_access();
	}
	if (access & WALK_WRITE)
		step_write(gva, access);
	else
		read_access(gva, access);
	recent[n_recent++ % 16] = gva;
	if (f.audit || (plan.within && chance(plan.within))) {
		fix_consume(&f);
		check_within(gva);
	}
}

/* The guest fills a table, or clears it, through one mapping, and uses what it maps meanwhile. */
static void step_burst(void)
{
	uint64_t gva = recent_gva() & PAGE_MASK;

	for (unsigned n = 0; n < 6; n++) {
		step_write(gva | any_index(9) * (uint64_t)entry_size(), WALK_WRITE);
		fix_consume(&f);
		check_within(recent_gva());
		if (chance(50))
			step_access();
	}
}

/* What clients ask for while the guest stands. */
static void step_wish(void)
{
	fix_consume(&f);
	switch (pick(5)) {
	case 0:
		pool_clear_all(f.p, &f.r);
		break;
	case 1:
		pool_flush_all(f.p, &f.r);
		break;
	case 2:
		pool_flush_gpa(f.p, chance(70) ? any_table() : any_data(), &f.r);
		break;
	case 3:
		pool_flush_root(f.p, chance(60) ? TABLE_BASE + pick(4) * PAGE_SIZE : any_table(), &f.r);
		break;
	default:
		pool_cache_switch(f.p, chance(60), &f.r);
		break;
	}
	cr_assert(f.r.status == POOL_OK || f.r.status == POOL_E_NOTFOUND, "seed %llx: status %d", (unsigned long long)plan.seed,
		  f.r.status);
	fix_settle(&f);
	fix_audit(&f, "after a wish");
	check_no_fetch_leaf();
}

static void step_rare(void)
{
	struct pool_result r;
	uint64_t gfn = any_data() >> PAGE_SHIFT;

	if (f.cfg.copies_maddr && chance(40)) {
		cr_assert_eq(fix_code(&f, chance(30) ? any_table() : any_data(), (enum pool_code_state)pick(POOL_CODE_STATE_COUNT)), POOL_OK);
		return;
	}
	switch (pick(6)) {
	case 0:
	case 1:
		step_wish();
		break;
	case 2:
	case 3:
		if (chance(40))
			gfn = any_table() >> PAGE_SHIFT;
		fix_consume(&f);
		fix_track(&f, gfn, chance(50));
		break;
	case 4: {
		uint64_t gpa = any_table(), len = PAGE_SIZE + pick(3 * PAGE_SIZE);

		for (uint64_t i = 0; i < len / 64; i++)
			poke(gpa + i * 64, any_entry(8), 8);
		fix_consume(&f);
		pool_guest_range_changed(f.p, gpa, len, &r);
		cr_assert_eq(r.status, POOL_OK);
		break;
	}
	default:
		fix_consume(&f);
		pool_unshadow(f.p, 0, any_gva(), any_table(), rnd(), &f.r);
		fix_settle(&f);
		break;
	}
}

static void step_dirty(void)
{
	uint64_t gva = any_gva();
	struct walk_result g;
	bool user = chance(40);
	enum pool_status s;

	if (walk_guest(&f.ram, &f.mode, gva, WALK_WRITE | WALK_SET_AD | (user ? WALK_USER : 0), &g))
		return;
	s = fix_dirty(&f, gva, user);
	check_no_fetch_leaf();
	cr_assert(s == POOL_OK || s == POOL_E_NOTFOUND, "dirty: %d", s);
	if (s == POOL_OK) {
		struct pool_walk w;

		cr_assert_eq(fix_shadow(&f, gva, user, &w), 0);
		cr_assert(w.writable);
	}
	check_within(gva);
}

void one_step(void)
{
	unsigned what = (unsigned)pick(1000);
	uint64_t gva;

	if (plan.unsync && chance(20))
		step_burst();
	if (what < 450) {
		step_access();
	} else if (what < 800) {
		step_store();
	} else if (what < 900) {
		gva = chance(70) ? recent_gva() : any_gva();
		invlpg(gva);
		check_tlb(gva);
		check_within(gva);
	} else if (what < 940) {
		step_dirty();
	} else if (what < 992) {
		if (!plan.unsync || chance(30))
			step_set_root();
	} else {
		step_rare();
	}
}
