/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guest.h. Measuring programs only; one thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/guest.h"

#define POOL_MADDR	(1ull << 30)
#define RAM_MADDR	(1ull << 36)
#define TABLES_AT	0x100000ull

static void *map_memory(uint64_t bytes, bool huge)
{
	void *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	madvise(m, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return m;
}

uint64_t *bench_word(const struct bench_guest *g, uint64_t gpa)
{
	return (uint64_t *)(void *)(g->ram + gpa);
}

uint64_t bench_pte_gpa(const struct bench_guest *g, uint32_t t, uint32_t slot)
{
	return g->pt + t * (uint64_t)PAGE_SIZE + slot * 8ull;
}

/* The n-th data page; RAM has a hole below 4 GiB. */
static uint64_t data_gpa(const struct bench_guest *g, uint64_t n)
{
	uint64_t gpa = g->data + n * PAGE_SIZE;

	return gpa < GUEST_RAM_LOW_MAX ? gpa : gpa - GUEST_RAM_LOW_MAX + GUEST_RAM_HIGH_BASE;
}

static void tables_write(struct bench_guest *g)
{
	uint32_t entries;

	for (uint32_t s = 0; s < BENCH_SPACES; s++)
		*bench_word(g, g->pml4 + s * (uint64_t)PAGE_SIZE) = g->pdpt | BENCH_USED;
	for (uint32_t i = 0; i < g->npd; i++)
		*bench_word(g, g->pdpt + i * 8ull) = (g->pd + i * (uint64_t)PAGE_SIZE) | BENCH_USED;
	for (uint32_t t = 0; t < g->ntables; t++) {
		*bench_word(g, g->pd + t * 8ull) = bench_pte_gpa(g, t, 0) | BENCH_USED;
		entries = t == g->ntables - 1 ? 512 : g->per_table;
		for (uint32_t s = 0; s < entries; s++)
			*bench_word(g, bench_pte_gpa(g, t, s)) = data_gpa(g, t * (uint64_t)g->per_table + s) | BENCH_USED;
	}
	g->full_pt = bench_pte_gpa(g, g->ntables - 1, 0);
	*bench_word(g, g->pml4 + 8) = g->shared_pdpt | BENCH_USED;
	for (uint32_t i = 0; i < g->nlinks; i++) {
		*bench_word(g, g->shared_pdpt + i / 512 * 8ull) = (g->shared_pd + i / 512 * (uint64_t)PAGE_SIZE) | BENCH_USED;
		*bench_word(g, g->shared_pd + i * 8ull) = g->shared_pt | BENCH_USED;
	}
	*bench_word(g, g->shared_pt) = data_gpa(g, 0) | BENCH_USED;
}

int bench_guest_open(struct bench_guest *g, uint32_t max_pages, uint32_t per_table)
{
	const struct pool_callbacks cb = { 0 };
	uint64_t total;
	char err[256];

	memset(g, 0, sizeof(*g));
	g->per_table = per_table;
	g->ntables = max_pages + max_pages / 32 + 64;
	g->npd = (g->ntables + 511) / 512;
	g->pml4 = TABLES_AT;
	g->pdpt = g->pml4 + BENCH_SPACES * (uint64_t)PAGE_SIZE;
	g->pd = g->pdpt + PAGE_SIZE;
	g->nlinks = max_pages / 8;
	g->shared_pdpt = g->pd + g->npd * (uint64_t)PAGE_SIZE;
	g->shared_pd = g->shared_pdpt + PAGE_SIZE;
	g->shared_pt = g->shared_pd + (g->nlinks + 511) / 512 * (uint64_t)PAGE_SIZE;
	g->pt = g->shared_pt + PAGE_SIZE;
	g->data = g->pt + g->ntables * (uint64_t)PAGE_SIZE;
	total = g->data + (g->ntables * (uint64_t)per_table + 512) * PAGE_SIZE;
	guest_ram_layout(&g->cfg.ram, (total + (2ull << 20)) & ~((2ull << 20) - 1));
	if (g->data > GUEST_RAM_LOW_MAX || g->npd > 512)
		return -EINVAL;
	g->cfg.ram_maddr = RAM_MADDR;
	g->cfg.pool_maddr = POOL_MADDR;
	g->cfg.max_pages = max_pages;
	g->cfg.maxphyaddr = 40;
	g->cfg.nvcpu = 1;
	g->cfg.stub_slot = 271;
	g->cfg.stub_entry = 0x5000 | PTE_P | PTE_W | PTE_A;
	g->cfg.prefetch = 8;
	g->cfg.unsync_tables = 4;
	g->ram_bytes = guest_ram_span(&g->cfg.ram);
	g->arena_bytes = max_pages * (uint64_t)PAGE_SIZE;
	g->tracking_bytes = pool_memory_needed(&g->cfg);
	/* Small pages for the guest: most of it is never touched. */
	g->ram = map_memory(g->ram_bytes, false);
	g->arena = map_memory(g->arena_bytes, true);
	g->tracking = g->tracking_bytes ? map_memory(g->tracking_bytes, true) : NULL;
	if (!g->ram || !g->arena || !g->tracking)
		return -ENOMEM;
	g->cfg.ram.base = g->ram;
	tables_write(g);
	if (pool_create(&g->p, &g->cfg, &cb, g->arena, g->tracking, g->stats, err, sizeof(err))) {
		fprintf(stderr, "bench: %s\n", err);
		return -EINVAL;
	}
	return 0;
}

void bench_guest_close(struct bench_guest *g)
{
	munmap(g->ram, g->ram_bytes);
	munmap(g->arena, g->arena_bytes);
	munmap(g->tracking, g->tracking_bytes);
}

struct pool_map_args bench_args(const struct bench_guest *g, uint32_t t, uint32_t slot)
{
	uint64_t pte = *bench_word(g, bench_pte_gpa(g, t, slot));

	return (struct pool_map_args){
		.gva = (uint64_t)t << 21 | (uint64_t)slot << 12, .gpa = pte & PTE_ADDR, .nwalk = 4, .write = true,
		.walk = { g->pdpt | BENCH_USED, *bench_word(g, g->pdpt + t / 512 * 8ull), *bench_word(g, g->pd + t * 8ull), pte },
	};
}

struct pool_map_args bench_link_args(const struct bench_guest *g, uint32_t link)
{
	uint64_t pte = *bench_word(g, g->shared_pt);

	return (struct pool_map_args){
		.gva = 1ull << 39 | (uint64_t)link << 21, .gpa = pte & PTE_ADDR, .nwalk = 4, .write = true,
		.walk = { g->shared_pdpt | BENCH_USED, *bench_word(g, g->shared_pdpt + link / 512 * 8ull),
			  *bench_word(g, bench_link_gpa(g, link)), pte },
	};
}

uint64_t bench_link_gpa(const struct bench_guest *g, uint32_t link)
{
	return g->shared_pd + link * 8ull;
}

void bench_settle(struct bench_guest *g)
{
	pool_merge_pending(g->p, 0, &g->r);
	if (g->r.flush == POOL_FLUSH_ALL)
		pool_flush_done(g->p, 0, true, g->r.epoch);
}

static void must_be_ok(const struct bench_guest *g, const char *what)
{
	if (g->r.status == POOL_OK)
		return;
	fprintf(stderr, "bench: %s: status %d\n", what, g->r.status);
	exit(1);
}

void bench_map(struct bench_guest *g, const struct pool_map_args *a)
{
	unsigned tries = 0;

	do {
		pool_map(g->p, 0, a, &g->r);
		bench_settle(g);
	} while (g->r.status == POOL_NEED_FLUSH && tries++ < 20);
	must_be_ok(g, "map");
}

void bench_set_root(struct bench_guest *g, uint32_t space)
{
	struct pool_modes m = { .cr0 = CR0_PE | CR0_PG | CR0_WP, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA | EFER_NXE };
	unsigned tries = 0;

	m.cr3 = g->pml4 + space * (uint64_t)PAGE_SIZE;
	do {
		pool_set_root(g->p, 0, &m, &g->r);
		bench_settle(g);
	} while (g->r.status == POOL_NEED_FLUSH && tries++ < 20);
	must_be_ok(g, "set_root");
}

void bench_guest_fill(struct bench_guest *g)
{
	bench_set_root(g, 0);
	for (g->next = 0; g->next < g->ntables - 1; g->next++)
		for (uint32_t s = 0; s < g->per_table; s += g->cfg.prefetch) {
			struct pool_map_args a = bench_args(g, g->next, s);

			bench_map(g, &a);
		}
	g->next = 0;
}
