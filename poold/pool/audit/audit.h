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
	uint8_t rule;			/* n of rule An, doc/spec/pool.md section 9 */
	uint32_t page, slot;
	uint64_t expected, found;
};
/*
 * Audit the pool; no vCPU of the VM may run, and all events must be consumed. Fills out[] with up to max violations and returns
 * the number of all. Changes nothing but two counters.
 */
uint32_t pool_audit(struct pool *p, enum pool_audit_mode mode, struct pool_violation *out, uint32_t max);

/* One page that a root leads to; gva in canonical form. */
struct pool_translation {
	uint64_t gva, gpa;
	bool writable, nx;
	bool unsync;			/* its table is out of step, so it may be as stale as a TLB entry */
};
/* Called for each translation. false: no further ones are wanted. */
typedef bool pool_translation_fn(void *ctx, const struct pool_translation *t);
/*
 * Call each() for all translations that root (a machine address) leads to, by ascending slot. Returns 0; -ECANCELED: each() has
 * returned false; -E2BIG: there are too many ways through the tables, some translations were left out; -EINVAL: root is no root
 * of this pool.
 */
int pool_translations(const struct pool *p, uint64_t root, pool_translation_fn *each, void *ctx);
/* Digest of the translations of all loaded roots: equal for pools of any size and format that translate alike. */
void pool_semantic_digest(const struct pool *p, uint64_t out[2]);
/* 128-bit digest of doc/spec/pool.md section 11. */
void pool_digest(const struct pool *p, uint64_t out[2]);

/* ---- what is in it: for dumps, statistics, the verbs show and walk ---- */

const char *pool_kind_name(unsigned kind);
/* How many tables of this kind there are. */
uint32_t pool_pages_of_kind(const struct pool *p, unsigned kind);
/* Machine addresses of a vCPU's roots (0: none) and the modes that they were made for. Returns 0; -EINVAL: no such vCPU. */
int pool_vcpu_roots(const struct pool *p, uint32_t vcpu, uint64_t root[2], struct pool_modes *modes);
/* Is the guest's table from which this shadow page is made out of step? */
bool pool_table_is_unsync(const struct pool *p, uint32_t page);
/* page_state of a guest page, as callbacks.state_changed() was last called with; 0: it is no RAM. */
uint8_t pool_page_state(const struct pool *p, uint64_t gfn);

/* One page of the arena, for dumps. */
struct pool_page_info {
	uint64_t gpa;
	uint32_t role;
	uint16_t lock, n_present, count;	/* pins; entries that are present, and all of them */
	uint8_t kind, flags;
};
/* false: the page is not in use. */
bool pool_page_describe(const struct pool *p, uint32_t page, struct pool_page_info *out);
/* What is known of a page beside its content, for people. */
struct pool_page_report {
	uint64_t gpa;
	uint64_t age;			/* how often other pages were used since this one was last; 0 if it is pinned */
	uint32_t page, role;
	uint32_t users;			/* entries that lead to it */
	uint32_t references;		/* leaves that map the guest page at gpa; all ones: more than are kept */
	uint32_t mods;			/* modification counter of the guest's table */
	uint16_t n_present, pins;	/* entries that are present; vCPUs that have it loaded */
	uint8_t kind;
	bool monitored, hot, unsync;
};
/*
 * Report up to max pages in use from page first on, of this kind, or of all if kind is 0; but look at no more than POOL_REPORT_LOOK
 * pages. *next: where to go on, 0: there are no more. Returns how many were reported.
 */
#define POOL_REPORT_LOOK 65536u
uint32_t pool_pages_report(const struct pool *p, uint32_t first, unsigned kind, struct pool_page_report *out, uint32_t max,
			   uint32_t *next);
/* The bits of a role in words, such as "supervisor q1 wp nxe lm"; cut to size. */
void pool_role_text(uint32_t role, char *text, uint64_t size);
/* Does the pool keep tables that nothing leads to? */
bool pool_cache_is_on(const struct pool *p);

/* An entry, in the form of 8 bytes; 0 also if the page is not in use or has no such slot. */
uint64_t pool_page_entry(const struct pool *p, uint32_t page, uint32_t slot);

#endif
