/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool_fixture.h. Test programs only. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/pool_fixture.h"

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

void fix_close(struct fix *f)
{
	free(f->state);
	free(f->cfg.ram.base);
	free(f->arena);
	free(f->tracking);
	memset(f, 0, sizeof(*f));
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

void fix_write(struct fix *f, uint64_t gpa, uint64_t value, unsigned size)
{
	struct pool_result r;

	fix_poke(f, gpa, value, size);
	if (!(f->state[gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED))
		return;
	pool_guest_write(f->p, 0, gpa, size, WRITE_CLASS_SIMPLE, false, 0x1000, &r);
	cr_assert_eq(r.status, POOL_OK);
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

		if (flush == POOL_FLUSH_GVA ? t->gva == (gva & PAGE_MASK) : flush != POOL_FLUSH_NONE)
			t->valid = false;
	}
}

void fix_settle(struct fix *f)
{
	pool_merge_pending(f->p, 0, &f->r);
	cr_assert(!f->r.ntouch || f->r.flush != POOL_FLUSH_NONE, "tables to touch but no flush");
	tlb_flush(f, f->r.flush, f->r.flush_gva);
	if (f->r.flush == POOL_FLUSH_ALL)
		pool_flush_done(f->p, 0, true, f->r.epoch);
	for (unsigned i = 0; i < FIX_TLB; i++)
		if (f->tlb[i].valid && f->tlb[i].writable)
			cr_assert(!(f->state[f->tlb[i].gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED) || !f->audit,
				  "a TLB entry gives write access to the monitored page %llx", (unsigned long long)f->tlb[i].gpa);
	if (f->audit)
		fix_audit(f, "after a request");
}

/* Repeat while the pool asks for a flush first. */
#define REQUEST(f, call) do { \
	unsigned tries_ = 0; \
	do { \
		call; \
		fix_settle(f); \
		f->need_flush += f->r.status == POOL_NEED_FLUSH; \
		cr_assert_lt(tries_++, 20, "the pool asks for a flush for ever"); \
	} while (f->r.status == POOL_NEED_FLUSH || f->r.status == POOL_NEED_SHOOTDOWN); \
} while (0)

void fix_set_root(struct fix *f, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer, bool ac)
{
	struct pool_modes m = { .cr0 = cr0, .cr3 = cr3, .cr4 = cr4, .efer = efer, .ac = ac };

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

int fix_shadow(struct fix *f, uint64_t gva, bool user, struct pool_walk *w)
{
	struct pool_modes m;
	uint64_t root[2];

	cr_assert_eq(pool_vcpu_roots(f->p, 0, root, &m), 0);
	return pool_walk(f->p, root[user], gva, w);
}

static bool cpu_access(struct fix *f, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	struct pool_modes m;
	struct pool_walk w;
	uint64_t root[2], want;

	pool_vcpu_roots(f->p, 0, root, &m);
	want = root[!!(access & WALK_USER)];
	for (unsigned i = 0; i < FIX_TLB; i++) {
		struct fix_tlb *t = &f->tlb[i];

		if (!t->valid || t->root != want || t->gva != (gva & PAGE_MASK))
			continue;
		if (!((access & WALK_WRITE) && !t->writable) && !((access & WALK_FETCH) && t->nx)) {
			*gpa = t->gpa | (gva & (PAGE_SIZE - 1));
			return true;
		}
		t->valid = false;	/* a page fault drops the entry */
	}
	if (pool_walk(f->p, want, gva, &w) || ((access & WALK_WRITE) && !w.writable) || ((access & WALK_FETCH) && w.nx))
		return false;
	*gpa = w.gpa;
	f->tlb[f->tlb_next++ % FIX_TLB] = (struct fix_tlb){ true, w.writable, w.nx, want, gva & PAGE_MASK, w.gpa & PAGE_MASK };
	return true;
}

enum fix_access fix_access(struct fix *f, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	struct walk_result w;

	for (unsigned n = 0; n < 8; n++) {
		if (cpu_access(f, gva, access, gpa))
			return FIX_OK;
		if (walk_guest(&f->ram, &f->mode, gva, access | WALK_SET_AD, &w))
			return FIX_FAULT;
		*gpa = w.gpa;
		if (!guest_ram_contains(&f->ram, w.gpa, 1))
			return FIX_OUTSIDE;
		if ((access & WALK_WRITE) && (f->state[w.gpa >> PAGE_SHIFT] & PAGE_STATE_MONITORED))
			return FIX_MONITORED;
		fix_map(f, gva, access);
		cr_assert(f->r.status == POOL_OK || f->r.status == POOL_RETRY, "map: status %d", f->r.status);
	}
	return FIX_STUCK;
}
