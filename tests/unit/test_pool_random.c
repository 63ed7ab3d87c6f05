/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random guests against the pool, with fixed seeds. Tables point to each other at will: shared between slots, recursive,
 * used as data, large pages over tables; the CPU has a TLB and a paging-structure cache; events wait for the next request;
 * writes go through the guest's own addresses. After each step everything must hold that a guest could notice.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/pool_fixture.h"
#include "tests/unit/ref_walk.h"

#define TABLE_BASE	0x10000ull
#define DATA_BASE	0x400000ull
#define NTABLES_MAX	400u

struct plan {
	const char *name;
	uint64_t seed;
	unsigned steps, ntables;
	uint32_t users, extents, nodes, roots, hot, prefetch;
	bool cache_off, f32, large, code;
	uint32_t extensions;	/* of the write policy */
	uint32_t unsync;
	unsigned audit_every, within;	/* within: percent of accesses that are compared even without an audit */
};

static struct fix f;
static struct plan plan;
static uint64_t rng;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

static uint64_t pick(uint64_t n)
{
	return (rnd() >> 16) % n;
}

static bool chance(unsigned percent)
{
	return pick(100) < percent;
}

static uint64_t any_table(void)
{
	return TABLE_BASE + pick(plan.ntables) * PAGE_SIZE;
}

static uint64_t any_data(void)
{
	return DATA_BASE + pick((f.ram.low_end - DATA_BASE) >> PAGE_SHIFT) * PAGE_SIZE;
}

static unsigned any_index(unsigned bits)
{
	static const unsigned hot[] = { 0, 1, 2, 3, 4, 5, 255, 256, 300, 511 };
	unsigned i = hot[pick(10)];

	return bits == 10 && chance(30) ? (i + 512) & 1023 : i;
}

static uint64_t any_entry(unsigned size)
{
	uint64_t e;
	unsigned kind = (unsigned)pick(100);

	if (kind < 8)
		return 0;
	if (kind < 10)
		return size == 4 ? (uint32_t)rnd() : rnd();
	if (kind < (plan.large ? 54 : 68))
		e = any_table();
	else if (kind < (plan.large ? 70 : 88))
		e = any_data();
	else
		e = PTE_PS | (pick(4) << (size == 4 ? 22 : 21));
	if (!(e & PTE_PS) && chance(4))
		e |= PTE_PS;
	if (chance(2))
		e |= size == 4 ? 0xc0000000u : 1ull << 38;	/* beyond RAM */
	if (size == 8 && chance(6))
		e |= PTE_NX;
	e |= chance(96) ? PTE_P : 0;
	e |= chance(85) ? PTE_W : 0;
	e |= chance(80) ? PTE_U : 0;
	e |= chance(60) ? PTE_A : 0;
	e |= chance(50) ? PTE_D : 0;
	e |= chance(10) ? PTE_G | PTE_PWT : 0;
	return e;
}

/* Where tables are to be left out of step they need a level of their own: every fourth page is a PML4, a PDPT, a PD, a PT. */
static uint64_t table_of_level(unsigned level)
{
	return TABLE_BASE + (pick(plan.ntables / 4) * 4 + (4 - level)) * PAGE_SIZE;
}

/* An entry that fits the level of the table it is stored to, mostly. Leaf tables map leaf tables, so that they are written. */
static uint64_t any_entry_at(uint64_t gpa, unsigned size)
{
	uint64_t e = any_entry(size), target;
	unsigned level = 4 - (((gpa - TABLE_BASE) >> PAGE_SHIFT) & 3);

	if (!plan.unsync || gpa < TABLE_BASE || gpa >= TABLE_BASE + plan.ntables * PAGE_SIZE || !(e & PTE_P) ||
	    (e & PTE_PS) || chance(8))
		return e;
	if (level > 1)
		target = table_of_level(level - 1);
	else
		target = chance(70) ? table_of_level(1) : chance(50) ? any_table() : any_data();
	return (e & ~(size == 4 ? 0xfffff000ull : PTE_ADDR)) | target;
}

static unsigned entry_size(void)
{
	return f.mode.paging == WALK_32BIT ? 4 : 8;
}

static uint64_t any_slot(uint64_t table)
{
	unsigned size = entry_size();

	return table + any_index(size == 4 ? 10 : 9) * (uint64_t)size;
}

/* Mostly addresses that lead somewhere: at each level a few tries for an entry that is present. */
static uint64_t any_gva(void)
{
	uint64_t gva = any_index(entry_size() == 4 ? 10 : 9) * (uint64_t)entry_size(), table = f.mode.cr3 & PTE_ADDR, e = 0;
	unsigned count;
	const struct walk_level *level = walk_levels(f.mode.paging, &count);

	if (f.mode.paging == WALK_UNPAGED)
		return gva | (chance(50) ? any_table() : any_data());
	for (unsigned l = 0; l < count; l++, level++) {
		uint64_t i = 0;

		for (unsigned tries = 0; tries < 6; tries++) {
			i = level->index_bits == 2 ? pick(4) : any_index(level->index_bits);
			if (level->index_bits == 2)
				e = f.mode.pdpte[i];
			else if (guest_ram_contains(&f.ram, table, PAGE_SIZE))
				e = fix_read(&f, table + i * level->entry_size, level->entry_size);
			else
				e = 0;
			if ((e & PTE_P) && guest_ram_contains(&f.ram, e & PTE_ADDR, PAGE_SIZE))
				break;
		}
		gva |= i << level->index_shift;
		table = e & PTE_ADDR;
	}
	return gva & 1ull << 47 ? gva | 0xffff000000000000ull : gva;
}

/* Addresses used lately: what the TLB may still hold. */
static uint64_t recent[16];
static unsigned n_recent;

static uint64_t recent_gva(void)
{
	return n_recent ? recent[pick(n_recent < 16 ? n_recent : 16)] : any_gva();
}

/* Where one of the guest's entries for a recently used address lies. */
static uint64_t recent_slot(void)
{
	struct walk_result g;
	uint64_t at;

	if (walk_guest(&f.ram, &f.mode, recent_gva(), WALK_PROBE, &g) || !g.nentries)
		return any_slot(any_table());
	at = g.entry_gpa[pick(g.nentries)];
	return at == ~0ull || !guest_ram_contains(&f.ram, at, 8) ? any_slot(any_table()) : at;
}

static uint32_t any_access(void)
{
	uint32_t a = chance(60) ? WALK_WRITE : chance(30) ? WALK_FETCH : 0;

	return a | (chance(40) ? WALK_USER : 0);
}

/* ---- what a CPU may still hold ---- */

/*
 * Stores to a table that is out of step are told to nobody: until INVLPG or a load of CR3 a translation by the older
 * entry is right too, if the CPU could have made it, that is if the way to the table was there before the store.
 */
#define LEADS_TO (PTE_P | PTE_PS | PTE_ADDR)

static struct change { uint64_t gpa, old, new; uint32_t at; bool silent; } changes[4096];
static struct { uint64_t gva; uint32_t at; } flushed[64];
static uint32_t tick, n_changes, n_flushed;

static void store_note(uint64_t gpa, const void *bytes, uint32_t len, bool silent)
{
	unsigned size = entry_size();
	uint8_t copy[128];
	uint64_t from = gpa & ~(uint64_t)(size - 1), end = (gpa + len + size - 1) & ~(uint64_t)(size - 1);

	memcpy(copy, f.ram.base + from, end - from);
	memcpy(copy + (gpa - from), bytes, len);
	tick++;
	for (uint64_t at = from; at < end && n_changes < 4096; at += size) {
		struct change *c = &changes[n_changes];

		*c = (struct change){ .gpa = at, .old = fix_read(&f, at, size), .at = tick, .silent = silent };
		memcpy(&c->new, copy + (at - from), size);
		n_changes += c->old != c->new;
	}
}

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

#define ONE_FETCH (1ull << 52)

/* A leaf that is there for one fetch goes with the next request that is no fetch. */
static void check_no_fetch_leaf(void)
{
	struct pool_walk w;

	for (unsigned i = 0; i < n_recent && i < 16; i++)
		cr_assert(fix_shadow(&f, recent[i], false, &w) || !(w.step[w.nsteps - 1].entry & ONE_FETCH),
			  "seed %llx: the leaf for one fetch at %llx stays", (unsigned long long)plan.seed,
			  (unsigned long long)recent[i]);
}

static void invlpg(uint64_t gva)
{
	fix_invlpg(&f, gva);
	check_no_fetch_leaf();
	flushed[n_flushed % 64].gva = gva & PAGE_MASK;
	flushed[n_flushed++ % 64].at = ++tick;
}

static uint32_t flush_time(uint64_t gva)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < 64 && i < n_flushed; i++)
		if (flushed[i].gva == (gva & PAGE_MASK) && flushed[i].at > at)
			at = flushed[i].at;
	return at;
}

/* Since when, at the latest, has the entry led to where it leads? 0: since the last load of CR3. */
static uint32_t leads_since(uint64_t gpa, uint64_t entry)
{
	bool first = true;

	for (unsigned i = 0; i < n_changes; i++) {
		if (changes[i].gpa != gpa)
			continue;
		if (first && !((changes[i].old ^ entry) & LEADS_TO))
			return 0;
		if (!((changes[i].new ^ entry) & LEADS_TO))
			return changes[i].at;
		first = false;
	}
	return 0;
}

static bool is_right(uint64_t gva, uint32_t access, uint64_t gpa)
{
	struct walk_result g;

	if (walk_guest(&f.ram, &f.mode, gva, access, &g) || g.gpa != gpa)
		return false;
	for (unsigned i = 0; i < g.nentries; i++)
		if (!(g.entry[i] & PTE_A) && g.entry_gpa[i] != ~0ull)
			return false;
	return !(access & WALK_WRITE) || !g.nentries || g.entry[g.nentries - 1] & PTE_D;
}

static bool was_right(uint64_t gva, uint32_t access, uint64_t gpa)
{
	struct walk_result g;
	unsigned levels, size = entry_size();
	uint32_t since = flush_time(gva);
	bool right = false;
	uint64_t slot, value;

	walk_levels(f.mode.paging, &levels);
	walk_guest(&f.ram, &f.mode, gva, WALK_PROBE, &g);
	if (!levels || g.nentries != levels)
		return false;
	slot = g.entry_gpa[levels - 1];
	if (!guest_ram_contains(&f.ram, slot, size) || !(f.state[slot >> PAGE_SHIFT] & PAGE_STATE_UNSYNC))
		return false;
	for (unsigned i = 0; i + 1 < levels; i++) {
		uint32_t at = g.entry_gpa[i] == ~0ull ? 0 : leads_since(g.entry_gpa[i], g.entry[i]);

		since = at > since ? at : since;
	}
	value = fix_read(&f, slot, size);
	for (unsigned i = 0; i < n_changes && !right; i++)
		if (changes[i].gpa == slot && changes[i].silent && changes[i].at > since) {
			fix_poke(&f, slot, changes[i].old, size);
			right = is_right(gva, access, gpa);
		}
	fix_poke(&f, slot, value, size);
	return right || n_changes == 4096;
}

/* ---- what must hold ---- */

static uint64_t n_stale;	/* translations that only a CPU's TLB could give any more */

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

static void check_within(uint64_t gva)
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

static void check_all(void)
{
	uint64_t root[2];
	struct pool_modes m;

	pool_vcpu_roots(f.p, 0, root, &m);
	for (uint32_t view = 0; view < 2; view++) {
		struct sample s = { 1 + (uint32_t)pick(32), 64 };

		pool_translations(f.p, root[view], check_one, &s);
	}
}

/* After INVLPG no CPU may hold for gva what the guest's tables do not give. */
static void check_tlb(uint64_t gva)
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

/* ---- steps ---- */

static uint64_t any_pdpte(void)
{
	if (chance(15))
		return 0;
	return (plan.unsync ? table_of_level(2) : any_table()) | PTE_P;
}

static void step_set_root(void)
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
	n_recent = n_changes = n_flushed = tick = 0;
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

/* What the caller wants tracked is a caller's matter: whatever becomes of the page, the bit stays. */
static void check_tracked(void)
{
	for (uint64_t gfn = 0; gfn < f.state_gfns; gfn++)
		cr_assert_eq(!!(f.state[gfn] & PAGE_STATE_TRACKED), f.tracked[gfn], "seed %llx: page %llx",
			     (unsigned long long)plan.seed, (unsigned long long)gfn);
}

static void step_rare(void)
{
	struct pool_result r;
	uint64_t gfn = any_data() >> PAGE_SHIFT;

	if (f.cfg.copies_maddr && chance(40)) {
		cr_assert_eq(fix_code(&f, chance(30) ? any_table() : any_data(), (enum pool_code)pick(POOL_CODE_COUNT)), POOL_OK);
		return;
	}
	switch (pick(6)) {
	case 0:
		fix_consume(&f);
		pool_clear_all(f.p, &f.r);
		fix_settle(&f);
		break;
	case 1:
		fix_consume(&f);
		pool_flush_all(f.p, &f.r);
		fix_settle(&f);
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

static void one_step(void)
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

static void fill_tables(void)
{
	for (unsigned t = 0; t < plan.ntables; t++)
		for (unsigned i = 0; i < 64; i++)
			fix_poke(&f, any_slot(TABLE_BASE + t * PAGE_SIZE), any_entry_at(TABLE_BASE + t * PAGE_SIZE, 8), 8);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void run_plan(const struct plan *param)
{
	plan = *param;
	rng = plan.seed * 0x9e3779b97f4a7c15ull;
	cr_log_info("plan %s, seed %llx", plan.name, (unsigned long long)plan.seed);
	fix_init(&f);
	f.cfg.max_users = plan.users;
	f.cfg.max_extents = plan.extents;
	f.cfg.rmap_nodes_per_gfn = plan.nodes;
	f.cfg.cached_roots = plan.roots;
	f.cfg.hot_limit = plan.hot;
	f.cfg.prefetch = plan.prefetch;
	f.cfg.cache_off = plan.cache_off;
	f.cfg.large_leaves = plan.large;
	f.cfg.unsync_tables = plan.unsync;
	f.cfg.legacy_format = plan.f32 ? POOL_F32 : POOL_F64;
	f.cfg.extensions = plan.extensions;
	f.cfg.copies_maddr = plan.code ? FIX_COPIES_MADDR : 0;
	fix_open(&f);
	pool_poison_leaf(f.p, from_environment("POOL_RANDOM_POISON", 0));
	f.post = true;
	f.audit = plan.audit_every == 1;
	fill_tables();
	step_set_root();
	for (unsigned i = 0; i < plan.steps; i++) {
		one_step();
		if (i % (plan.audit_every > 16 ? plan.audit_every : 16) == 0) {
			fix_consume(&f);
			fix_audit(&f, "every now and then");
			check_tracked();
			check_all();
		}
	}
	cr_log_info("large leaves %llu refused %llu broken %llu", (unsigned long long)f.stats[POOL_STAT_map_large],
		    (unsigned long long)f.stats[POOL_STAT_large_refused], (unsigned long long)f.stats[POOL_STAT_large_broken]);
	cr_log_info("out of step: %llu tables, %llu slots wanted again, %llu linked anew, %llu entries changed, %llu stale",
		    (unsigned long long)f.stats[POOL_STAT_unsync_grants],
		    (unsigned long long)f.stats[POOL_STAT_unsync_slot_overflow],
		    (unsigned long long)f.stats[POOL_STAT_unsync_role_conflict],
		    (unsigned long long)f.stats[POOL_STAT_resync_changed], (unsigned long long)n_stale);
	cr_log_info("maps %llu retries %llu evictions %llu need_flush %u events %llu steps %llu hits %llu overflow %llu",
		    (unsigned long long)f.stats[POOL_STAT_map_requests], (unsigned long long)f.stats[POOL_STAT_map_retry],
		    (unsigned long long)f.stats[POOL_STAT_evict], f.need_flush,
		    (unsigned long long)f.stats[POOL_STAT_mon_write_events], (unsigned long long)f.stats[POOL_STAT_step_opened],
		    (unsigned long long)f.stats[POOL_STAT_cache_hits], (unsigned long long)f.stats[POOL_STAT_rmap_overflow]);
	fix_close(&f);
}

TestSuite(pool_random, .timeout = 60);

Test(pool_random, plain)
{
	run_plan(&(struct plan){ "plain", 0x1, 2500, 40, .prefetch = 8, .audit_every = 1 });
}

Test(pool_random, crowded_pool)
{
	run_plan(&(struct plan){ "crowded", 0x5eed, 15000, 400, .roots = 4, .hot = 6, .prefetch = 16, .audit_every = 16 });
}

Test(pool_random, few_users_and_extents)
{
	run_plan(&(struct plan){ "few", 0xabcdef, 2500, 60, .users = 24, .extents = 2, .nodes = 1, .roots = 2, .hot = 3,
				 .prefetch = 4, .audit_every = 1 });
}

Test(pool_random, cache_off)
{
	run_plan(&(struct plan){ "cache off", 0x77, 2000, 40, .users = 64, .extents = 16, .nodes = 1, .roots = 1, .hot = 4,
				 .prefetch = 1, .cache_off = true, .audit_every = 1 });
}

Test(pool_random, hot_tables)
{
	run_plan(&(struct plan){ "hot", 0x123456789, 2500, 12, .nodes = 2, .hot = 2, .prefetch = 64, .audit_every = 1 });
}

Test(pool_random, large_leaves)
{
	run_plan(&(struct plan){ "large", 0x2b1b, 2500, 40, .prefetch = 8, .large = true, .audit_every = 1 });
}

Test(pool_random, large_leaves_crowded)
{
	run_plan(&(struct plan){ "large crowded", 0x1a79e, 10000, 300, .users = 64, .extents = 2, .nodes = 1, .roots = 4, .hot = 6,
				 .prefetch = 4, .large = true, .audit_every = 16 });
}

Test(pool_random, four_byte_entries)
{
	run_plan(&(struct plan){ "f32", 0xf32, 2500, 24, .prefetch = 8, .f32 = true, .audit_every = 1 });
}

Test(pool_random, four_byte_entries_crowded)
{
	run_plan(&(struct plan){ "f32 crowded", 0x4b17e5, 8000, 400, .users = 64, .extents = 4, .nodes = 1, .roots = 4, .hot = 6,
				 .prefetch = 32, .f32 = true, .audit_every = 16 });
}

Test(pool_random, tables_out_of_step)
{
	n_stale = 0;
	run_plan(&(struct plan){ "unsync", 0x4afe, 3000, 16, .hot = 1, .prefetch = 8, .unsync = 4, .audit_every = 1 });
	cr_assert_gt(n_stale, 0, "nothing was ever left out of step");
}

/*
 * The long run: one plan after the other, each drawn from its seed alone. POOL_RANDOM_OPS is how many steps in all,
 * POOL_RANDOM_SEED the first seed, POOL_RANDOM_SECONDS an earlier end, POOL_RANDOM_POISON which leaf of each pool is made
 * wrong, so that the run must fail. The line of a plan stands before it runs, so the
 * last one names the seed of a failure: that seed with POOL_RANDOM_OPS=1 runs the plan alone.
 */
#define LONG_STEPS 10000u

static struct plan any_plan(uint64_t seed)
{
	static const uint32_t users[] = { 0, 0, 0, 24, 32, 64 }, extents[] = { 0, 0, 1, 2, 16 }, nodes[] = { 0, 1, 1, 2 };
	static const uint32_t roots[] = { 0, 1, 2, 4, 16 }, hot[] = { 0, 1, 2, 3, 6, 20 };
	static const uint32_t unsync[] = { 0, 0, 1, 3, 16 };
	static const unsigned ntables[] = { 4, 12, 40, 60, 150, 400 }, audits[] = { 16, 32, 64, 64 };

	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	return (struct plan){
		.name = "long", .seed = seed, .steps = LONG_STEPS, .ntables = ntables[pick(6)], .users = users[pick(6)],
		.extents = extents[pick(5)], .nodes = nodes[pick(4)], .roots = roots[pick(5)], .hot = hot[pick(6)],
		.prefetch = 1u << pick(7), .cache_off = chance(15), .f32 = chance(25), .large = chance(50),
		.extensions = pick(WRITE_EXT_ALL + 1),
		.audit_every = audits[pick(4)],
		.within = 60,
		.unsync = unsync[pick(5)],
		.code = chance(40),
	};
}

Test(pool_random, watched_code)
{
	run_plan(&(struct plan){ "watched code", 0xc0de, 2500, 24, .prefetch = 8, .code = true, .audit_every = 1 });
	run_plan(&(struct plan){ "watched code, few nodes", 0xc0df, 2500, 40, .prefetch = 16, .nodes = 1, .extents = 2, .large = true, .code = true,
				 .unsync = 4, .hot = 3, .audit_every = 4 });
	run_plan(&(struct plan){ "watched code, f32", 0xc0e0, 2500, 24, .prefetch = 8, .f32 = true, .code = true, .audit_every = 4 });
}

Test(pool_random, long_run, .timeout = 7200)
{
	uint64_t ops = from_environment("POOL_RANDOM_OPS", 0), seed = from_environment("POOL_RANDOM_SEED", 1), done = 0;
	uint64_t seconds = from_environment("POOL_RANDOM_SECONDS", 0);
	struct timespec start, now;

	if (!ops)
		cr_skip_test("POOL_RANDOM_OPS says how long; make check-long does");
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (now = start; done < ops; done += LONG_STEPS, seed++) {
		struct plan one = any_plan(seed);

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && (uint64_t)(now.tv_sec - start.tv_sec) >= seconds)
			break;
		fprintf(stderr, "pool_random: seed %llu, %llu steps done\n", (unsigned long long)seed, (unsigned long long)done);
		run_plan(&one);
	}
	fprintf(stderr, "pool_random: %llu steps, no difference\n", (unsigned long long)done);
}
