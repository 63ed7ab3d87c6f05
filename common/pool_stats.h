/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool's counters by name. One list; the index is the place in poold's statistics object. Meanings: doc/statistics.md. */
#ifndef SHADOWPOOL_COMMON_POOL_STATS_H
#define SHADOWPOOL_COMMON_POOL_STATS_H

enum pool_stat {
	POOL_STAT_pages_max, POOL_STAT_COUNT
};

/* Indexed by enum pool_stat. */
extern const char *const pool_stat_name[POOL_STAT_COUNT];

#endif
