/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call of the pool library as data. poold makes every call through call_run(), and the replayer makes the same calls from
 * records: so nothing changes a pool without a record.
 */
#ifndef SHADOWPOOL_POOLD_CALL_H
#define SHADOWPOOL_POOLD_CALL_H

#include <stdint.h>

#include "poold/pool/pool.h"

/* Numbers are stable: records contain them. */
enum pool_call_op {
	POOL_CALL_SET_ROOT = 1, POOL_CALL_MAP, POOL_CALL_DIRTY, POOL_CALL_GUEST_WRITE, POOL_CALL_RANGE_CHANGED,
	POOL_CALL_WRITE_FAULT, POOL_CALL_UNSHADOW, POOL_CALL_OPEN, POOL_CALL_CLOSE, POOL_CALL_INVLPG, POOL_CALL_TRACK,
	POOL_CALL_FLUSH_DONE, POOL_CALL_MERGE_PENDING, POOL_CALL_AUDIT, POOL_CALL_POISON, POOL_CALL_RESYNC,
	POOL_CALL_ROOT_DYING, POOL_CALL_CODE, POOL_CALL_CLEAR_ALL, POOL_CALL_FLUSH_ALL, POOL_CALL_FLUSH_GPA,
	POOL_CALL_FLUSH_ROOT, POOL_CALL_CACHE, POOL_CALL_CLEAR_ROOT, POOL_CALL_RESET, POOL_CALL_COUNT
};

#define POOL_CALLF_WRITE	(1u << 0)
#define POOL_CALLF_FETCH	(1u << 1)
#define POOL_CALLF_USER		(1u << 2)	/* user view; GUEST_WRITE: virtual CPL 3 */
#define POOL_CALLF_AC		(1u << 3)
#define POOL_CALLF_ALL		(1u << 4)	/* FLUSH_DONE: all vCPUs; INVLPG: all roots; AUDIT: full; RESYNC: all tables */
#define POOL_CALLF_ON		(1u << 5)	/* TRACK, CACHE: on, else off */
#define POOL_CALLF_FRESH	(1u << 6)	/* MERGE_PENDING: begin with an empty result */
#define POOL_CALLF_CODE		(1u << 7)	/* SET_ROOT: code is watched (pool_modes.watch_code) */
#define POOL_CALLF_KNOWN	0xffu

/* One call. Fields that the operation does not use are 0. */
struct pool_call {
	uint16_t op;			/* enum pool_call_op */
	uint16_t flags;			/* POOL_CALLF_* */
	uint32_t vcpu;
	uint32_t write_class;		/* enum write_class */
	uint32_t nwalk;
	uint64_t gva;
	uint64_t gpa;			/* OPEN, TRACK, CODE, RESYNC, FLUSH_GPA: address of the page */
	uint64_t len;			/* bytes; WRITE_FAULT: size; FLUSH_DONE: epoch; POISON: which leaf; CODE: enum pool_code_state */
	uint64_t rip;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t walk[4];		/* MAP: guest entries; SET_ROOT: PDPTEs */
};

#define POOL_CALL_MAX_VIOLATIONS 16u

/* The outcome of a call; only the fields that the operation has are set. */
struct pool_call_out {
	struct pool_result result;	/* MERGE_PENDING without FRESH: what is there is added to */
	uint32_t nviolations;		/* AUDIT: number of all violations; the first ones are in violation[] */
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

/*
 * Make one call. out->result is cleared first, but for MERGE_PENDING without FRESH. Returns 0, or -EINVAL, and nothing is called,
 * if op is no number of enum pool_call_op. Thread: any that holds the lock of the pool's VM.
 */
int call_run(struct pool *pool, const struct pool_call *call, struct pool_call_out *out);
/* Name of an operation for people, such as "set_root"; NULL if op is no number of enum pool_call_op. */
const char *call_name(unsigned op);

#endif
