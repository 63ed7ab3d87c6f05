/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long operations take: histograms in memory that may be shared, filled by one thread at a time and read at any time. Time is
 * counted in ticks of the TSC, which no system call is needed for; whoever shows them knows its frequency. Only one in so many
 * operations is timed, so that what is short costs a decrement and a branch. An operation's time includes what it calls, and what
 * the host did meanwhile. Counters wrap in no lifetime.
 */
#ifndef SHADOWPOOL_COMMON_DURATION_H
#define SHADOWPOOL_COMMON_DURATION_H

#include <stdint.h>

#include "common/pool_stats.h"

/* Bucket i has the times from 2^i to 2^(i + 1) - 1 ticks, the first one 0 too, the last one all that are longer. */
#define DURATION_BUCKETS 40u

struct duration {
	uint64_t samples, ticks;	/* how many were timed, and the sum of their times */
	uint64_t longest;
	uint64_t bucket[DURATION_BUCKETS];
};
_Static_assert(sizeof(struct duration) == 43 * 8, "the layout of stats-p has arrays of these");

/* One operation's way to its histogram. Private to the thread that times. */
struct duration_timer {
	struct duration *to;		/* NULL: not timed */
	uint32_t one_in, left;		/* one in so many is timed; how many remain until the next one, with it */
};

/* What the pool times: names as in statistics, and one in how many. Rare operations and those that take long are all timed. */
#define POOL_DURATIONS(X) \
	X(alloc, 16) X(zero, 16) X(flush_page, 16) X(monitor, 16) X(write_protect, 16) X(deref, 64) X(map, 16) X(write_event, 16) \
	X(resync, 1) X(clear_all, 1) X(evict, 1) X(scan, 1) X(audit, 1)

enum pool_duration {
#define X(name, one_in) POOL_DURATION_##name,
	POOL_DURATIONS(X)
#undef X
	POOL_DURATION_COUNT
};

struct duration_name {
	const char *name;
	uint32_t one_in;
};
/* Indexed by enum pool_duration. */
extern const struct duration_name duration_pool_names[POOL_DURATION_COUNT];

/* Where they begin in object stats-p, behind the counters of common/pool_stats.h: an array indexed by enum pool_duration. Bytes. */
#define STATS_P_DURATIONS_AT	((POOL_STAT_COUNT * sizeof(uint64_t) + 63) / 64 * 64)
#define STATS_P_SIZE		(STATS_P_DURATIONS_AT + POOL_DURATION_COUNT * sizeof(struct duration))

/* Time one operation in one_in, from the next one on, into *to; to NULL: none. */
void duration_timer_init(struct duration_timer *t, struct duration *to, uint32_t one_in);
/* Add one time to a histogram. */
void duration_add(struct duration *d, uint64_t ticks);
/* Add a histogram, which may be written meanwhile, to *sum: each number is right by itself. */
void duration_sum(struct duration *sum, const struct duration *d);

static inline uint64_t duration_now(void)
{
	return __builtin_ia32_rdtsc();
}

/* Around the operation: begin returns what end wants. 0: this one is not timed. */
static inline uint64_t duration_begin(struct duration_timer *t)
{
	if (!t->to || --t->left)
		return 0;
	t->left = t->one_in;
	return duration_now();
}

static inline void duration_end(const struct duration_timer *t, uint64_t begin)
{
	if (begin)
		duration_add(t->to, duration_now() - begin);
}

#endif
