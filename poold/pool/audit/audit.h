/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool looked at from outside: is it what its rules say, what does it translate, what is in it. Nothing here changes the
 * pool but for the two counters of the audit. Users of the library get it with poold/pool/pool.h.
 */
#ifndef SHADOWPOOL_POOLD_POOL_AUDIT_H
#define SHADOWPOOL_POOLD_POOL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "poold/pool/base/types.h"

struct pool;

enum pool_audit_mode { POOL_AUDIT_CHEAP, POOL_AUDIT_FULL };
struct pool_violation {
	uint8_t rule;			/* 1 to 24: A1 .. A24 */
	uint32_t page, slot;
	uint64_t expected, found;
};
/* Quiescent. Fills up to max violations and returns how many there are in all. Changes nothing. */
uint32_t pool_audit(struct pool *p, enum pool_audit_mode mode, struct pool_violation *out, uint32_t max);

/* One page that a root leads to; gva in canonical form. */
struct pool_translation {
	uint64_t gva, gpa;
	bool writable, nx;
	bool unsync;			/* its table is out of step: it may be stale, as a TLB is */
};
/* false: enough. */
typedef bool pool_translation_fn(void *ctx, const struct pool_translation *t);
/*
 * All translations that root (a machine address) leads to, by slot. 0; -ECANCELED: each() said enough; -E2BIG: there are
 * too many ways to them, some are left out; -EINVAL: no root of this pool.
 */
int pool_translations(const struct pool *p, uint64_t root, pool_translation_fn *each, void *ctx);
/* Digest of the translations of every vCPU's roots: the same for pools of any size and format that say the same. */
void pool_semantic_digest(const struct pool *p, uint64_t out[2]);
/* 128-bit digest of doc/spec/pool.md section 11. */
void pool_digest(const struct pool *p, uint64_t out[2]);

/* ---- what is in it: for dumps, statistics, the verbs show and walk ---- */

const char *pool_kind_name(unsigned kind);
/* Statistics of one kind: pages in use. */
uint32_t pool_pages_of_kind(const struct pool *p, unsigned kind);
/* Current roots of a vCPU (0: none) and the modes they were made from. */
int pool_vcpu_roots(const struct pool *p, uint32_t vcpu, uint64_t root[2], struct pool_modes *modes);
/* Is the guest table of this page out of step? */
bool pool_table_is_unsync(const struct pool *p, uint32_t page);
/* page_state of a guest page, as callbacks.state_changed was last told; 0 if it is no RAM. */
uint8_t pool_page_state(const struct pool *p, uint64_t gfn);

/* For dumps. */
struct pool_page_info {
	uint64_t gpa;
	uint32_t role;
	uint16_t lock, n_present, count;	/* count: its entries */
	uint8_t kind, flags;
};
/* false: not in use. */
bool pool_page_describe(const struct pool *p, uint32_t page, struct pool_page_info *out);
/* In the form of 8 bytes; 0 if there is no such page in use or slot. */
uint64_t pool_page_entry(const struct pool *p, uint32_t page, uint32_t slot);

#endif
