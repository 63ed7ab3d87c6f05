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
#include "poold/pool.h"

struct replay_options {
	bool check;			/* compare; the first difference ends the replay */
	uint64_t pool_bytes;		/* 0: as recorded; a multiple of 2 MiB */
	const char *policy;		/* "key=value,...", NULL: as recorded; see policy_keys() */
	uint64_t max_bytes;		/* of memory; 0: no limit */
};

struct replay_result {
	struct pool_config config;	/* of the replayed pool */
	char program[25];		/* version that recorded */
	uint64_t nrecords, ncalls, nreads, npages, ndeltas, ndigests;
	uint64_t other_answers;		/* calls whose result was not the recorded one */
	uint64_t unknown_reads;		/* words that the trace does not have, read as 0 */
	uint64_t corrections;		/* guest writes that only this pool had to be told */
	uint64_t digest[2];		/* at the end */
	bool complete;			/* the trace has its end mark */
	uint64_t stats[POOL_STAT_COUNT];
};

/*
 * data, size: the file. Returns 0 with *result; -EILSEQ: check, and something differs (result up to there); -EPROTO: no
 * trace, or damaged (err names the offset); -EINVAL: the options; -ENOMEM. err: one line unless 0.
 */
int replay_trace(const uint8_t *data, size_t size, const struct replay_options *options, struct replay_result *result,
		 char *err, size_t err_size);

#endif
