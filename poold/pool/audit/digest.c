/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A digest of the whole state, so that two runs of the same calls can be compared. Part of the pool library: any caller of
 * it, under the VM's lock. Changes nothing.
 */
#include "poold/pool/audit/audit.h"
#include "poold/pool/audit/mix.h"
#include "poold/pool/core/pool_priv.h"

/* The sum of each one's mixed value: what was at which depth of their tree is history, and no state. */
static void mix_user(void *ctx, const struct pool_user *u)
{
	struct digest one = { 3, 4 };
	uint64_t *sum = ctx;

	mix(&one, (uint64_t)u->parent << 16 | u->slot);
	*sum += one.a ^ one.b;
}

static void mix_page(struct digest *d, const struct pool *p, uint32_t page)
{
	const struct pool_page *pg = &p->page[page];
	uint64_t users = 0;

	mix(d, page);
	mix(d, pg->gpa);
	mix(d, pg->role);
	mix(d, (uint64_t)pg->lock << 32 | (uint64_t)pg->n_present << 8 | pg->flags);
	for (uint32_t s = 0; s < page_kind(p, page)->count; s++)
		mix(d, entry_get(p, page, s));
	mix(d, user_each(p, page, mix_user, &users));
	mix(d, users);
}

static void mix_list(struct digest *d, const struct pool *p, uint32_t page, bool by_age)
{
	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++) {
		mix(d, page);
		page = by_age ? p->page[page].age_next : p->page[page].hash_next;
	}
	mix(d, ~0ull);
}

/*
 * The references of one gfn in an order of their own: a sum over each one's mixed value, so that neither the history of
 * the chain nor a sort buffer is needed.
 */
static void mix_rmap(struct digest *d, const struct pool *p, uint64_t word, uint32_t i)
{
	uint64_t sum = 0;
	uint32_t x = RMAP_TAG(word) == RMAP_CHAIN ? (uint32_t)word : EXT_NIL;

	if (RMAP_TAG(word) == RMAP_SINGLE) {
		struct digest one = { 1, 2 };

		mix(&one, word & ~RMAP_WORD(3ull, 0));
		sum = one.a ^ one.b;
	}
	for (uint32_t n = 0; x < p->cfg.max_extents && n <= p->cfg.rmap_nodes_per_gfn; n++, x = p->extent[x].next)
		for (uint32_t j = 0; j < p->extent[x].count && j < EXT_REFS; j++) {
			struct digest one = { 1, 2 };

			mix(&one, p->extent[x].ref[j]);
			sum += one.a ^ one.b;
		}
	mix(d, i);
	mix(d, RMAP_TAG(word));
	mix(d, sum);
}

static bool counter_is_digested(enum pool_stat s)
{
	return s != POOL_STAT_steps_max && s != POOL_STAT_hash_probe_max && s != POOL_STAT_audit_runs &&
	       s != POOL_STAT_audit_violations && s != POOL_STAT_trace_records && s != POOL_STAT_trace_dropped;
}

void pool_digest(const struct pool *p, uint64_t out[2])
{
	struct digest d = { 0x736861646f77ull, 0x706f6f6cull };
	uint32_t gt = p->mod_head;

	for (uint32_t page = 1; page < p->cfg.max_pages; page++)
		if (page_in_use(p, page))
			mix_page(&d, p, page);
	mix_list(&d, p, p->age_head, true);
	mix_list(&d, p, p->limbo_head, false);
	mix_list(&d, p, p->free_head, false);
	for (uint32_t n = 0; gt != GT_NIL && n < p->cfg.max_pages; n++, gt = p->gtable[gt].mod_next) {
		mix(&d, p->gtable[gt].gfn);
		mix(&d, p->gtable[gt].mods);
	}
	for (uint32_t i = 0; i < p->n_unsync && i < POOL_MAX_UNSYNC; i++)
		mix(&d, p->gtable[p->unsync[i]].gfn << 1 | p->gtable[p->unsync[i]].closing);
	for (uint32_t i = 0; i < p->n_gfn; i++)
		if (p->rmap[i])
			mix_rmap(&d, p, p->rmap[i], i);
	for (uint32_t i = 0; i < p->n_frames; i++)
		if (p->large_rmap[i])
			mix_rmap(&d, p, p->large_rmap[i], ~i);
	for (unsigned s = 0; s < POOL_STAT_COUNT; s++)
		if (counter_is_digested((enum pool_stat)s))
			mix(&d, load_relaxed(&p->stats[s]));
	out[0] = d.a;
	out[1] = d.b;
}
