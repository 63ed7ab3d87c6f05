/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest for measurements: 4-level tables over a RAM that is mostly never touched, a pool as large as its tables need, and
 * the part of trapd without any policy. Measuring programs only.
 */
#ifndef SHADOWPOOL_TESTS_BENCH_GUEST_H
#define SHADOWPOOL_TESTS_BENCH_GUEST_H

#include <stdint.h>

#include "common/x86.h"
#include "poold/pool/pool.h"

#define BENCH_SPACES	96u		/* address spaces: PML4 pages over one PDPT */
#define BENCH_USED	(PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)

struct bench_guest {
	struct pool *p;
	struct pool_config cfg;
	struct pool_result r;
	uint8_t *ram;
	uint64_t ram_bytes, arena_bytes, tracking_bytes;
	void *arena, *tracking;
	uint64_t stats[POOL_STAT_COUNT];
	uint32_t ntables;		/* leaf tables of the guest; more than the pool holds */
	uint32_t per_table;		/* entries in each, from slot 0 */
	uint32_t npd;
	uint64_t pml4, pdpt, pd, pt, data;	/* gpa of the first of each, one after the other */
	uint64_t full_pt;		/* the last table: all of its 512 entries */
	uint32_t nlinks;		/* entries of other directories that lead to one leaf table, of address space 0 */
	uint64_t shared_pdpt, shared_pd, shared_pt;
	uint32_t next;			/* table that the next miss uses */
	uint64_t rip;
};

/* A pool of max_pages and a guest with more leaf tables than that, per_table entries in each. 0 or -errno. */
int bench_guest_open(struct bench_guest *g, uint32_t max_pages, uint32_t per_table);
void bench_guest_close(struct bench_guest *g);
/* Map tables one after the other until the pool has been full. */
void bench_guest_fill(struct bench_guest *g);

/* Entry slot of leaf table t, as trapd asks for it. */
struct pool_map_args bench_args(const struct bench_guest *g, uint32_t t, uint32_t slot);
uint64_t bench_pte_gpa(const struct bench_guest *g, uint32_t t, uint32_t slot);
/* The same through one of the links to the shared table, and where that link is. */
struct pool_map_args bench_link_args(const struct bench_guest *g, uint32_t link);
uint64_t bench_link_gpa(const struct bench_guest *g, uint32_t link);
uint64_t *bench_word(const struct bench_guest *g, uint64_t gpa);
/* Ask until it is done, flushing as often as the pool wants; ends the program on any other answer. */
void bench_map(struct bench_guest *g, const struct pool_map_args *a);
void bench_set_root(struct bench_guest *g, uint32_t space);
/* What trapd does after a reply. */
void bench_settle(struct bench_guest *g);

#endif
