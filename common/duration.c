/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See duration.h. Any process; the thread that times writes, any thread reads. */
#include "common/duration.h"

#include <stddef.h>

#include "common/counters.h"

const struct duration_name duration_pool_names[POOL_DURATION_COUNT] = {
#define X(name, one_in) [POOL_DURATION_##name] = { #name, one_in },
	POOL_DURATIONS(X)
#undef X
};

void duration_timer_init(struct duration_timer *t, struct duration *to, uint32_t one_in)
{
	*t = (struct duration_timer){ .to = one_in ? to : NULL, .one_in = one_in, .left = 1 };
}

static unsigned bucket_of(uint64_t ticks)
{
	unsigned i = 63u - (unsigned)__builtin_clzll(ticks | 1);

	return i < DURATION_BUCKETS ? i : DURATION_BUCKETS - 1;
}

void duration_add(struct duration *d, uint64_t ticks)
{
	/* The thread may have moved to a processor whose TSC is behind: no time is better than one of centuries. */
	if (ticks >> 63)
		return;
	counter_add(&d->samples, 1);
	counter_add(&d->ticks, ticks);
	counter_max(&d->longest, ticks);
	counter_add(&d->bucket[bucket_of(ticks)], 1);
}

void duration_sum(struct duration *sum, const struct duration *d)
{
	uint64_t longest = load_relaxed(&d->longest);

	sum->samples += load_relaxed(&d->samples);
	sum->ticks += load_relaxed(&d->ticks);
	if (longest > sum->longest)
		sum->longest = longest;
	for (unsigned i = 0; i < DURATION_BUCKETS; i++)
		sum->bucket[i] += load_relaxed(&d->bucket[i]);
}
