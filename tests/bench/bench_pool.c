/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make bench-pool: what the operations of the pool library cost, and that the cost does not grow with the pool. One pool
 * per size, all alive at once, sampled in turn so that a slow moment hits all of them. The fastest sample counts: what else
 * the machine does can only add to one. As long as an operation seems to grow there are more rounds, to a limit.
 * Each operation works on the same small number of tables, spread over the whole pool, so that what grows is the pool and
 * not the part of it that the caches have to hold. What lets pages go works on the oldest ones, which no cache holds in a
 * large pool, so the caches are emptied before it in a pool of any size; so before what reads all of it. One thread.
 *
 * The last row is no operation of the pool: it reads some words of memory for each table, and no more. What grows there is the
 * machine's: TLB and caches reach less far in more memory. It is to be seen beside the others and fails nobody.
 *
 * Exit 1: an operation costs more than twice as much in a larger pool. 77: it looks so, but the machine is too busy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/walk.h"
#include "tests/bench/guest.h"
#include "tests/bench/noise.h"

#define SIZES		4u
#define ROUNDS		11u
#define ROUNDS_MAX	44u
#define TABLES		64u		/* that an operation works on */
#define MAX_GROWTH	2.0
#define NOISY		1.25		/* between the quiet and the slow quarter of the probes */

static const struct { const char *name; uint32_t max_pages, per_table; } sizes[SIZES] = {
	{ "10^3", 512, 4 }, { "10^4", 2500, 4 }, { "10^5", 25000, 4 }, { "10^6", 250000, 4 },
};

/* One operation: prepare is not timed, run is, and returns how often it has done it. */
struct op {
	const char *name;
	void (*prepare)(struct bench_guest *g);
	unsigned (*run)(struct bench_guest *g);
	bool cold;			/* works on what was not used for long: of every size then, caches empty */
	unsigned slices;		/* run leaves everything as it found it: so often, one after the other */
};

static struct pool_map_args args[TABLES];

static uint32_t table_of(const struct bench_guest *g, uint32_t i)
{
	return (uint32_t)((uint64_t)i * (g->ntables - 2) / TABLES);
}

/* All tables of the working set are there, with all of their entries. */
static void prepare_present(struct bench_guest *g)
{
	uint64_t made, passes = 0;

	/* One that has to be made again may push out another one, in a small pool: until none has to be made. */
	do {
		made = g->stats[POOL_STAT_map_new_tables];
		for (uint32_t i = 0; i < TABLES; i++) {
			args[i] = bench_args(g, table_of(g, i), 0);
			bench_map(g, &args[i]);
		}
	} while (g->stats[POOL_STAT_map_new_tables] != made && passes++ < 16);
}

static void store(struct bench_guest *g, uint64_t gpa, uint64_t value)
{
	*bench_word(g, gpa) = value;
	pool_guest_write(g->p, 0, gpa, 8, WRITE_CLASS_SIMPLE, false, ++g->rip, &g->r);
}

static void clear_entries(struct bench_guest *g, uint32_t entries)
{
	prepare_present(g);
	for (uint32_t i = 0; i < TABLES; i++)
		for (uint32_t s = 0; s < entries; s++) {
			uint64_t gpa = bench_pte_gpa(g, table_of(g, i), s), was = *bench_word(g, gpa);

			store(g, gpa, 0);
			store(g, gpa, was);
		}
	pool_merge_pending(g->p, 0, &g->r);
	bench_settle(g);
}

static void prepare_one_absent(struct bench_guest *g) { clear_entries(g, 1); }
static void prepare_all_absent(struct bench_guest *g) { clear_entries(g, g->per_table); }

static unsigned run_map(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++)
		bench_map(g, &args[i]);
	return TABLES;
}

static unsigned run_map_again(struct bench_guest *g)
{
	return run_map(g) + run_map(g) + run_map(g) + run_map(g);
}

static unsigned run_miss(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		struct pool_map_args a = bench_args(g, g->next, 0);

		bench_map(g, &a);
		g->next = (g->next + 1) % (g->ntables - 1);
	}
	return TABLES;
}

static void prepare_roots(struct bench_guest *g)
{
	for (uint32_t i = 0; i < 16; i++)
		bench_set_root(g, i);
}

static unsigned run_root_hit(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++)
		bench_set_root(g, i % 16);
	return TABLES;
}

/* More address spaces than roots are kept: each one comes back too late. */
static unsigned run_root_miss(struct bench_guest *g)
{
	for (uint32_t i = 0; i < BENCH_SPACES; i++)
		bench_set_root(g, i);
	return BENCH_SPACES;
}

static void prepare_root_0(struct bench_guest *g) { bench_set_root(g, 0); }

static unsigned run_write_keeps(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		uint64_t gpa = bench_pte_gpa(g, table_of(g, i), 0);

		store(g, gpa, *bench_word(g, gpa));
	}
	return TABLES;
}

/* Two events for each table: the second one finds the entry absent, and brings the guest back to where it was. */
static unsigned run_write_clears(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		uint64_t gpa = bench_pte_gpa(g, table_of(g, i), 0), was = *bench_word(g, gpa);

		store(g, gpa, 0);
		store(g, gpa, was);
	}
	return 2 * TABLES;
}

/* A leaf table with as many users as the guest has links to it, which grows with the pool; at work are those of one page. */
static void prepare_links(struct bench_guest *g)
{
	bench_set_root(g, 0);
	for (uint32_t i = 0; i < g->nlinks; i++) {
		struct pool_map_args a = bench_link_args(g, i);

		bench_map(g, &a);
	}
	for (uint32_t i = 0; i < TABLES; i++)
		args[i] = bench_link_args(g, i);
}

/* One of its links goes and comes back: the table is found in the cache. */
static unsigned run_links(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		uint64_t gpa = bench_link_gpa(g, i), was = *bench_word(g, gpa);

		store(g, gpa, 0);
		store(g, gpa, was);
		bench_map(g, &args[i]);
	}
	return TABLES;
}

static unsigned run_unshadow(struct bench_guest *g)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		pool_unshadow(g->p, 0, 1ull << 46, bench_pte_gpa(g, table_of(g, i), 0), ++g->rip, &g->r);
		bench_settle(g);
	}
	return TABLES;
}

static unsigned invlpg(struct bench_guest *g, bool all_roots)
{
	for (uint32_t i = 0; i < TABLES; i++) {
		pool_invlpg(g->p, 0, args[i].gva, all_roots, &g->r);
		bench_settle(g);
	}
	return TABLES;
}

static unsigned run_invlpg(struct bench_guest *g) { return invlpg(g, false); }
static unsigned run_invlpg_all(struct bench_guest *g) { return invlpg(g, true); }

static void prepare_full(struct bench_guest *g)
{
	for (uint32_t s = 0; s < 512; s += g->cfg.prefetch) {
		struct pool_map_args a = bench_args(g, g->ntables - 1, s);

		bench_map(g, &a);
	}
}

/* A device has written the whole table: each of its 512 entries is made anew and compared. */
static unsigned run_full(struct bench_guest *g)
{
	for (unsigned i = 0; i < 8; i++) {
		pool_guest_range_changed(g->p, g->full_pt, PAGE_SIZE, &g->r);
		bench_settle(g);
	}
	return 8;
}

/*
 * The table of 512 entries goes out of step and the guest stores to some of its entries: of those one has other rights now, one
 * another page, one is gone. Only the way back is timed, and what it owes.
 */
static void prepare_unsync(struct bench_guest *g)
{
	uint64_t *pte = bench_word(g, g->full_pt), data = pte[0] & PTE_ADDR;

	for (uint32_t s = 0; s < 512; s++)
		pte[s] = (data + s * (uint64_t)PAGE_SIZE) | BENCH_USED;
	prepare_full(g);
	do {
		pool_write_fault(g->p, 0, 1ull << 46, g->full_pt, WRITE_CLASS_SIMPLE, ++g->rip, 8, &g->r);
		bench_settle(g);
	} while (g->r.status == POOL_EMULATE);
	if (g->r.status != POOL_UNSYNC) {
		fprintf(stderr, "bench: a hot leaf table is not left out of step: %d\n", g->r.status);
		exit(1);
	}
	pte[1] &= ~PTE_W;
	pte[2] = data | BENCH_USED;
	pte[3] = 0;
}

static unsigned run_unsync(struct bench_guest *g)
{
	pool_resync(g->p, 0, g->full_pt >> PAGE_SHIFT, &g->r);
	bench_settle(g);
	if (g->r.status != POOL_OK) {
		fprintf(stderr, "bench: resync: status %d\n", g->r.status);
		exit(1);
	}
	return 1;
}

/* What an operation does to memory, without the operation: words that are as far from each other as those of its tables. */
static unsigned run_peer(struct bench_guest *g)
{
	uint64_t sum = 0;
	const uint64_t step[2] = { g->arena_bytes / TABLES, g->tracking_bytes / TABLES / 4 };

	for (uint32_t i = 0; i < TABLES; i++) {
		sum += *bench_word(g, bench_pte_gpa(g, table_of(g, i), 0));
		sum += *(const uint64_t *)(const void *)((const uint8_t *)g->arena + (i * step[0] & ~7ull));
		for (uint32_t k = 0; k < 4; k++)
			sum += *(const uint64_t *)(const void *)((const uint8_t *)g->tracking + ((4 * i + k) * step[1] & ~7ull));
	}
	__asm__ volatile("" : : "r"(sum));	/* the loads are what is measured */
	return TABLES;
}

/* Not the pool's work but trapd's, before each MAP: to be seen beside what it asks for. */
static unsigned run_walk(struct bench_guest *g)
{
	struct walk_mode m = { 0 };
	struct walk_result w;

	walk_mode_from_cr(&m, CR0_PE | CR0_PG | CR0_WP, g->pml4, CR4_PAE, EFER_LME | EFER_LMA | EFER_NXE, 0, g->cfg.maxphyaddr);
	for (uint32_t i = 0; i < TABLES; i++)
		if (walk_guest(&g->cfg.ram, &m, args[i].gva, WALK_WRITE | WALK_SET_AD, &w) || w.gpa != args[i].gpa) {
			fprintf(stderr, "bench: the walk does not lead to the page\n");
			exit(1);
		}
	return TABLES;
}

/* Its work is the pool: counted per page of it. */
static unsigned run_audit(struct bench_guest *g)
{
	struct pool_violation v[1];

	if (pool_audit(g->p, POOL_AUDIT_CHEAP, v, 1)) {
		fprintf(stderr, "bench: the audit finds A%u broken on page %u\n", v[0].rule, v[0].page);
		exit(1);
	}
	return g->cfg.max_pages;
}

static const struct op ops[] = {
	{ "set_root, cached", prepare_roots, run_root_hit, false, 4 },
	{ "set_root, new, oldest root evicted", prepare_roots, run_root_miss, true, 1 },
	{ "map, entry already there", prepare_present, run_map_again, false, 4 },
	{ "map, one entry", prepare_one_absent, run_map, false, 1 },
	{ "map, one entry and its neighbours", prepare_all_absent, run_map, false, 1 },
	{ "one of many links to a table, off and on", prepare_links, run_links, false, 4 },
	{ "map, miss with eviction", prepare_root_0, run_miss, true, 1 },
	{ "guest write, entry kept", prepare_present, run_write_keeps, false, 4 },
	{ "guest write, entry cleared or absent", prepare_present, run_write_clears, false, 4 },
	{ "full table, compared (512 entries)", prepare_full, run_full, false, 2 },
	{ "full table, out of step, brought back", prepare_unsync, run_unsync, false, 1 },
	{ "unshadow: flush of a page", prepare_present, run_unshadow, true, 1 },
	{ "invlpg", prepare_present, run_invlpg, false, 4 },
	{ "invlpg in all roots", prepare_present, run_invlpg_all, false, 4 },
	{ "cheap audit, per page of the pool", prepare_root_0, run_audit, true, 1 },
	{ "walk of the guest's tables, by trapd", prepare_present, run_walk, false, 4 },
	{ "(memory alone: 6 words for each table)", prepare_present, run_peer, false, 4 },
};
#define NOPS (sizeof(ops) / sizeof(ops[0]))
#define PEER (NOPS - 1)

static double fastest[NOPS][SIZES], probes[2 * ROUNDS_MAX];	/* fastest: 0 is none yet */

static void slice_run(struct bench_guest *g, unsigned o, unsigned s)
{
	uint64_t start = bench_now();
	unsigned n = ops[o].run(g);
	double ns = (double)(bench_now() - start) / n;

	if (!fastest[o][s] || ns < fastest[o][s])
		fastest[o][s] = ns;
}

static void round_run(struct bench_guest *guests)
{
	for (unsigned o = 0; o < NOPS; o++)
		for (unsigned s = 0; s < SIZES; s++) {
			ops[o].prepare(&guests[s]);
			if (ops[o].cold)
				bench_cool();
			for (unsigned i = 0; i < ops[o].slices; i++)
				slice_run(&guests[s], o, s);
		}
}

/* The largest ratio of a size to the smallest. */
static double op_growth(unsigned o)
{
	double worst = 1;

	for (unsigned s = 1; s < SIZES; s++)
		if (fastest[o][s] / fastest[o][0] > worst)
			worst = fastest[o][s] / fastest[o][0];
	return worst;
}

static unsigned ops_that_grow(void)
{
	unsigned grows = 0;

	for (unsigned o = 0; o < PEER; o++)
		grows += op_growth(o) > MAX_GROWTH;
	return grows;
}

static void op_print(unsigned o)
{
	printf("%-42s", ops[o].name);
	for (unsigned s = 0; s < SIZES; s++)
		printf("%10.0f %5.2f", fastest[o][s], fastest[o][s] / fastest[o][0]);
	if (o != PEER)
		printf("  %9.0f%s", 1e9 / fastest[o][0], op_growth(o) > MAX_GROWTH ? "  GROWS" : "");
	putchar('\n');
}

static double probes_spread(unsigned n)
{
	bench_median(probes, n);
	return probes[n * 3 / 4] / probes[n / 4];
}

static void print_head(const struct bench_guest *guests, unsigned rounds)
{
	uint64_t bytes = 0;

	printf("ns of CPU time per operation, fastest in %u rounds, and ratio to the smallest; pages tracked:\n%-42s", rounds, "");
	for (unsigned s = 0; s < SIZES; s++) {
		printf("%10s %5s", sizes[s].name, "ratio");
		bytes += guests[s].tracking_bytes + guests[s].arena_bytes;
	}
	printf("  ops/s, %s\n", sizes[0].name);
	for (unsigned s = 0; s < SIZES; s++)
		fprintf(stderr, "bench: %s: pool of %u pages, %llu entries present, %llu frames of RAM\n", sizes[s].name,
			sizes[s].max_pages, (unsigned long long)guests[s].stats[POOL_STAT_present_entries],
			(unsigned long long)(guests[s].ram_bytes / PAGE_SIZE));
	fprintf(stderr, "bench: pools and tracking %llu MiB\n", (unsigned long long)(bytes >> 20));
}

int main(int argc, char **argv)
{
	static struct bench_guest guests[SIZES];
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : ROUNDS, most = 4 * rounds, done = 0, grows;
	double spread;

	if (rounds < 1 || rounds > ROUNDS_MAX / 4) {
		fprintf(stderr, "usage: bench_pool [ROUNDS], 1 to %u\n", ROUNDS_MAX / 4);
		return 64;
	}
	for (unsigned s = 0; s < SIZES; s++) {
		if (bench_guest_open(&guests[s], sizes[s].max_pages, sizes[s].per_table)) {
			fprintf(stderr, "bench: no memory for %s pages\n", sizes[s].name);
			return 77;
		}
		bench_guest_fill(&guests[s]);
	}
	round_run(guests);	/* warm */
	memset(fastest, 0, sizeof(fastest));
	do {
		probes[2 * done] = bench_probe();
		round_run(guests);
		probes[2 * done++ + 1] = bench_probe();
		grows = ops_that_grow();
	} while (done < rounds || (grows && done < most));
	print_head(guests, done);
	for (unsigned o = 0; o < NOPS; o++)
		op_print(o);
	for (unsigned s = 0; s < SIZES; s++)
		bench_guest_close(&guests[s]);
	spread = probes_spread(2 * done);
	printf("a fixed piece of work varied by %.2f while this ran\n", spread);
	if (!grows)
		return 0;
	if (spread > NOISY) {
		fprintf(stderr, "bench: %u operations seem to grow, but the machine is too busy to say so\n", grows);
		return 77;
	}
	fprintf(stderr, "bench: %u operations cost more than %.0f times as much in a larger pool\n", grows, MAX_GROWTH);
	return 1;
}
