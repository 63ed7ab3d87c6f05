/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call of the pool library as data. The session's thread makes every call through pool_call_run(), the replayer makes the
 * same ones from a record: so nothing can change a pool that a record does not show.
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
	POOL_CALL_ROOT_DYING, POOL_CALL_CODE, POOL_CALL_COUNT
};

#define POOL_CALLF_WRITE	(1u << 0)
#define POOL_CALLF_FETCH	(1u << 1)
#define POOL_CALLF_USER		(1u << 2)	/* user view; GUEST_WRITE: virtual CPL 3 */
#define POOL_CALLF_AC		(1u << 3)
#define POOL_CALLF_ALL		(1u << 4)	/* FLUSH_DONE: all vCPUs; INVLPG: all roots; AUDIT: full; RESYNC: all tables */
#define POOL_CALLF_ON		(1u << 5)	/* TRACK */
#define POOL_CALLF_FRESH	(1u << 6)	/* MERGE_PENDING: into an empty result */
#define POOL_CALLF_CODE		(1u << 7)	/* SET_ROOT: code is watched */
#define POOL_CALLF_KNOWN	0xffu

/* What an operation does not use is zero. */
struct pool_call {
	uint16_t op;			/* enum pool_call_op */
	uint16_t flags;			/* POOL_CALLF_* */
	uint32_t vcpu;
	uint32_t write_class;		/* enum write_class */
	uint32_t nwalk;
	uint64_t gva;
	uint64_t gpa;			/* OPEN, TRACK, CODE, RESYNC: of the page */
	uint64_t len;			/* bytes; WRITE_FAULT: size; FLUSH_DONE: epoch; POISON: which leaf; CODE: enum pool_code_state */
	uint64_t rip;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t walk[4];		/* MAP: guest entries; SET_ROOT: PDPTEs */
};

#define POOL_CALL_MAX_VIOLATIONS 16u

/* What came out: the fields that the operation has. */
struct pool_call_out {
	struct pool_result result;	/* MERGE_PENDING: in and out */
	uint32_t nviolations;		/* AUDIT: all of them; the first ones are in violation[] */
	struct pool_violation violation[POOL_CALL_MAX_VIOLATIONS];
};

/*
 * Make one call. out->result is cleared first, except for MERGE_PENDING without FRESH. Returns 0, or -EINVAL if op is none of the
 * above (nothing is called). Thread: whoever holds the VM's lock.
 */
int pool_call_run(struct pool *pool, const struct pool_call *call, struct pool_call_out *out);
/* "set_root", ...; NULL if op is unknown. */
const char *pool_call_name(unsigned op);

#endif
