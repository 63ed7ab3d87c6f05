/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What recorder and replayer must compute alike. Pure functions, any thread. */
#include <string.h>

#include "poold/trace/trace.h"

#define TRACE_KINDS 32u	/* a kind has five bits in a role */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

uint64_t trace_hash(uint64_t hash, const void *data, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		hash = mix(hash, word);
	}
	return hash;
}

static uint64_t mix_name(uint64_t hash, const char *name)
{
	while (name && *name)
		hash = mix(hash, (uint8_t)*name++);
	return mix(hash, 0);
}

uint64_t trace_library(void)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < TRACE_KINDS; i++)
		hash = mix_name(hash, pool_kind_name(i));
	for (unsigned i = 0; i < POOL_CALL_COUNT; i++)
		hash = mix_name(hash, call_name(i));
	for (unsigned i = 0; i < POOL_STAT_COUNT; i++)
		hash = mix_name(hash, pool_stat_name[i]);
	return hash;
}

uint64_t trace_state_hash(uint64_t states, uint64_t gfn, uint8_t bits)
{
	return mix(mix(states, gfn), bits);
}

uint64_t trace_entry_hash(uint64_t states, uint32_t page, uint32_t slot, uint64_t old, uint64_t new)
{
	return mix(mix(mix(states, (uint64_t)page << 16 | slot), old), new);
}

void trace_result_pack(struct trace_result *out, const struct pool_call *call, const struct pool_call_out *from,
		       uint64_t states)
{
	const struct pool_result *r = &from->result;
	uint64_t hash = states;

	if (call->op == POOL_CALL_AUDIT) {
		*out = (struct trace_result){ .status = from->nviolations, .hash = hash };
		return;
	}
	hash = mix(hash, r->flush_gva);
	hash = mix(hash, r->root[0]);
	hash = mix(hash, r->root[1]);
	hash = mix(hash, r->ntouch);
	for (unsigned i = 0; r->ntouch != POOL_TOUCH_TOO_MANY && i < r->ntouch && i < POOL_MAX_TOUCH; i++)
		hash = mix(hash, r->touch[i]);
	hash = mix(hash, r->entry);
	hash = mix(hash, r->gen);
	hash = mix(hash, (uint64_t)r->epoch << 32 | r->prefetched);
	*out = (struct trace_result){ .status = (uint32_t)r->status, .flush = (uint32_t)r->flush, .hash = hash };
}

uint64_t trace_arena_hash(const void *arena, uint32_t npages)
{
	uint64_t hash = 1;

	for (uint32_t i = 0; i < npages; i++) {
		const uint8_t *page = (const uint8_t *)arena + i * 4096ull;

		/* Most pages are free and zero. */
		if (!page[0] && !memcmp(page, page + 1, 4095))
			continue;
		hash = trace_hash(mix(hash, i), page, 4096);
	}
	return hash ? hash : 1;
}
