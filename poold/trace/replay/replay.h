/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the calls of a trace again with a pool of its own. No KVM, no sockets, no privileges. The trace is hostile input:
 * calls are checked as poold checks requests.
 *
 * With the trace's own configuration the replay is exact: every answer, every word read and every digest can be compared.
 * With another one (pool size, policy) answers differ by nature; guest RAM is then as the trace has shown it by the time of
 * each call, and flushes that the pool asks for are made at once.
 */
#ifndef SHADOWPOOL_POOLD_REPLAY_H
#define SHADOWPOOL_POOLD_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pool_stats.h"
#include "poold/pool/pool.h"

struct replay_options {
	bool check;			/* compare with what was recorded; the first difference ends the replay */
	uint64_t pool_bytes;		/* size of the pool, a multiple of 2 MiB; 0: as recorded */
	const char *policy;		/* "key=value,...", keys are policy_keys(); NULL: as recorded */
	bool compare;			/* with another pool: run the recorded one beside it, and compare their translations */
	uint64_t max_bytes;		/* limit of memory; 0: none */
};

enum replay_difference_kind {
	REPLAY_EQUAL,
	REPLAY_ANSWER,			/* check: result, words read, or changes of a call are not as recorded */
	REPLAY_DIGEST,			/* check: the digest of the pool is not the recorded one */
	REPLAY_TRANSLATION,		/* compare: the two pools translate an address to different pages */
	REPLAY_NOT_GUESTS,		/* compare: a pool has a translation or a right that the guest's tables do not give */
};

/* What made a replay end with -EILSEQ. */
struct replay_difference {
	enum replay_difference_kind kind;
	uint64_t agree;			/* after so many calls there was no difference yet, as far as the trace can tell */
	uint64_t calls;			/* after so many calls there was one */
	const char *call;		/* name of the last of these calls; static */
	/* Set for REPLAY_TRANSLATION; [0] is the recorded pool, [1] the other one. */
	uint32_t vcpu, view;		/* view: 0 supervisor, 1 user */
	uint64_t gva, gpa[2];
	struct pool_walk walk[2];
	/* Set for REPLAY_NOT_GUESTS; side: 0 the recorded pool, 1 the other one. */
	unsigned side;
	struct pool_violation violation;
};

struct replay_result {
	struct pool_config config;	/* of the replayed pool */
	char program[25];		/* version of the program that has recorded */
	uint64_t nrecords, ncalls, nreads, npages, ndeltas, ndigests;
	uint64_t other_answers;		/* calls whose result was another one than the recorded one */
	uint64_t unknown_reads;		/* words that were read as 0 because the trace does not have them */
	uint64_t corrections;		/* changes of tables that only this pool still shadows, reported to it */
	uint64_t digest[2];		/* pool_digest() at the end */
	uint64_t translations[2];	/* pool_semantic_digest() at the end */
	uint64_t ncompared, ntranslations;	/* compare: number of comparisons, and of addresses in all of them */
	struct replay_difference difference;
	bool complete;			/* the trace has its end mark */
	uint64_t stats[POOL_STAT_COUNT];
};

/*
 * Replay the trace in data. Returns 0 and fills *result; -EILSEQ: check or compare has found a difference, *result is that of the
 * calls up to there; -EPROTO: no trace, or a damaged one (err names the offset); -EINVAL: the options are wrong; -ENOMEM. err
 * gets one line unless 0 is returned.
 */
int replay_trace(const uint8_t *data, size_t size, const struct replay_options *options, struct replay_result *result,
		 char *err, size_t err_size);

/* The state of a pool after a number of calls. */
struct replay_state {
	uint64_t calls;
	uint64_t digest[2], translations[2];
	uint32_t npages, used;
	struct pool_page_info *page;	/* npages of them; count 0: not in use */
	uint64_t **entry;		/* entry[page][slot], NULL: not in use */
};

/*
 * The states of the recorded pool after calls[0] and after calls[1] calls, calls[1] not being the smaller. Returns 0, and the
 * states are the caller's; a negative code of replay_trace(); or -ENODATA: the trace has fewer calls.
 */
int replay_states(const uint8_t *data, size_t size, const struct replay_options *options, const uint64_t calls[2],
		  struct replay_state out[2]);
void replay_state_free(struct replay_state *s);

#endif
