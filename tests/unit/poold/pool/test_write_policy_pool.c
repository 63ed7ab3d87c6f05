/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The extensions of the write policy in the pool: what each lets go, that it counts, and that without it nothing happens. */
#include <criterion/criterion.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define FAR_GVA	(1ull << 30)	/* not on the way of the write itself */
#define RIP	0x1000ull

static struct fix f;
static struct fix_tables t;

/* Table t.pt maps 63 pages, and a second address space is there to switch to. */
static void begin(uint32_t extensions)
{
	fix_init(&f);
	f.cfg.extensions = extensions;
	f.cfg.hot_limit = 48;
	fix_open(&f);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i < 64; i++)
		fix_poke(&f, t.pt + 8 * i, (0x300000 + i * PAGE_SIZE) | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x5000, WALK_WRITE, 0x305000);
}

static void teardown(void)
{
	fix_close(&f);
}

TestSuite(write_policy_pool, .fini = teardown);

static uint8_t state(uint64_t table)
{
	return f.state[table >> PAGE_SHIFT];
}

static enum pool_status ask(uint64_t gpa, enum write_class class)
{
	return fix_write_fault(&f, FAR_GVA, gpa, class, RIP);
}

Test(write_policy_pool, zeroed_entries_let_the_table_go)
{
	begin(WRITE_EXT_ZEROS);
	fix_write(&f, t.pt + 8 * 20, 0, 8);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
	fix_write(&f, t.pt + 8 * 21, 0, 8);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	cr_assert_eq(ask(t.pt + 8 * 22, WRITE_CLASS_SIMPLE), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_flush_zero_writes], 1);
	cr_assert_eq(f.stats[POOL_STAT_flush_hot], 0);
	cr_assert_eq(state(t.pt), 0);
}

Test(write_policy_pool, zeroed_entries_keep_the_table_without_the_extension)
{
	begin(WRITE_EXT_ALL & ~WRITE_EXT_ZEROS);
	for (unsigned i = 20; i < 24; i++)
		fix_write(&f, t.pt + 8 * i, 0, 8);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
	cr_assert_eq(ask(t.pt + 8 * 25, WRITE_CLASS_SIMPLE), POOL_EMULATE);
}

Test(write_policy_pool, a_walk_through_the_table_forgives_zeros)
{
	begin(WRITE_EXT_ZEROS);
	fix_write(&f, t.pt + 8 * 20, 0, 8);
	fix_write(&f, t.pt + 8 * 21, 0, 8);
	fix_expect(&f, 0x30000, WALK_WRITE, 0x330000);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
}

Test(write_policy_pool, a_table_initialised_anew_is_let_go)
{
	begin(WRITE_EXT_REINIT);
	for (unsigned i = 0; i < 6; i++)
		fix_write(&f, t.pt + 8 * i, 0x1000 * i, 8);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	cr_assert_eq(ask(t.pt + 8 * 6, WRITE_CLASS_SIMPLE), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_flush_reinit], 1);
}

Test(write_policy_pool, a_table_initialised_anew_stays_without_the_extension)
{
	begin(WRITE_EXT_ALL & ~(WRITE_EXT_REINIT | WRITE_EXT_ZEROS));
	for (unsigned i = 0; i < 6; i++)
		fix_write(&f, t.pt + 8 * i, 0x1000 * i, 8);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
}

Test(write_policy_pool, an_upper_table_written_unused_is_let_go)
{
	begin(WRITE_EXT_FLOOD);
	fix_long_root(&f, fix_long_tables(&f).pml4);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED);
		fix_write(&f, t.pd + 8 * (40 + i), 0x1000, 8);
	}
	cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	cr_assert_eq(ask(t.pd + 8 * 44, WRITE_CLASS_SIMPLE), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_flush_flood], 1);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED, "the table below it stays cached");
}

Test(write_policy_pool, leaf_tables_and_used_ones_do_not_flood)
{
	begin(WRITE_EXT_FLOOD);
	for (unsigned i = 0; i < 8; i++) {
		fix_write(&f, t.pt + 8 * (100 + i), 0x1000, 8);
		fix_write(&f, t.pd + 8 * (40 + i), 0x1000, 8);
		fix_invlpg(&f, 0x6000);
		fix_poke(&f, t.pt + 8 * (70 + i), (0x300000 + i * PAGE_SIZE) | FIX_USED, 8);
		fix_expect(&f, (70 + i) * PAGE_SIZE, WALK_WRITE, 0x300000 + i * PAGE_SIZE);
	}
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
	cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED);
}

/* A PAE kernel sets an entry by two stores of 4 bytes. order: address bit of the half that is stored first. */
static void write_by_halves(uint64_t gpa, uint64_t value, unsigned order)
{
	for (unsigned i = 0; i < 8; i += 4)
		fix_write(&f, gpa + (i ^ order), value >> 8 * (i ^ order), 4);
}

static uint32_t mods(uint64_t table)
{
	return f.p->gtable[gtable_find(f.p, table >> PAGE_SHIFT)].mods;
}

/* A directory of a PAE guest, and what is written to it by halves: 48 entries leave it warm, one more makes it hot. */
Test(write_policy_pool, entries_written_by_halves_count_one_each)
{
	uint64_t cr3, pd, pt;

	begin(0);
	cr3 = fix_table(&f);
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, cr3, pd | PTE_P, 8);
	fix_poke(&f, pd, pt | FIX_RWU, 8);
	fix_poke(&f, pt + 8, 0x300000 | FIX_USED, 8);
	fix_set_root(&f, FIX_PAGED, cr3, CR4_PAE, 0, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	for (unsigned i = 0; i < 48; i++) {
		write_by_halves(pt + 8 * (100 + i), (0x310000 + i * PAGE_SIZE) | FIX_USED, 4 * (i & 1));
		cr_assert_eq(mods(pt), i + 1);
	}
	cr_assert_eq(state(pt), PAGE_STATE_MONITORED);
	cr_assert_eq(f.stats[POOL_STAT_mon_write_events], 96);
	cr_assert_eq(f.stats[POOL_STAT_mon_misaligned], 0);
	fix_write(&f, pt + 8 * 200 + 4, 0, 4);
	cr_assert_eq(state(pt), PAGE_STATE_MONITORED | PAGE_STATE_HOT, "with the first half of the next one");
	fix_expect(&f, 100 * PAGE_SIZE, WALK_WRITE, 0x310000);
}

Test(write_policy_pool, two_writes_of_one_half_are_two)
{
	begin(0);
	fix_write(&f, t.pt + 8 * 100, 0, 4);
	fix_write(&f, t.pt + 8 * 100, 0, 4);
	cr_assert_eq(mods(t.pt), 2);
	fix_write(&f, t.pt + 8 * 100 + 2, 0, 4);
	cr_assert_eq(mods(t.pt), 6, "no half: a part of an entry");
}

Test(write_policy_pool, entries_zeroed_by_halves_let_the_table_go)
{
	begin(WRITE_EXT_ZEROS);
	write_by_halves(t.pt + 8 * 20, 0, 0);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED);
	write_by_halves(t.pt + 8 * 21, 0, 4);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
}

Test(write_policy_pool, a_table_initialised_anew_by_halves_is_let_go)
{
	begin(WRITE_EXT_REINIT);
	for (unsigned i = 0; i < 6; i++)
		write_by_halves(t.pt + 8 * i, 0x1000 * i, 0);
	cr_assert_eq(mods(t.pt), 94, "as by stores of 8 bytes");
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
}

Test(write_policy_pool, an_entry_written_by_halves_is_one_write_of_a_flood)
{
	begin(WRITE_EXT_FLOOD);
	fix_long_root(&f, fix_long_tables(&f).pml4);
	write_by_halves(t.pd + 8 * 40, 0x1000, 0);
	write_by_halves(t.pd + 8 * 41, 0x1000, 0);
	cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED);
	fix_write(&f, t.pd + 8 * 42, 0x1000, 4);
	cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
}

Test(write_policy_pool, a_root_in_use_is_never_let_go_whatever_was_written)
{
	begin(WRITE_EXT_ALL);
	for (unsigned i = 256; i < 320; i++)
		fix_write(&f, t.pml4 + 8 * (i == FIX_STUB_SLOT ? 255 : i), 0, 8);
	cr_assert_eq(state(t.pml4), PAGE_STATE_MONITORED | PAGE_STATE_ROOT);
	cr_assert_eq(ask(t.pml4 + 8 * 400, WRITE_CLASS_SIMPLE), POOL_EMULATE);
}

Test(write_policy_pool, limits_by_level)
{
	fix_init(&f);
	f.cfg.hot_limit = 10;
	f.cfg.hot_upper = 6;
	f.cfg.hot_leaf = 2;
	fix_open(&f);
	t = fix_long_tables(&f);
	fix_poke(&f, t.pt + 8, 0x300000 | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	for (unsigned i = 0; i < 7; i++) {
		cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED, "write %u", i);
		fix_write(&f, t.pd + 8 * (40 + i), 0, 8);
		fix_write(&f, t.pt + 8 * (40 + i), 0, 8);
	}
	cr_assert_eq(state(t.pd), PAGE_STATE_MONITORED | PAGE_STATE_HOT);
	cr_assert_eq(state(t.pt), PAGE_STATE_MONITORED, "no table may go unsync, so 10 holds for it");
}

Test(write_policy_pool, fork_by_lock_and_counts_as_fork)
{
	begin(WRITE_EXT_FORK_LOCKED);
	cr_assert_eq(ask(t.pt + 8, WRITE_CLASS_FORK_LOCKED), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_flush_fork], 1);
}

Test(write_policy_pool, fork_by_lock_and_is_a_write_without_the_extension)
{
	begin(0);
	cr_assert_eq(ask(t.pt + 8, WRITE_CLASS_FORK_LOCKED), POOL_EMULATE);
	fix_store(&f, t.pt + 8, "\1\0\0\0\0\0\0", 8, WRITE_CLASS_FORK_LOCKED);
	cr_assert_eq(f.stats[POOL_STAT_mon_write_events], 1);
}

Test(write_policy_pool, fill_with_any_value_counts_as_one)
{
	uint8_t bytes[64];

	memset(bytes, 0x11, sizeof(bytes));
	begin(WRITE_EXT_STOS_ANY);
	cr_assert_eq(ask(t.pt + 8 * 16, WRITE_CLASS_STOS_ANY), POOL_EMULATE);
	fix_store(&f, t.pt + 8 * 16, bytes, sizeof(bytes), WRITE_CLASS_STOS_ANY);
	cr_assert_eq(f.stats[POOL_STAT_mon_rep_stos], 1);
	cr_assert_eq(f.stats[POOL_STAT_mon_rep_prefix], 0);
}

Test(write_policy_pool, fill_with_any_value_is_a_string_without_the_extension)
{
	begin(0);
	cr_assert_eq(ask(t.pt + 8 * 16, WRITE_CLASS_STOS_ANY), POOL_UNSHADOW);
	cr_assert_eq(f.stats[POOL_STAT_mon_rep_prefix], 1);
}

/* ---- roots that are let go ---- */

static uint32_t root_of(uint64_t gpa)
{
	for (uint32_t page = f.p->root_head; page; page = f.p->page[page].root_next)
		if (f.p->page[page].gpa == gpa)
			return page;
	return PAGE_NIL;
}

static bool is_oldest(uint64_t gpa)
{
	return f.p->page[f.p->age_tail].gpa == gpa && f.p->page[f.p->root_tail].gpa == gpa;
}

Test(write_policy_pool, dying_root_is_the_next_to_go)
{
	struct fix_tables other;

	begin(0);
	other = fix_long_tables(&f);
	fix_long_root(&f, other.pml4);
	cr_assert(root_of(t.pml4) && !is_oldest(t.pml4), "tables below it were used before it was");
	pool_root_dying(f.p, t.pml4 | 0x18, &f.r);
	cr_assert_eq(f.r.status, POOL_OK);
	fix_settle(&f);
	cr_assert(is_oldest(t.pml4));
	cr_assert_eq(f.stats[POOL_STAT_root_dying], 2, "both views");
	pool_root_dying(f.p, other.pml4, &f.r);
	fix_settle(&f);
	cr_assert_eq(f.stats[POOL_STAT_root_dying], 2, "a root in use stays what it is");
	pool_root_dying(f.p, 1ull << 40, &f.r);
	cr_assert_eq(f.r.status, POOL_E_RANGE);
	fix_long_root(&f, t.pml4);
	fix_expect(&f, 0x5000, WALK_WRITE, 0x305000);
}

Test(write_policy_pool, emptied_root_is_dying)
{
	begin(WRITE_EXT_ZEROS);
	fix_long_root(&f, fix_long_tables(&f).pml4);
	fix_write(&f, t.pml4, 0, 8);
	cr_assert_eq(f.stats[POOL_STAT_root_dying], 2);
	cr_assert(is_oldest(t.pml4));
	fix_audit(&f, "after the last entry of a root went");
}

Test(write_policy_pool, roots_of_a_directory_let_go_are_dying)
{
	uint64_t pd, pt;

	begin(0);
	pd = fix_table(&f);
	pt = fix_table(&f);
	fix_poke(&f, pd, pt | FIX_RWU, 4);
	fix_poke(&f, pt + 4, 0x300000 | FIX_USED, 4);
	fix_set_root(&f, FIX_PAGED, pd, 0, 0, false);
	fix_expect(&f, 0x1000, WALK_WRITE, 0x300000);
	fix_long_root(&f, t.pml4);
	cr_assert_eq(fix_unshadow(&f, FAR_GVA, pd + 8, RIP), POOL_OK);
	cr_assert_gt(f.stats[POOL_STAT_root_dying], 0);
	cr_assert_eq(f.p->page[f.p->root_tail].gpa, pd);
}
