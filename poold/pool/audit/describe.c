/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in a pool, told page by page: for dumps, statistics and whoever compares two pools. Part of the pool library: any
 * caller of it, under the VM's lock. Changes nothing, neither LRU nor counters.
 */
#include <errno.h>
#include <stdio.h>

#include "poold/pool/audit/audit.h"
#include "poold/pool/core/pool_priv.h"

const char *pool_kind_name(unsigned kind)
{
	return kind < KIND_COUNT ? pool_kinds[kind].name : "?";
}

uint32_t pool_pages_of_kind(const struct pool *p, unsigned kind)
{
	return kind < KIND_COUNT ? p->kind_pages[kind] : 0;
}

int pool_vcpu_roots(const struct pool *p, uint32_t vcpu, uint64_t root[2], struct pool_modes *modes)
{
	if (vcpu >= p->cfg.nvcpu)
		return -EINVAL;
	for (unsigned i = 0; i < 2; i++)
		root[i] = p->vcpu[vcpu].root[i] ? page_maddr(p, p->vcpu[vcpu].root[i]) : 0;
	*modes = p->vcpu[vcpu].modes;
	return 0;
}

bool pool_table_is_unsync(const struct pool *p, uint32_t page)
{
	uint32_t gt = page_in_use(p, page) ? p->page[page].gt : GT_NIL;

	return gt < p->cfg.max_pages && p->gtable[gt].unsync;
}

uint8_t pool_page_state(const struct pool *p, uint64_t gfn)
{
	return ram_state(p, gfn);
}

bool pool_page_describe(const struct pool *p, uint32_t page, struct pool_page_info *out)
{
	const struct pool_page *pg;

	if (!page || page >= p->cfg.max_pages || !page_in_use(p, page))
		return false;
	pg = &p->page[page];
	*out = (struct pool_page_info){
		.gpa = pg->gpa, .role = pg->role, .kind = (uint8_t)role_kind(pg->role), .lock = pg->lock,
		.n_present = pg->n_present, .flags = pg->flags, .count = page_kind(p, page)->count,
	};
	return true;
}

uint64_t pool_page_entry(const struct pool *p, uint32_t page, uint32_t slot)
{
	if (!page || page >= p->cfg.max_pages || !page_in_use(p, page) || slot >= page_kind(p, page)->count)
		return 0;
	return entry_get(p, page, slot);
}

static void count_user(void *ctx, const struct pool_user *user)
{
}

static void page_report(const struct pool *p, uint32_t page, struct pool_page_report *out)
{
	const struct pool_page *pg = &p->page[page];
	uint64_t gfn = gfn_of(pg->gpa);

	*out = (struct pool_page_report){
		.gpa = pg->gpa, .page = page, .role = pg->role, .kind = (uint8_t)role_kind(pg->role), .n_present = pg->n_present,
		.pins = pg->lock, .age = pg->lock ? 0 : p->age_now - pg->age_at, .users = user_each(p, page, count_user, NULL),
		.references = ram_index(p, gfn) == RAM_NIL ? 0 : rmap_count(p, gfn),
	};
	if (pg->gt < p->cfg.max_pages) {
		out->monitored = true;
		out->mods = p->gtable[pg->gt].mods;
		out->hot = policy_is_hot(p, pg->gt);
		out->unsync = p->gtable[pg->gt].unsync;
	}
}

uint32_t pool_pages_report(const struct pool *p, uint32_t first, unsigned kind, struct pool_page_report *out, uint32_t max,
			   uint32_t *next)
{
	uint32_t page = first ? first : 1, looked = 0, n = 0;

	for (; page < p->cfg.max_pages && n < max && looked < POOL_REPORT_LOOK; page++, looked++)
		if (page_in_use(p, page) && (!kind || role_kind(p->page[page].role) == kind))
			page_report(p, page, &out[n++]);
	*next = page < p->cfg.max_pages ? page : 0;
	return n;
}

void pool_role_text(uint32_t role, char *text, uint64_t size)
{
	static const struct { uint32_t bit; const char *name; } bits[] = {
		{ ROLE_WP, "wp" }, { ROLE_NXE, "nxe" }, { ROLE_SMEP, "smep" }, { ROLE_SMAP, "smap" }, { ROLE_LM, "lm" },
		{ ROLE_PSE, "pse" }, { ROLE_PAE, "pae" }, { ROLE_CODE, "code" },
	};
	uint64_t at = (uint64_t)snprintf(text, size, "%s", role & ROLE_USER ? "user" : "supervisor");

	if (role_quad(role) && at < size)
		at += (uint64_t)snprintf(text + at, size - at, " q%u", role_quad(role));
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]) && at < size; i++)
		if (role & bits[i].bit)
			at += (uint64_t)snprintf(text + at, size - at, " %s", bits[i].name);
}

bool pool_cache_is_on(const struct pool *p)
{
	return !p->cfg.cache_off;
}
