/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is timed, and that timing changes nothing else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define ALIASES	9u	/* more than one extent holds, with which the page's list overflows */

static struct fix f;

/* Each kind of operation that is timed, at least once. */
static void work(struct duration *durations)
{
	struct fix_tables t;
	struct pool_violation violation;

	fix_init(&f);
	f.cfg.rmap_nodes_per_gfn = 1;
	f.cfg.prefetch = 1;
	fix_open(&f);
	pool_set_durations(f.p, durations);
	t = fix_long_tables(&f);
	for (unsigned i = 1; i <= ALIASES; i++)
		fix_poke(&f, t.pt + 8 * i, 0x300000 | FIX_USED, 8);
	fix_long_root(&f, t.pml4);
	for (unsigned i = 1; i <= ALIASES; i++)
		cr_assert_eq(fix_map(&f, i * PAGE_SIZE, WALK_WRITE), POOL_OK);
	fix_track(&f, 0x300, true);	/* flushes the page's leaves, and their list has overflowed */
	fix_track(&f, 0x300, false);
	fix_map(&f, PAGE_SIZE, 0);
	fix_write(&f, t.pt + 8, 0, 8);
	pool_resync(f.p, 0, POOL_RESYNC_ALL, &f.r);
	fix_settle(&f);
	pool_clear_all(f.p, &f.r);
	fix_settle(&f);
	fix_long_root(&f, t.pdpt);	/* the first root is idle now */
	cr_assert_gt(page_evict(f.p, 64), 0);
	pool_flush_done(f.p, 0, true, f.p->epoch);
	pool_flush_all(f.p, &f.r);
	fix_settle(&f);
	pool_audit(f.p, POOL_AUDIT_FULL, &violation, 1);
}

Test(pool_durations, every_operation_of_the_list_is_timed)
{
	struct duration d[POOL_DURATION_COUNT] = { 0 };

	work(d);
	for (unsigned i = 0; i < POOL_DURATION_COUNT; i++) {
		cr_expect_gt(d[i].samples, 0, "%s was not timed", duration_pool_names[i].name);
		cr_expect_geq(d[i].ticks, d[i].longest, "%s", duration_pool_names[i].name);
		cr_expect_gt(duration_pool_names[i].one_in, 0);
	}
	cr_expect_eq(d[POOL_DURATION_map].samples, 1, "10 maps, one in 16");
	cr_expect_eq(d[POOL_DURATION_clear_all].samples, 1);
	fix_close(&f);
}

Test(pool_durations, the_pool_is_the_same_without)
{
	struct duration d[POOL_DURATION_COUNT] = { 0 };
	uint64_t stats[POOL_STAT_COUNT];
	uint8_t *arena;

	work(d);
	arena = malloc(f.arena_bytes);
	cr_assert_not_null(arena);
	memcpy(arena, f.arena, f.arena_bytes);
	memcpy(stats, f.stats, sizeof(stats));
	fix_close(&f);
	memset(d, 0, sizeof(d));
	work(NULL);
	cr_assert_arr_eq(arena, f.arena, f.arena_bytes);
	cr_assert_arr_eq(stats, f.stats, sizeof(stats));
	for (unsigned i = 0; i < POOL_DURATION_COUNT; i++)
		cr_assert_eq(d[i].samples, 0);
	free(arena);
	fix_close(&f);
}
