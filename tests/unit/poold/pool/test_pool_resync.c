/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back into step: in which order it happens, with one vCPU and with two, and what the audit says of a list of
 * such tables that is wrong.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define DATA	0x400000ull
#define OTHER	0x500000ull
#define VIEW	0x200000ull

/*
 * What the library did, in order: S state of the table, P a leaf lost W, R the table was read, C an entry changed otherwise.
 * The last S says that the table is no longer hot.
 */
static struct {
	char text[4096];
	unsigned n;
} step_log;

static struct fix f;
static struct fix_tables t;

static void note(char c)
{
	if (step_log.n + 1 < sizeof(step_log.text) && (!step_log.n || step_log.text[step_log.n - 1] != c))
		step_log.text[step_log.n++] = c;
}

static void on_state(void *ctx, uint64_t gfn, uint8_t bits)
{
	f.state[gfn] = bits;
	if (gfn == t.pt >> PAGE_SHIFT)
		note('S');
}

static void on_entry(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	note(((old ^ new) & PTE_ADDR) || !(new & PTE_P) || !(old & PTE_W) ? 'C' : 'P');
}

static uint64_t on_read(void *ctx, uint64_t gpa, unsigned size)
{
	if (gpa >> PAGE_SHIFT == t.pt >> PAGE_SHIFT)
		note('R');
	return fix_read(&f, gpa, size);
}

static void start(uint8_t nvcpu)
{
	static const struct pool_callbacks cb = { .state_changed = on_state, .entry_changed = on_entry, .read = on_read };
	char err[200] = "";
	uint64_t view;

	fix_init(&f);
	f.cfg.unsync_tables = 4;
	f.cfg.hot_limit = 1;
	f.cfg.prefetch = 1;
	f.cfg.nvcpu = nvcpu;
	fix_open(&f);
	memset(f.tracking, 0, f.tracking_bytes);
	cr_assert_eq(pool_create(&f.p, &f.cfg, &cb, f.arena, f.tracking, f.stats, err, sizeof(err)), 0, "%s", err);
	t = fix_long_tables(&f);
	view = fix_table(&f);
	fix_poke(&f, t.pd + 8, view | FIX_RWU, 8);
	fix_poke(&f, view, t.pt | FIX_USED, 8);
	for (unsigned i = 0; i < 16; i++)
		fix_poke(&f, t.pt + i * 8, (DATA + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 3 * PAGE_SIZE, 0, DATA + 3 * PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++)
		fix_write(&f, t.pt + 8 * 100, i << 12, 8);
	cr_assert_eq(fix_write_fault(&f, VIEW, t.pt, WRITE_CLASS_SIMPLE, 0x1000), POOL_UNSYNC);
	fix_expect(&f, VIEW, WALK_WRITE, t.pt);
}

Test(pool_resync, published_then_protected_then_read)
{
	struct pool_result r;

	start(1);
	fix_poke(&f, t.pt + 8 * 3, OTHER | FIX_USED, 8);
	step_log.n = 0;
	pool_resync(f.p, 0, POOL_RESYNC_ALL, &r);
	cr_assert_eq(r.status, POOL_OK);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	step_log.text[step_log.n] = 0;
	cr_assert_str_eq(step_log.text, "SPRCRS", "%s", step_log.text);
	fix_close(&f);
}

static void all_flushed(void)
{
	fix_settle(&f);
}

/* Another vCPU may still write through its TLB: nothing is read before it has flushed. */
Test(pool_resync, nothing_is_read_before_the_shootdown)
{
	struct pool_result r;
	uint64_t gpa = 0;

	start(2);
	fix_poke(&f, t.pt + 8 * 3, OTHER | FIX_USED, 8);
	step_log.n = 0;
	pool_resync(f.p, 0, t.pt >> PAGE_SHIFT, &r);
	cr_assert_eq(r.status, POOL_NEED_SHOOTDOWN);
	step_log.text[step_log.n] = 0;
	cr_assert_str_eq(step_log.text, "SP", "%s", step_log.text);
	/* Guarded already, so nobody gets it back; not yet read, so the audit does not compare it. */
	cr_assert(page_state_guards(f.state[t.pt >> PAGE_SHIFT]));
	f.r = r;
	fix_audit(&f, "while it closes");
	pool_resync(f.p, 1, t.pt >> PAGE_SHIFT, &r);
	cr_assert_eq(r.status, POOL_NEED_SHOOTDOWN, "not safer by asking again");
	f.r = r;
	all_flushed();
	pool_resync(f.p, 0, t.pt >> PAGE_SHIFT, &r);
	cr_assert_eq(r.status, POOL_OK);
	f.r = r;
	fix_settle(&f);
	step_log.text[step_log.n] = 0;
	cr_assert_str_eq(step_log.text, "SPRCRS", "%s", step_log.text);
	cr_assert_eq(fix_access(&f, VIEW, WALK_WRITE, &gpa), FIX_MONITORED);
	fix_expect(&f, 3 * PAGE_SIZE, 0, OTHER);
	fix_close(&f);
}

static void expect_shootdown(void (*call)(struct pool_result *r))
{
	struct pool_result r;

	start(2);
	call(&r);
	cr_assert_eq(r.status, POOL_NEED_SHOOTDOWN, "%d", r.status);
	cr_assert_eq(r.flush, POOL_FLUSH_ALL);
	f.r = r;
	all_flushed();
	call(&r);
	cr_assert(r.status <= POOL_STEP, "%d", r.status);
	f.r = r;
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_unsync_now], 0);
	fix_close(&f);
}

static void by_root(struct pool_result *r) { pool_set_root(f.p, 0, &f.modes, r); }
static void by_all(struct pool_result *r) { pool_resync(f.p, 1, POOL_RESYNC_ALL, r); }
static void by_step(struct pool_result *r) { pool_open(f.p, 0, t.pt >> PAGE_SHIFT, r); }
static void by_tracking(struct pool_result *r) { pool_track(f.p, t.pt >> PAGE_SHIFT, true, r); }

static void by_map(struct pool_result *r)
{
	const struct pool_map_args a = {
		.gva = 3 * PAGE_SIZE, .gpa = OTHER, .nwalk = 4,
		.walk = { t.pdpt | FIX_RWU | PTE_A, t.pd | FIX_RWU | PTE_A, t.pt | FIX_RWU | PTE_A, OTHER | FIX_USED },
	};

	fix_poke(&f, t.pt + 8 * 3, OTHER | FIX_USED, 8);
	pool_map(f.p, 0, &a, r);
}

static void by_link(struct pool_result *r)
{
	const struct pool_map_args a = {
		.gva = 9ull << 21, .gpa = DATA, .nwalk = 4,
		.walk = { t.pdpt | FIX_RWU | PTE_A, t.pd | FIX_RWU | PTE_A, t.pt | FIX_RWU | PTE_A, DATA | FIX_USED },
	};

	fix_poke(&f, t.pd + 8 * 9, t.pt | FIX_RWU | PTE_A, 8);
	pool_map(f.p, 0, &a, r);
}

Test(pool_resync, every_way_waits_for_the_other_vcpus)
{
	expect_shootdown(by_root);
	expect_shootdown(by_all);
	expect_shootdown(by_step);
	expect_shootdown(by_tracking);
	expect_shootdown(by_map);
	expect_shootdown(by_link);
}

/* A write to a table that is on its way back: the way back first, then the decision as for any other. */
Test(pool_resync, write_fault_while_closing)
{
	struct pool_result r;

	start(2);
	pool_resync(f.p, 0, t.pt >> PAGE_SHIFT, &r);
	cr_assert_eq(r.status, POOL_NEED_SHOOTDOWN);
	pool_write_fault(f.p, 1, VIEW, t.pt, WRITE_CLASS_SIMPLE, 0x3000, 8, &f.r);
	cr_assert_eq(f.r.status, POOL_NEED_SHOOTDOWN);
	all_flushed();
	pool_write_fault(f.p, 1, VIEW, t.pt, WRITE_CLASS_SIMPLE, 0x3000, 8, &f.r);
	cr_assert_eq(f.r.status, POOL_EMULATE);
	fix_settle(&f);
	fix_close(&f);
}

/* The same when the way back finds that the page is no table any more: then there is nothing to decide. */
Test(pool_resync, page_reused_while_closing_may_be_written)
{
	struct pool_result r;

	start(2);
	for (unsigned n = 0; n < 9; n++)
		fix_poke(&f, t.pt + 8 * (200 + n), 0x7ff0123456789ab1ull, 8);
	pool_resync(f.p, 0, t.pt >> PAGE_SHIFT, &f.r);
	all_flushed();
	pool_write_fault(f.p, 1, VIEW, t.pt, WRITE_CLASS_SIMPLE, 0x3000, 8, &r);
	cr_assert_eq(r.status, POOL_UNSHADOW);
	cr_assert_eq(f.state[t.pt >> PAGE_SHIFT], 0);
	f.r = r;
	fix_settle(&f);
	fix_close(&f);
}

/* ---- the audit ---- */

static void expect_rule(uint8_t rule, const char *what)
{
	struct pool_violation v[16];
	uint32_t n = pool_audit(f.p, POOL_AUDIT_CHEAP, v, 16), found = 0;

	for (uint32_t i = 0; i < n && i < 16; i++)
		found += v[i].rule == rule;
	cr_assert_gt(found, 0, "%s: A%u does not see it", what, rule);
	fix_close(&f);
}

Test(pool_resync, audit_sees_a_broken_list)
{
	uint32_t gt;

	start(1);
	f.p->n_unsync = 0;
	expect_rule(12, "a mark without its place in the list");
	start(1);
	f.p->gtable[f.p->unsync[0]].unsync_slot = 1;
	expect_rule(21, "a wrong slot");
	start(1);
	gt = gtable_find(f.p, t.pd >> PAGE_SHIFT);
	f.p->gtable[gt].unsync = true;
	f.p->gtable[gt].unsync_slot = f.p->n_unsync;
	f.p->unsync[f.p->n_unsync++] = gt;
	expect_rule(21, "a directory out of step");
	start(1);
	f.p->cfg.unsync_tables = 0;
	expect_rule(21, "more tables than slots");
	start(1);
	f.p->state[t.pt >> PAGE_SHIFT] |= PAGE_STATE_TRACKED;
	expect_rule(21, "a tracked page out of step");
	start(1);
	f.p->gtable[f.p->unsync[0]].closing = true;
	expect_rule(11, "page_state and mark differ");
}

/* Only the mark excuses a writable leaf and a stale entry. */
Test(pool_resync, audit_compares_what_is_not_marked)
{
	struct pool_violation v[16];
	uint32_t n, found = 0;

	start(1);
	fix_poke(&f, t.pt + 8 * 3, OTHER | FIX_USED, 8);
	cr_assert_eq(pool_audit(f.p, POOL_AUDIT_FULL, v, 16), 0);
	unsync_unlist(f.p, gtable_find(f.p, t.pt >> PAGE_SHIFT));
	f.p->state[t.pt >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
	n = pool_audit(f.p, POOL_AUDIT_FULL, v, 16);
	for (uint32_t i = 0; i < n && i < 16; i++)
		found |= 1u << v[i].rule;
	cr_assert(found & 1u << 17, "stale leaf not seen");
	cr_assert(found & 1u << 18, "writable leaf not seen");
	fix_close(&f);
}

/* A list that contradicts its marks ends the pool's work, not the process. */
Test(pool_resync, broken_list_is_corrupt)
{
	struct pool_result r;

	start(1);
	f.p->gtable[f.p->unsync[0]].unsync_slot = 3;
	pool_resync(f.p, 0, POOL_RESYNC_ALL, &r);
	cr_assert_eq(r.status, POOL_E_CORRUPT);
	fix_close(&f);
}
