/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trapd/cpu/trap_stats.h"

const char *const trap_stat_name[TRAP_STAT_COUNT] = {
#define X(name) #name,
	TRAP_STATS(X)
#undef X
};
