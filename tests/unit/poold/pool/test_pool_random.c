/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random guests against the pool, with fixed seeds. Tables point to each other at will: shared between slots, recursive,
 * used as data, large pages over tables; the CPU has a TLB and a paging-structure cache; events wait for the next request;
 * writes go through the guest's own addresses. After each step everything must hold that a guest could notice. Here are
 * the plans; pool_random.h says where the rest is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "tests/unit/poold/pool/pool_random.h"

struct fix f;
struct plan plan;

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
	rnd_start(plan.seed * 0x9e3779b97f4a7c15ull);
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

	rnd_start(seed * 0x9e3779b97f4a7c15ull + 1);
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
	int64_t start_ns;

	if (!ops)
		cr_skip_test("POOL_RANDOM_OPS says how long; make check-long does");
	start_ns = clock_ns();
	for (; done < ops; done += LONG_STEPS, seed++) {
		struct plan one = any_plan(seed);

		if (seconds && (uint64_t)((clock_ns() - start_ns) / CLOCK_NS_PER_S) >= seconds)
			break;
		fprintf(stderr, "pool_random: seed %llu, %llu steps done\n", (unsigned long long)seed, (unsigned long long)done);
		run_plan(&one);
	}
	fprintf(stderr, "pool_random: %llu steps, no difference\n", (unsigned long long)done);
}
