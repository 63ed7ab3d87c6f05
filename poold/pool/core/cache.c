/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of shadow tables by (gpa, role), and what a cached table of another kind at the same place proves. Part of the
 * pool library: any caller of it, under the VM's lock.
 *
 * The bucket is a function of the gfn alone, so one bucket holds all shadows of a guest page; the monitor's look-up relies
 * on that.
 */
#include <string.h>

#include "poold/pool/core/pool_priv.h"

uint32_t cache_bucket(const struct pool *p, uint64_t gpa)
{
	return (uint32_t)((gfn_of(gpa) * 0x9E3779B97F4A7C15ull) >> p->hash_shift);
}

static void cache_insert(struct pool *p, uint32_t page)
{
	uint32_t *head = &p->bucket[cache_bucket(p, p->page[page].gpa)];

	p->page[page].hash_next = *head;
	p->page[page].flags |= PAGE_HASHED;
	*head = page;
}

void cache_remove(struct pool *p, uint32_t page)
{
	uint32_t *at = &p->bucket[cache_bucket(p, p->page[page].gpa)];

	for (uint32_t n = 0; *at && n < p->cfg.max_pages; n++, at = &p->page[*at].hash_next) {
		count_steps(p, 1);
		if (*at != page)
			continue;
		*at = p->page[page].hash_next;
		p->page[page].hash_next = PAGE_NIL;
		p->page[page].flags &= ~PAGE_HASHED;
		return;
	}
	pool_corrupt(p);
}

bool cache_key_matches(const struct pool *p, uint32_t page, const struct pool_key *key)
{
	const struct pool_page *pg = &p->page[page];

	if (pg->gpa != key->gpa || pg->role != key->role)
		return false;
	return !(page_kind(p, page)->flags & KF_PDPTE) || !memcmp(pg->pdpte, key->pdpte, sizeof(pg->pdpte));
}

static enum kind_group role_group(uint32_t role)
{
	enum kind_group g = pool_kinds[role_kind(role)].group;

	if (g == GROUP_CHILD)
		return role & ROLE_PAE ? GROUP_P : GROUP_L;
	return g;
}

/*
 * The reuse matrix: a cached table of another kind at the same guest page proves that the guest has recycled the page,
 * unless both belong to one paging format, where a page may well serve two purposes at once (a directory mapped as its
 * own table, a large page over a table).
 */
static bool kind_is_stale(uint32_t cached, uint32_t requested)
{
	enum kind_group c = role_group(cached), r = role_group(requested);

	if (role_kind(cached) == role_kind(requested))
		return false;
	return c != r || c == GROUP_N;
}

/*
 * The bucket changes under a flush, so each one restarts the scan; each takes a page away, so that ends. n counts since
 * the last one: a chain longer than the pool is a circle.
 */
static void cache_drop_stale(struct pool *p, const struct pool_key *key)
{
	uint32_t page = p->bucket[cache_bucket(p, key->gpa)];

	for (uint32_t n = 0; page; n++) {
		const struct pool_page *pg = &p->page[page];
		uint32_t next = pg->hash_next;

		count_steps(p, 1);
		if (n == p->cfg.max_pages) {
			pool_corrupt(p);
			return;
		}

		if (gfn_of(pg->gpa) == gfn_of(key->gpa)) {
			if (!kind_is_stale(pg->role, key->role)) {
				stat_inc(p, POOL_STAT_cache_role_mismatch);
			} else if (!pg->lock && !(page_kind(p, page)->flags & KF_ROOT)) {
				stat_inc(p, POOL_STAT_cache_kind_mismatch);
				if (page_flush(p, page)) {
					pool_corrupt(p);
					return;
				}
				next = p->bucket[cache_bucket(p, key->gpa)];
				n = 0;
			}
		}
		page = next;
	}
}

uint32_t cache_lookup(struct pool *p, const struct pool_key *key)
{
	uint32_t page = p->bucket[cache_bucket(p, key->gpa)];
	uint32_t probes = 0;

	for (; page && probes < p->cfg.max_pages; probes++, page = p->page[page].hash_next) {
		count_steps(p, 1);
		if (!cache_key_matches(p, page, key))
			continue;
		if (!p->page[page].lock) {
			age_remove(p, page);
			age_insert(p, page);
		}
		if (p->page[page].gt != GT_NIL) {
			policy_used(p, p->page[page].gt);
			if (p->gtable[p->page[page].gt].mods)
				gtable_mods_set(p, p->page[page].gt, 1);
		}
		stat_inc(p, POOL_STAT_cache_hits);
		return page;
	}
	counter_max(&p->stats[POOL_STAT_hash_probe_max], probes);
	stat_inc(p, POOL_STAT_cache_misses);
	cache_drop_stale(p, key);
	return PAGE_NIL;
}

static void owned_entries_set(struct pool *p, uint32_t page)
{
	format_put(p, page, p->cfg.stub_slot, p->cfg.stub_entry | ENTRY_OWNED);
	p->page[page].flags &= ~PAGE_ZEROED;
}

enum pool_status cache_page(struct pool *p, const struct pool_key *key, uint32_t *out)
{
	const struct pool_kind *k = &pool_kinds[role_kind(key->role)];
	enum pool_status status;
	struct pool_page *pg;
	uint32_t page = cache_lookup(p, key);

	*out = page;
	if (page)
		return POOL_CACHED;
	/* "There is none" is the only failure that a new page answers: anything else would give one key two pages. */
	if (p->corrupt)
		return POOL_E_CORRUPT;
	status = page_alloc(p, &page);
	if (status != POOL_OK)
		return status;

	pg = &p->page[page];
	pg->gpa = key->gpa;
	pg->role = key->role;
	pg->level = k->level;
	pg->first_present = k->count;
	if (k->flags & KF_PDPTE)
		memcpy(pg->pdpte, key->pdpte, sizeof(pg->pdpte));
	p->kind_pages[role_kind(key->role)]++;
	if (k->flags & KF_OWNED)
		owned_entries_set(p, page);
	cache_insert(p, page);
	age_insert(p, page);
	if (k->flags & KF_MONITORED)
		monitor_insert(p, page);
	stat_inc(p, p->cfg.cache_off ? POOL_STAT_cache_uncacheable : POOL_STAT_cache_cacheable);
	*out = page;
	return POOL_OK;
}

/* All roots of one guest page are in one bucket. The scan goes on with what followed the page before it moved. */
void cache_roots_dying(struct pool *p, uint64_t gfn)
{
	uint32_t page = p->bucket[cache_bucket(p, gfn << PAGE_SHIFT)];

	for (uint32_t n = 0; page && n < p->cfg.max_pages; n++, page = p->page[page].hash_next) {
		if (gfn_of(p->page[page].gpa) != gfn || !(page_kind(p, page)->flags & KF_ROOT) || p->page[page].lock)
			continue;
		age_remove(p, page);
		age_append(p, page);
		stat_inc(p, POOL_STAT_root_dying);
	}
}
