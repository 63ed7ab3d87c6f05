/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reverse map: for each RAM gfn all leaf entries that map it, as (table page, slot). Part of the pool library: any
 * caller of it, under the VM's lock.
 *
 * One word per gfn holds nothing, one reference, or the head of a chain of extents of seven. A gfn with more references
 * than the limit, or one that finds no free extent, is overflowed: its references are then found by a scan of all leaf
 * tables, which also ends that state.
 */
#include <stddef.h>

#include "poold/pool/core/pool_priv.h"

void rmap_init(struct pool *p)
{
	for (uint32_t i = 0; i < p->cfg.max_extents; i++)
		p->extent[i] = (struct pool_extent){ .next = i + 1 < p->cfg.max_extents ? i + 1 : EXT_NIL };
	p->ext_free = p->cfg.max_extents ? 0 : EXT_NIL;
	p->n_single = 0;
	counter_set(&p->stats[POOL_STAT_rmap_single], 0);
	p->n_ext_free = p->cfg.max_extents;
	counter_set(&p->stats[POOL_STAT_ext_used], 0);
}

static uint32_t extent_alloc(struct pool *p)
{
	uint32_t x = p->ext_free;

	if (x >= p->cfg.max_extents) {
		stat_inc(p, POOL_STAT_ext_exhausted);
		return EXT_NIL;
	}
	p->ext_free = p->extent[x].next;
	p->extent[x].next = EXT_NIL;
	p->extent[x].count = 0;
	p->n_ext_free--;
	stat_gauge(p, POOL_STAT_ext_used, POOL_STAT_ext_used_high, p->cfg.max_extents - p->n_ext_free);
	return x;
}

static void extent_free(struct pool *p, uint32_t x)
{
	p->extent[x].count = 0;
	p->extent[x].next = p->ext_free;
	p->ext_free = x;
	p->n_ext_free++;
	counter_set(&p->stats[POOL_STAT_ext_used], p->cfg.max_extents - p->n_ext_free);
}

static void single_count(struct pool *p, bool more)
{
	p->n_single += more ? 1 : -1;
	counter_set(&p->stats[POOL_STAT_rmap_single], p->n_single);
}

static uint64_t *rmap_word(struct pool *p, uint64_t gfn)
{
	uint32_t i = ram_index(p, gfn);

	return i == RAM_NIL ? NULL : &p->rmap[i];
}

static uint32_t chain_head(uint64_t word)
{
	return RMAP_TAG(word) == RMAP_CHAIN ? (uint32_t)word : EXT_NIL;
}

static void rmap_overflow(struct pool *p, uint64_t *word)
{
	uint32_t x = chain_head(*word);

	while (x < p->cfg.max_extents) {
		uint32_t next = p->extent[x].next;

		extent_free(p, x);
		x = next;
	}
	*word = RMAP_WORD(RMAP_OVERFLOW, 0);
	p->n_overflowed++;
	stat_inc(p, POOL_STAT_rmap_overflow);
}

/* Put a reference into any node of the chain with room, else into a new one in front. */
static void chain_insert(struct pool *p, uint64_t *word, uint64_t ref)
{
	uint32_t nodes = 0, x = chain_head(*word);

	for (; x < p->cfg.max_extents && nodes <= p->cfg.rmap_nodes_per_gfn; x = p->extent[x].next, nodes++) {
		struct pool_extent *e = &p->extent[x];

		count_steps(p, 1);
		if (e->count < EXT_REFS) {
			e->ref[e->count++] = ref;
			return;
		}
	}
	x = nodes < p->cfg.rmap_nodes_per_gfn ? extent_alloc(p) : EXT_NIL;
	if (x == EXT_NIL) {
		rmap_overflow(p, word);
		return;
	}
	p->extent[x].ref[0] = ref;
	p->extent[x].count = 1;
	p->extent[x].next = chain_head(*word);
	*word = RMAP_WORD(RMAP_CHAIN, x);
}

void rmap_word_insert(struct pool *p, uint64_t *word, uint64_t ref)
{
	uint64_t first;

	if (!word) {
		pool_corrupt(p);
		return;
	}
	switch (RMAP_TAG(*word)) {
	case 0:
		*word = RMAP_WORD(RMAP_SINGLE, ref);
		single_count(p, true);
		stat_inc(p, POOL_STAT_rmap_virgin);
		break;
	case RMAP_SINGLE:
		first = *word & ~RMAP_WORD(3ull, 0);
		single_count(p, false);
		*word = RMAP_WORD(RMAP_CHAIN, EXT_NIL);
		chain_insert(p, word, first);
		if (RMAP_TAG(*word) == RMAP_CHAIN)
			chain_insert(p, word, ref);
		stat_inc(p, POOL_STAT_rmap_aliased);
		break;
	case RMAP_CHAIN:
		chain_insert(p, word, ref);
		stat_inc(p, POOL_STAT_rmap_aliased_many);
		break;
	default:	/* overflowed: a superset already */
		break;
	}
}

void rmap_insert(struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot)
{
	rmap_word_insert(p, rmap_word(p, gfn), RMAP_REF(page, slot));
}

/* Take one node out of its chain. */
static void chain_unlink(struct pool *p, uint64_t *word, uint32_t prev, uint32_t x)
{
	uint32_t next = p->extent[x].next;

	if (prev != EXT_NIL)
		p->extent[prev].next = next;
	else
		*word = next == EXT_NIL ? 0 : RMAP_WORD(RMAP_CHAIN, next);
	extent_free(p, x);
}

static bool chain_remove(struct pool *p, uint64_t *word, uint64_t ref)
{
	uint32_t prev = EXT_NIL, x = chain_head(*word);

	for (uint32_t n = 0; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; n++, prev = x, x = p->extent[x].next) {
		struct pool_extent *e = &p->extent[x];

		count_steps(p, 1);
		for (uint32_t i = 0; i < e->count && i < EXT_REFS; i++) {
			if (e->ref[i] != ref)
				continue;
			e->ref[i] = e->ref[--e->count];
			if (!e->count)
				chain_unlink(p, word, prev, x);
			return true;
		}
	}
	return false;
}

static void word_remove(struct pool *p, uint64_t *word, uint64_t ref)
{
	stat_inc(p, POOL_STAT_deref);
	if (!word) {
		pool_corrupt(p);
	} else if (RMAP_TAG(*word) == RMAP_OVERFLOW) {
		return;
	} else if (*word == RMAP_WORD(RMAP_SINGLE, ref)) {
		*word = 0;
		single_count(p, false);
	} else if (RMAP_TAG(*word) != RMAP_CHAIN || !chain_remove(p, word, ref)) {
		pool_corrupt(p);
	}
}

void rmap_word_remove(struct pool *p, uint64_t *word, uint64_t ref)
{
	uint64_t begin = time_begin(p, POOL_DURATION_deref);

	word_remove(p, word, ref);
	time_end(p, POOL_DURATION_deref, begin);
}

void rmap_remove(struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot)
{
	rmap_word_remove(p, rmap_word(p, gfn), RMAP_REF(page, slot));
}

bool rmap_word_has(const struct pool *p, uint64_t word, uint64_t ref)
{
	uint32_t x = chain_head(word);

	if (RMAP_TAG(word) == RMAP_OVERFLOW)
		return true;
	if (word == RMAP_WORD(RMAP_SINGLE, ref))
		return true;
	for (uint32_t n = 0; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; n++, x = p->extent[x].next)
		for (uint32_t j = 0; j < p->extent[x].count && j < EXT_REFS; j++)
			if (p->extent[x].ref[j] == ref)
				return true;
	return false;
}

bool rmap_has(const struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot)
{
	uint32_t i = ram_index(p, gfn);

	return rmap_word_has(p, i == RAM_NIL ? 0 : p->rmap[i], RMAP_REF(page, slot));
}

bool rmap_each(struct pool *p, uint64_t gfn, void (*fn)(struct pool *p, uint32_t page, uint32_t slot))
{
	const uint64_t *word = rmap_word(p, gfn);
	uint32_t x;

	if (!word)
		return true;
	if (RMAP_TAG(*word) == RMAP_SINGLE)
		fn(p, RMAP_REF_PAGE(*word), RMAP_REF_SLOT(*word));
	x = chain_head(*word);
	for (uint32_t n = 0; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; n++, x = p->extent[x].next)
		for (uint32_t j = 0; j < p->extent[x].count && j < EXT_REFS; j++)
			fn(p, RMAP_REF_PAGE(p->extent[x].ref[j]), RMAP_REF_SLOT(p->extent[x].ref[j]));
	return RMAP_TAG(*word) != RMAP_OVERFLOW;
}

uint32_t rmap_count(const struct pool *p, uint64_t gfn)
{
	uint64_t word = p->rmap[ram_index(p, gfn)];
	uint32_t x = chain_head(word), count = RMAP_TAG(word) == RMAP_SINGLE;

	for (uint32_t n = 0; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; n++, x = p->extent[x].next)
		count += p->extent[x].count;
	return RMAP_TAG(word) == RMAP_OVERFLOW ? ~0u : count;
}

/* Complete whatever the counters say, and by full address. */
static void rmap_flush_scan(struct pool *p, uint64_t gfn)
{
	uint64_t begin = time_begin(p, POOL_DURATION_scan);

	stat_inc(p, POOL_STAT_flush_gfn_slow);
	for (uint32_t page = 1; page < p->cfg.max_pages; page++) {
		if (!page_in_use(p, page) || !(page_kind(p, page)->flags & KF_LEAF))
			continue;
		count_steps(p, page_kind(p, page)->count);
		for (uint32_t s = 0; s < page_kind(p, page)->count; s++) {
			uint64_t e = entry_get(p, page, s), gpa = entry_gpa(p, e);

			if (!(e & PTE_P) || gpa == GPA_NIL || gfn_of(gpa) != gfn)
				continue;
			entry_set(p, page, s, 0);
			stat_inc(p, POOL_STAT_flush_gfn_entries);
		}
	}
	time_end(p, POOL_DURATION_scan, begin);
}

void rmap_word_flush(struct pool *p, uint64_t *word)
{
	stat_inc(p, RMAP_TAG(*word) == RMAP_SINGLE ? POOL_STAT_flush_gfn_single : POOL_STAT_flush_gfn_list);
	for (uint32_t n = 0; *word && n <= EXT_REFS * p->cfg.rmap_nodes_per_gfn; n++) {
		uint32_t x = chain_head(*word);
		uint64_t ref = x < p->cfg.max_extents ? p->extent[x].ref[0] : *word;

		entry_set(p, RMAP_REF_PAGE(ref), RMAP_REF_SLOT(ref), 0);
		stat_inc(p, POOL_STAT_flush_gfn_entries);
	}
	if (*word)
		pool_corrupt(p);
}

void rmap_flush(struct pool *p, uint64_t gfn)
{
	uint64_t *word = rmap_word(p, gfn);

	large_flush(p, gfn);
	if (!word || !*word)
		return;
	if (RMAP_TAG(*word) == RMAP_OVERFLOW) {
		rmap_flush_scan(p, gfn);
		*word = 0;
		p->n_overflowed--;
		return;
	}
	rmap_word_flush(p, word);
}
