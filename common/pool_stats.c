/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the pool's counters, for whoever prints them. Constant data only. */
#include "common/pool_stats.h"

const char *const pool_stat_name[POOL_STAT_COUNT] = {
#define POOL_STAT_NAME(name) [POOL_STAT_##name] = #name,
	POOL_STATS(POOL_STAT_NAME)
#undef POOL_STAT_NAME
};
