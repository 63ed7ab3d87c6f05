/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regression tests for the defects D1 to D68 of the pool's ancestor: one test each, named defect_Dnn_<what>, that fails
 * when the defect is put back (make check-mutants puts each of them back). They inject faults and look into the
 * library, hence pool_priv.h. Test programs only.
 *
 * Where each one is:
 *   D1 to D15                      test_pool_defects_rmap.c: reverse map, counters, every kind
 *   D16 to D29, D34 to D37         test_pool_defects_write.c: guest writes, what they clear and cost
 *   D38 to D51, D55 to D57         test_pool_defects_cache.c: look-up, eviction, failures half-way
 *   D52 to D54, D58 to D68         test_pool_defects_core.c: limits, roots, rights, entries
 *   D23 to D25, D30 to D33         test_defects_decode.c: trapd's emulator and classifier
 *   D32, D33                       test_deliver.c: the class of frames; test_defects_fault.c: writes that are not emulated
 * Not a test of their own:
 *   D67 stores through pointer casts: make check under UBSan; its packing of references is tested here
 *   whatever concerns 2 MiB leaves or tables out of sync: no such table is made
 */
#ifndef SHADOWPOOL_TESTS_POOL_DEFECTS_H
#define SHADOWPOOL_TESTS_POOL_DEFECTS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "tests/unit/poold/pool/pool_fixture.h"

#define TARGET	0x300000ull	/* first data page of most tests */

/* First page in use of a kind and, unless GPA_NIL, of a gpa, above page after. PAGE_NIL: none. */
uint32_t defects_find(const struct pool *p, unsigned kind, uint64_t gpa, uint32_t after);
bool defects_mapped(struct fix *f, uint64_t gva);
/* Counters of present entries against the tables. */
void defects_recount(const struct pool *p);
/* The same for a pool of full tables of 8-byte entries only. */
void defects_recount_fast(const struct pool *p);
/* n entries of pt, from the first on, map one frame; all are mapped in the supervisor view afterwards. */
void defects_alias(struct fix *f, uint64_t pt, unsigned n, uint64_t gpa);
unsigned defects_leaves_of(const struct pool *p, uint64_t gfn);
/* One pool_map() for gva as the guest's tables are now, neither repeated nor settled. */
enum pool_status defects_map_once(struct fix *f, uint64_t gva, uint32_t access);
/*
 * All but n pages leave the free list, and come back. Audits fail in between.
 */
struct defects_starved { uint32_t head, n; };
struct defects_starved defects_starve(struct pool *p, uint32_t n);
void defects_feed(struct pool *p, struct defects_starved s);
/* Address spaces of every paging mode, one after the other, so that every kind is made; after(f) is called in each. */
void defects_every_mode(struct fix *f, void (*after)(struct fix *f));
/* 3 GiB of low RAM and 8 MiB above 4 GiB. */
void defects_init_high(struct fix *f);

#endif
