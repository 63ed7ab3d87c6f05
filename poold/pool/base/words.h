/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words in which the pool answers, and the limits of an answer. They are the pool's own: the ring between the daemons
 * (common/shm_layout.h) carries them, trapd acts on them, traces contain them. All numbers are stable for that reason. This
 * header includes nothing, so that whoever needs a word takes nothing else with it.
 */
#ifndef SHADOWPOOL_POOLD_POOL_WORDS_H
#define SHADOWPOOL_POOLD_POOL_WORDS_H

#define POOL_MAX_VCPUS		16u	/* of one VM: a word for each fills one cache line of a request's block (doc/ring.md) */

/* The status of every operation. */
enum pool_status {
	POOL_OK = 0, POOL_CACHED = 1, POOL_RETRY = 2, POOL_EMULATE = 3, POOL_UNSYNC = 4, POOL_UNSHADOW = 5, POOL_STEP = 6,
	POOL_NEED_SHOOTDOWN = 7, POOL_NEED_FLUSH = 8,
	POOL_E_RANGE = 16, POOL_E_INVAL = 17, POOL_E_NOMEM = 18, POOL_E_NOTFOUND = 19, POOL_E_CORRUPT = 20
};

/* What a vCPU has to flush before it goes on: nothing, one address, all that one root maps, everything. */
enum pool_flush { POOL_FLUSH_NONE, POOL_FLUSH_GVA, POOL_FLUSH_ROOT, POOL_FLUSH_ALL };

#define POOL_MAX_TOUCH		8u	/* tables that an answer names as changed while present: their addresses fill a cache line */
#define POOL_TOUCH_TOO_MANY	255u	/* in place of their number: more than that, so all of them count as changed */

/* What a page is to watched supervisor code (doc/pool.md, Watched code). */
enum pool_code_state {
	POOL_CODE_STATE_UNKNOWN,	/* nobody has looked at it: never executed, may be written */
	POOL_CODE_STATE_RAM,		/* executed as it is, never writable */
	POOL_CODE_STATE_COPY,		/* executed from trapd's copy, never writable */
	POOL_CODE_STATE_LOOSE,		/* executed as it is, may be written */
	POOL_CODE_STATE_COUNT
};

#endif
