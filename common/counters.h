/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters in shared memory that outlive their writer: a header, then one block of u64 per writing thread, each block a
 * multiple of 64 bytes. Written relaxed by one thread each, summed by readers.
 */
#ifndef SHADOWPOOL_COMMON_COUNTERS_H
#define SHADOWPOOL_COMMON_COUNTERS_H

#include <stdint.h>

#include "common/barrier.h"

static inline void counter_add(uint64_t *c, uint64_t n)
{
	store_relaxed(c, load_relaxed(c) + n);	/* one writer: no read-modify-write needed */
}

static inline void counter_set(uint64_t *c, uint64_t v)
{
	store_relaxed(c, v);
}

static inline void counter_max(uint64_t *c, uint64_t v)
{
	if (v > load_relaxed(c))
		store_relaxed(c, v);
}

#endif
