/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool_fixture.h. Test programs only. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/poold/pool/pool_fixture.h"

static void on_state(void *ctx, uint64_t gfn, uint8_t bits)
{
	struct fix *f = ctx;

	cr_assert_lt(gfn, f->state_gfns);
	f->state[gfn] = bits;
}

static void on_entry(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	struct fix *f = ctx;

	cr_assert(old & PTE_P, "told of a change of page %u slot %u that was not present", page, slot);
	f->entry_changes++;
}

void fix_init(struct fix *f)
{
	memset(f, 0, sizeof(*f));
	f->cfg.ram_maddr = FIX_RAM_MADDR;
	f->cfg.pool_maddr = FIX_POOL_MADDR;
	f->cfg.max_pages = POOL_MIN_PAGES;
	f->cfg.maxphyaddr = 40;
	f->cfg.nvcpu = 1;
	f->cfg.stub_slot = FIX_STUB_SLOT;
	f->cfg.stub_entry = FIX_STUB_ENTRY;
	f->cfg.prefetch = 8;
	guest_ram_layout(&f->cfg.ram, 8ull << 20);
	f->audit = true;
	f->next_table = 0x10000;
}

void fix_open(struct fix *f)
{
	const struct pool_callbacks cb = { .ctx = f, .state_changed = on_state, .entry_changed = on_entry };
	char err[256] = "";
	int rc;

	f->state_gfns = guest_ram_span(&f->cfg.ram) >> PAGE_SHIFT;
	f->state = calloc(f->state_gfns, 1);
	f->tracked = calloc(f->state_gfns, sizeof(*f->tracked));
	f->cfg.ram.base = calloc(1, guest_ram_span(&f->cfg.ram));
	f->ram = f->cfg.ram;
	f->arena_bytes = f->cfg.max_pages * PAGE_SIZE;
	f->arena = aligned_alloc(PAGE_SIZE, f->arena_bytes);
	f->tracking_bytes = pool_memory_needed(&f->cfg);
	cr_assert_neq(f->tracking_bytes, 0);
	f->tracking = calloc(1, f->tracking_bytes);
	cr_assert(f->state && f->ram.base && f->arena && f->tracking);
	memset(f->arena, 0, f->arena_bytes);
	rc = pool_create(&f->p, &f->cfg, &cb, f->arena, f->tracking, f->stats, err, sizeof(err));
	cr_assert_eq(rc, 0, "%s", err);
}

/* For counters_move.sh: the names of the counters that have moved, a line each, behind those of other tests. */
static void note_counters(const struct fix *f)
{
	const char *path = getenv("POOL_COUNTERS");
	char text[POOL_STAT_COUNT * 40] = "";
	size_t n = 0;
	int fd;

	if (!path)
		return;
	for (unsigned i = 0; i < POOL_STAT_COUNT; i++)
		if (f->stats[i])
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\n", pool_stat_name[i]);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	cr_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n, "cannot note counters in %s", path);
	close(fd);
}

void fix_close(struct fix *f)
{
	note_counters(f);
	free(f->state);
	free(f->tracked);
	free(f->cfg.ram.base);
	free(f->arena);
	free(f->tracking);
	memset(f, 0, sizeof(*f));
}

bool fix_format_pass(struct fix *f, unsigned pass)
{
	struct pool_config cfg = f->cfg;
	bool audit = f->audit;

	if (!pass)
		return true;
	cr_assert_eq(cfg.legacy_format, POOL_F64);
	fix_close(f);
	fix_init(f);
	f->cfg = cfg;
	f->cfg.legacy_format = POOL_F32;
	f->audit = audit;
	fix_open(f);
	return true;
}

uint64_t fix_table(struct fix *f)
{
	uint64_t gpa = f->next_table;

	f->next_table += PAGE_SIZE;
	cr_assert(guest_ram_contains(&f->ram, gpa, PAGE_SIZE));
	return gpa;
}

uint64_t fix_read(const struct fix *f, uint64_t gpa, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, f->ram.base + gpa, size);
	return v;
}

void fix_poke(struct fix *f, uint64_t gpa, uint64_t value, unsigned size)
{
	memcpy(f->ram.base + gpa, &value, size);
}

struct fix_tables fix_long_tables(struct fix *f)
{
	struct fix_tables t;

	t.pml4 = fix_table(f);
	t.pdpt = fix_table(f);
	t.pd = fix_table(f);
	t.pt = fix_table(f);
	fix_poke(f, t.pml4, t.pdpt | FIX_RWU, 8);
	fix_poke(f, t.pdpt, t.pd | FIX_RWU, 8);
	fix_poke(f, t.pd, t.pt | FIX_RWU, 8);
	return t;
}

void fix_long_root(struct fix *f, uint64_t pml4)
{
	fix_set_root(f, FIX_PAGED, pml4, CR4_PAE, FIX_LONG, false);
}

void fix_consume(struct fix *f)
{
	struct pool_result r;

	for (unsigned i = 0; i < f->queued; i++) {
		pool_guest_write(f->p, 0, f->queue[i].gpa, f->queue[i].len, f->queue[i].class, false, 0x1000, &r);
		cr_assert_eq(r.status, POOL_OK);
	}
	f->queued = 0;
}

void fix_store(struct fix *f, uint64_t gpa, const void *bytes, uint32_t len, enum write_class class)
{
	memcpy(f->ram.base + gpa, bytes, len);
	if (!(f->state[gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED))
		return;
	if (f->queued == FIX_QUEUE)
		fix_consume(f);
	f->queue[f->queued++] = (struct fix_event){ gpa, len, class };
	if (!f->post)
		fix_consume(f);
}

void fix_write(struct fix *f, uint64_t gpa, uint64_t value, unsigned size)
{
	fix_store(f, gpa, &value, size, WRITE_CLASS_SIMPLE);
}

void fix_audit(struct fix *f, const char *when)
{
	struct pool_violation v[8];
	uint32_t n = pool_audit(f->p, POOL_AUDIT_FULL, v, 8);

	cr_assert_eq(n, 0, "%s: %u violations, first A%u page %u slot %u expected %llx found %llx", when, n, v[0].rule, v[0].page,
		     v[0].slot, (unsigned long long)v[0].expected, (unsigned long long)v[0].found);
}

static void tlb_flush(struct fix *f, enum pool_flush flush, uint64_t gva)
{
	for (unsigned i = 0; i < FIX_TLB; i++) {
		struct fix_tlb *t = &f->tlb[i];

		if (flush == POOL_FLUSH_GVA ? gva - t->gva < t->span : flush != POOL_FLUSH_NONE)
			t->valid = false;
	}
	/* INVLPG too drops every paging-structure cache entry, SDM vol. 3A 4.10.4.1. */
	for (unsigned i = 0; i < FIX_PSC && flush != POOL_FLUSH_NONE; i++)
		f->psc[i].valid = false;
}

/* No stale translation may write to a page whose writes must be seen. */
static void tlb_check(const struct fix *f)
{
	for (unsigned i = 0; i < FIX_TLB; i++) {
		const struct fix_tlb *t = &f->tlb[i];

		if (!t->valid || !t->writable)
			continue;
		for (uint64_t gfn = t->gpa >> PAGE_SHIFT; gfn < (t->gpa + t->span) >> PAGE_SHIFT; gfn++)
			cr_assert((f->stepping && gfn == f->open_gfn) ||
				  !page_state_guards(f->state[gfn]),
				  "a TLB entry gives write access to the monitored page %llx", (unsigned long long)gfn << PAGE_SHIFT);
	}
}

void fix_settle(struct fix *f)
{
	pool_merge_pending(f->p, 0, &f->r);
	cr_assert(!f->r.ntouch || f->r.flush != POOL_FLUSH_NONE, "tables to touch but no flush");
	tlb_flush(f, f->r.flush, f->r.flush_gva);
	if (f->r.flush == POOL_FLUSH_ALL)
		pool_flush_done(f->p, 0, true, f->r.epoch);
	tlb_check(f);
	if (f->audit)
		fix_audit(f, "after a request");
}

/* Repeat while the pool asks for a flush first. */
#define REQUEST(f, call) do { \
	unsigned tries_ = 0; \
	fix_consume(f); \
	do { \
		call; \
		fix_settle(f); \
		f->need_flush += f->r.status == POOL_NEED_FLUSH; \
		cr_assert_lt(tries_++, 20, "the pool asks for a flush for ever"); \
	} while (f->r.status == POOL_NEED_FLUSH || f->r.status == POOL_NEED_SHOOTDOWN); \
} while (0)

void fix_set_root(struct fix *f, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer, bool ac)
{
	struct pool_modes m = { .cr0 = cr0, .cr3 = cr3, .cr4 = cr4, .efer = efer, .ac = ac, .watch_code = f->watch_code };

	walk_mode_from_cr(&f->mode, cr0, cr3, cr4, efer, ac ? RFLAGS_AC : 0, f->cfg.maxphyaddr);
	if (f->mode.paging == WALK_PAE) {
		cr_assert_eq(walk_load_pdptes(&f->ram, cr3, f->cfg.maxphyaddr, f->mode.pdpte), 0);
		memcpy(m.pdpte, f->mode.pdpte, sizeof(m.pdpte));
	}
	f->modes = m;
	REQUEST(f, pool_set_root(f->p, 0, &m, &f->r));
	cr_assert_eq(f->r.status, POOL_OK);
	cr_assert(f->r.root[0] && f->r.root[1]);
}

void fix_invlpg(struct fix *f, uint64_t gva)
{
	REQUEST(f, pool_invlpg(f->p, 0, gva, false, &f->r));
	cr_assert_eq(f->r.status, POOL_OK);
}

enum pool_status fix_dirty(struct fix *f, uint64_t gva, bool user)
{
	REQUEST(f, pool_dirty(f->p, 0, gva, user, &f->r));
	return f->r.status;
}

enum pool_status fix_write_fault(struct fix *f, uint64_t gva, uint64_t gpa, enum write_class class, uint64_t rip)
{
	REQUEST(f, pool_write_fault(f->p, 0, gva, gpa, class, rip, 8, &f->r));
	return f->r.status;
}

enum pool_status fix_unshadow(struct fix *f, uint64_t gva, uint64_t gpa, uint64_t rip)
{
	REQUEST(f, pool_unshadow(f->p, 0, gva, gpa, rip, &f->r));
	return f->r.status;
}

void fix_step_open(struct fix *f, uint64_t gfn)
{
	f->stepping = true;
	f->open_gfn = gfn;
	REQUEST(f, pool_open(f->p, 0, gfn, &f->r));
	cr_assert_eq(f->r.status, POOL_OK);
}

void fix_step_close(struct fix *f)
{
	f->stepping = false;
	REQUEST(f, pool_close(f->p, 0, &f->r));
	cr_assert_eq(f->r.status, POOL_OK);
}

enum pool_status fix_map(struct fix *f, uint64_t gva, uint32_t access)
{
	struct pool_map_args a = { .gva = gva, .write = access & WALK_WRITE, .fetch = access & WALK_FETCH,
				   .user_view = access & WALK_USER };
	struct walk_result w;

	cr_assert_eq(walk_guest(&f->ram, &f->mode, gva, access | WALK_SET_AD, &w), 0);
	a.gpa = w.gpa;
	a.nwalk = w.nentries;
	memcpy(a.walk, w.entry, sizeof(a.walk));
	REQUEST(f, pool_map(f->p, 0, &a, &f->r));
	return f->r.status;
}

void fix_track(struct fix *f, uint64_t gfn, bool on)
{
	pool_track(f->p, gfn, on, &f->r);
	fix_settle(f);
	f->tracked[gfn] = on;
}

enum pool_status fix_code(struct fix *f, uint64_t gpa, enum pool_code_state code)
{
	REQUEST(f, pool_set_code_state(f->p, gpa >> PAGE_SHIFT, code, &f->r));
	if (f->r.status == POOL_OK)
		f->tracked[gpa >> PAGE_SHIFT] = code == POOL_CODE_STATE_RAM || code == POOL_CODE_STATE_COPY;
	return f->r.status;
}

int fix_shadow(struct fix *f, uint64_t gva, bool user, struct pool_walk *w)
{
	struct pool_modes m;
	uint64_t root[2];

	cr_assert_eq(pool_vcpu_roots(f->p, 0, root, &m), 0);
	return pool_walk(f->p, root[user], gva, w);
}

/* A leaf table's entry as the CPU of this test reads it: of 4 bytes it makes one of 8 by rules of its own. */
static uint64_t psc_entry(const struct fix *f, const struct fix_psc *c, uint64_t gva)
{
	const uint8_t *table = f->arena + (c->table - FIX_POOL_MADDR);
	uint32_t small;

	if (!c->f32)
		return ((const uint64_t *)(const void *)table)[gva >> 12 & 511];
	small = ((const uint32_t *)(const void *)table)[gva >> 12 & 1023];
	return small & PTE_P ? (FIX_RAM_MADDR + (small & 0xfffff000u)) | (small & 0xffu) |
			       (small & FIX_F32_NX ? PTE_NX : 0) : 0;
}

/* The walk from a cached leaf table, as long as the CPU has not flushed: whatever hangs above it now. */
static int psc_walk(struct fix *f, uint64_t root, uint64_t gva, struct pool_walk *w)
{
	for (unsigned i = 0; i < FIX_PSC; i++) {
		struct fix_psc *c = &f->psc[i];
		uint64_t e, window = FIX_RAM_MADDR;

		if (!c->valid || c->root != root || c->gva >> 21 != gva >> 21)
			continue;
		e = psc_entry(f, c, gva);
		if (!(e & PTE_P)) {
			c->valid = false;	/* a page fault drops it */
			return -ENOENT;
		}
		if (f->cfg.copies_maddr && (e & PTE_ADDR) >= f->cfg.copies_maddr)
			window = f->cfg.copies_maddr;
		cr_assert(guest_ram_contains(&f->ram, (e & PTE_ADDR) - window, PAGE_SIZE),
			  "a cached leaf table became something else before the flush: %llx", (unsigned long long)e);
		w->gpa = ((e & PTE_ADDR) - window) | (gva & (PAGE_SIZE - 1));
		w->writable = c->writable && (e & PTE_W);
		w->nx = c->nx || (e & PTE_NX);
		return 0;
	}
	return -ENOENT;
}

static void psc_fill(struct fix *f, uint64_t root, uint64_t gva, const struct pool_walk *w)
{
	struct fix_psc c = { .valid = true, .writable = true, .root = root, .gva = gva };

	c.table = w->step[w->nsteps - 1].maddr & PAGE_MASK;
	c.f32 = w->nsteps == 2;		/* a root of 4 MiB entries and one level below */
	for (unsigned i = 0; i + 1 < w->nsteps; i++) {
		c.writable &= !!(w->step[i].entry & PTE_W);
		c.nx |= !!(w->step[i].entry & PTE_NX);
	}
	f->psc[f->psc_next++ % FIX_PSC] = c;
}

/* A page fault drops what the CPU holds for the address. */
static void psc_drop(struct fix *f, uint64_t gva)
{
	for (unsigned i = 0; i < FIX_PSC; i++)
		if (f->psc[i].gva >> 21 == gva >> 21)
			f->psc[i].valid = false;
}

/* A large page goes into the TLB as a whole or in parts, as the CPU likes. */
static void tlb_fill(struct fix *f, uint64_t root, uint64_t gva, const struct pool_walk *w, bool large)
{
	struct fix_tlb t = { true, w->writable, w->nx, root, gva & PAGE_MASK, w->gpa & PAGE_MASK, PAGE_SIZE };

	if (large && f->tlb_next % 3) {
		t.span = 2ull << 20;
		t.gva &= ~(t.span - 1);
		t.gpa &= ~(t.span - 1);
	}
	f->tlb[f->tlb_next++ % FIX_TLB] = t;
}

static bool cpu_access(struct fix *f, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	struct pool_modes m;
	struct pool_walk w;
	uint64_t root[2], want;
	bool large = false;

	pool_vcpu_roots(f->p, 0, root, &m);
	want = root[!!(access & WALK_USER)];
	for (unsigned i = 0; i < FIX_TLB; i++) {
		struct fix_tlb *t = &f->tlb[i];

		if (!t->valid || t->root != want || gva - t->gva >= t->span)
			continue;
		if (!((access & WALK_WRITE) && !t->writable) && !((access & WALK_FETCH) && t->nx)) {
			*gpa = t->gpa + (gva - t->gva);
			return true;
		}
		t->valid = false;	/* a page fault drops the entry */
	}
	if (psc_walk(f, want, gva, &w)) {
		if (pool_walk(f->p, want, gva, &w))
			return false;
		large = w.step[w.nsteps - 1].entry & PTE_PS;
		if (!large)
			psc_fill(f, want, gva, &w);
	}
	if (((access & WALK_WRITE) && !w.writable) || ((access & WALK_FETCH) && w.nx))
		return false;
	*gpa = w.gpa;
	tlb_fill(f, want, gva, &w, large);
	return true;
}

enum fix_access fix_access(struct fix *f, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	struct walk_result w;

	for (unsigned n = 0; n < 8; n++) {
		if (cpu_access(f, gva, access, gpa))
			return FIX_OK;
		psc_drop(f, gva);
		if (walk_guest(&f->ram, &f->mode, gva, access | WALK_SET_AD, &w))
			return FIX_FAULT;
		*gpa = w.gpa;
		if (!guest_ram_contains(&f->ram, w.gpa, 1) || (fix_f32(f) && f->mode.paging <= WALK_32BIT && w.gpa >> 32))
			return FIX_OUTSIDE;
		if ((access & WALK_WRITE) && page_state_guards(f->state[w.gpa >> PAGE_SHIFT]) &&
		    !(f->stepping && f->open_gfn == w.gpa >> PAGE_SHIFT))
			return FIX_MONITORED;
		if ((access & WALK_FETCH) && f->watch_code && (!(access & WALK_USER) || f->mode.paging == WALK_UNPAGED) &&
		    !(f->state[w.gpa >> PAGE_SHIFT] & PAGE_STATE_EXEC))
			cr_assert_eq(fix_code(f, w.gpa, POOL_CODE_STATE_RAM + f->code_turn++ % 3), POOL_OK);
		fix_map(f, gva, access);
		cr_assert(f->r.status == POOL_OK || f->r.status == POOL_RETRY, "map: status %d", f->r.status);
	}
	cr_log_warn("stuck: gva %llx access %x status %d entry %llx mode %d cr0 %llx cr4 %llx walk %u entries %llx %llx %llx %llx",
		    (unsigned long long)gva, access, f->r.status, (unsigned long long)f->r.entry, f->mode.paging,
		    (unsigned long long)f->modes.cr0, (unsigned long long)f->modes.cr4, w.nentries, (unsigned long long)w.entry[0],
		    (unsigned long long)w.entry[1], (unsigned long long)w.entry[2], (unsigned long long)w.entry[3]);
	return FIX_STUCK;
}

void fix_expect(struct fix *f, uint64_t gva, uint32_t access, uint64_t gpa)
{
	uint64_t got = 0;
	enum fix_access a = fix_access(f, gva, access, &got);

	cr_assert_eq(a, FIX_OK, "gva %llx: %d", (unsigned long long)gva, a);
	cr_assert_eq(got, gpa, "gva %llx goes to %llx, not %llx", (unsigned long long)gva, (unsigned long long)got,
		     (unsigned long long)gpa);
}
