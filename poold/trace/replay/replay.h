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
	bool check;			/* compare; the first difference ends the replay */
	uint64_t pool_bytes;		/* 0: as recorded; a multiple of 2 MiB */
	const char *policy;		/* "key=value,...", NULL: as recorded; see policy_keys() */
	bool compare;			/* with another pool: run the recorded one beside it, and compare what they mean */
	uint64_t max_bytes;		/* of memory; 0: no limit */
};

enum replay_difference_kind {
	REPLAY_EQUAL,
	REPLAY_ANSWER,			/* check: the call's answer, words or changes are others */
	REPLAY_DIGEST,			/* check: the pool is another one */
	REPLAY_TRANSLATION,		/* compare: the pools disagree about an address */
	REPLAY_NOT_GUESTS,		/* compare: a pool says what the guest's tables do not */
};

/* What made a replay end with -EILSEQ. */
struct replay_difference {
	enum replay_difference_kind kind;
	uint64_t agree;			/* number of calls after which all was well, as far as the trace can tell */
	uint64_t calls;			/* number of calls after which it was not */
	const char *call;		/* name of the last of them; static */
	/* REPLAY_TRANSLATION; [0] the recorded pool, [1] the other */
	uint32_t vcpu, view;		/* view: 0 supervisor, 1 user */
	uint64_t gva, gpa[2];
	struct pool_walk walk[2];
	/* REPLAY_NOT_GUESTS */
	unsigned side;
	struct pool_violation violation;
};

struct replay_result {
	struct pool_config config;	/* of the replayed pool */
	char program[25];		/* version that recorded */
	uint64_t nrecords, ncalls, nreads, npages, ndeltas, ndigests;
	uint64_t other_answers;		/* calls whose result was not the recorded one */
	uint64_t unknown_reads;		/* words that the trace does not have, read as 0 */
	uint64_t corrections;		/* guest writes that only this pool had to be told */
	uint64_t digest[2];		/* at the end */
	uint64_t translations[2];	/* pool_semantic_digest() at the end */
	uint64_t ncompared, ntranslations;	/* compare: how often, and of how many addresses in all */
	struct replay_difference difference;
	bool complete;			/* the trace has its end mark */
	uint64_t stats[POOL_STAT_COUNT];
};

/*
 * data, size: the file. Returns 0 with *result; -EILSEQ: check or compare, and something differs (result up to there); -EPROTO: no
 * trace, or damaged (err names the offset); -EINVAL: the options; -ENOMEM. err: one line unless 0.
 */
int replay_trace(const uint8_t *data, size_t size, const struct replay_options *options, struct replay_result *result,
		 char *err, size_t err_size);

/* The pool after some call. */
struct replay_state {
	uint64_t calls;
	uint64_t digest[2], translations[2];
	uint32_t npages, used;
	struct pool_page_info *page;	/* npages of them; count 0: not in use */
	uint64_t **entry;		/* entry[page][slot], NULL: not in use */
};

/*
 * The recorded pool after calls[0] and after calls[1] calls, not fewer. 0, the states the caller's; or a negative code of
 * replay_trace(), -ENODATA: the trace is not as long.
 */
int replay_states(const uint8_t *data, size_t size, const struct replay_options *options, const uint64_t calls[2],
		  struct replay_state out[2]);
void replay_state_free(struct replay_state *s);

#endif
