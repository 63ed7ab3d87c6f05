/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/pool_stats.h"

const char *const pool_stat_name[POOL_STAT_COUNT] = {
	[POOL_STAT_pages_max] = "pages_max",
};
