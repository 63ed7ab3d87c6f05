/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Creation of a pool: limits, memory, initial state, and reset to it. Part of the pool library: the thread that attaches a
 * VM. The only place that lays out memory; nothing is allocated later.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "poold/pool/core/pool_priv.h"
#include "poold/pool/pool.h"

#define MAX_PAGES_LIMIT	(1u << 24)	/* the page field of a reverse map reference */
#define MIN_USERS	16u		/* a path needs four, and some must be left to evict */
#define F32_MAX_PAGES	(1u << 20)	/* 20 address bits name a page of the pool */
#define MAX_RAM_GFNS	(1ull << 28)

static void config_defaults(struct pool_config *c)
{
	if (!c->max_users)
		c->max_users = 2 * c->max_pages;
	if (!c->max_extents)
		c->max_extents = c->max_pages;
	if (!c->rmap_nodes_per_gfn)
		c->rmap_nodes_per_gfn = 64;
	if (!c->cached_roots)
		c->cached_roots = 64;
	if (!c->prefetch)
		c->prefetch = 8;
	if (!c->hot_limit)
		c->hot_limit = WRITE_LIMIT_DEFAULT;
}

/* Each limit by its own field. NULL or what is wrong. */
static const char *config_error(const struct pool_config *c)
{
	uint64_t low = c->ram.low_end, high = c->ram.high_end;

	if (c->max_pages < POOL_MIN_PAGES || c->max_pages > MAX_PAGES_LIMIT)
		return "max_pages must be 512 to 16777216";
	if (c->nvcpu < 1 || c->nvcpu > POOL_MAX_VCPUS)
		return "nvcpu must be 1 to 16";
	if (c->maxphyaddr < 36 || c->maxphyaddr > 52)
		return "maxphyaddr must be 36 to 52";
	if (!low || low > GUEST_RAM_LOW_MAX || low % PAGE_SIZE)
		return "low RAM must be whole pages, up to 3 GiB";
	if (high && (high <= GUEST_RAM_HIGH_BASE || high % PAGE_SIZE || low != GUEST_RAM_LOW_MAX))
		return "high RAM must be whole pages above 4 GiB, with low RAM full";
	if (high && gfn_of(high) > MAX_RAM_GFNS)
		return "RAM must end below 1 TiB";
	if (c->ram_maddr % PAGE_SIZE || c->ram_maddr + guest_ram_span(&c->ram) > PTE_ADDR)
		return "ram_maddr must be page aligned and leave room for RAM";
	if (c->large_leaves && c->ram_maddr % LARGE_SIZE)
		return "ram_maddr must be 2 MiB aligned for large leaves";
	if (c->pool_maddr % (2ull << 20) || c->pool_maddr + c->max_pages * PAGE_SIZE > PTE_ADDR)
		return "pool_maddr must be 2 MiB aligned and leave room for the pool";
	if (ranges_overlap(c->ram_maddr, guest_ram_span(&c->ram), c->pool_maddr, c->max_pages * PAGE_SIZE))
		return "the RAM and pool windows overlap";
	if (c->copies_maddr % PAGE_SIZE || c->copies_maddr + guest_ram_span(&c->ram) > PTE_ADDR)
		return "copies_maddr must be page aligned and leave room for RAM";
	if (c->copies_maddr && ranges_overlap(c->copies_maddr, guest_ram_span(&c->ram), c->ram_maddr, guest_ram_span(&c->ram)))
		return "the windows of RAM and copies overlap";
	if (c->copies_maddr && ranges_overlap(c->copies_maddr, guest_ram_span(&c->ram), c->pool_maddr, c->max_pages * PAGE_SIZE))
		return "the windows of pool and copies overlap";
	if (c->stub_slot < 1 || c->stub_slot >= POOL_SLOTS)
		return "stub_slot must be 1 to 511";
	if (c->max_users < MIN_USERS || c->max_users > 4 * MAX_PAGES_LIMIT)
		return "max_users must be 16 to 67108864";
	if (c->max_extents > MAX_PAGES_LIMIT)
		return "max_extents must be up to 16777216";
	if (c->rmap_nodes_per_gfn > 4096)
		return "rmap_nodes_per_gfn must be 1 to 4096";
	if (c->legacy_format > POOL_F32)
		return "there is no such format of tables";
	if (c->legacy_format == POOL_F32 && c->max_pages > F32_MAX_PAGES)
		return "max_pages must be up to 1048576 with tables of 4-byte entries";
	if (c->prefetch > 64 || c->prefetch & (c->prefetch - 1))
		return "prefetch must be a power of two up to 64";
	if (c->unsync_tables > POOL_MAX_UNSYNC)
		return "unsync_tables must be up to 64";
	return NULL;
}

struct layout {
	uint64_t page, gtable, user, extent, bucket, rmap, state, large_rmap, no_large, size;
	uint32_t n_gfn, n_frames, n_bucket_log2;
};

static uint64_t layout_add(struct layout *l, uint64_t count, uint64_t size)
{
	uint64_t at = l->size;

	l->size = (at + count * size + 63) & ~63ull;
	return at;
}

static void layout_make(const struct pool_config *c, struct layout *l)
{
	memset(l, 0, sizeof(*l));
	l->n_gfn = (uint32_t)gfn_of(c->ram.low_end);
	if (c->ram.high_end)
		l->n_gfn += (uint32_t)gfn_of(c->ram.high_end - GUEST_RAM_HIGH_BASE);
	while ((1u << l->n_bucket_log2) < c->max_pages)
		l->n_bucket_log2++;
	layout_add(l, 1, sizeof(struct pool));
	l->page = layout_add(l, c->max_pages, sizeof(struct pool_page));
	l->gtable = layout_add(l, c->max_pages, sizeof(struct pool_gtable));
	l->user = layout_add(l, c->max_users, sizeof(struct pool_user));
	l->extent = layout_add(l, c->max_extents, sizeof(struct pool_extent));
	l->bucket = layout_add(l, 1ull << l->n_bucket_log2, sizeof(uint32_t));
	l->rmap = layout_add(l, l->n_gfn, sizeof(uint64_t));
	l->state = layout_add(l, l->n_gfn, 1);
	if (c->large_leaves)
		l->n_frames = large_frames((uint32_t)gfn_of(c->ram.low_end), l->n_gfn - (uint32_t)gfn_of(c->ram.low_end));
	l->large_rmap = layout_add(l, l->n_frames, sizeof(uint64_t));
	l->no_large = layout_add(l, l->n_frames, sizeof(uint16_t));
}

const char *pool_config_error(const struct pool_config *config)
{
	struct pool_config c = *config;

	config_defaults(&c);
	return config_error(&c);
}

uint64_t pool_memory_needed(const struct pool_config *config)
{
	struct pool_config c = *config;
	struct layout l;

	config_defaults(&c);
	if (config_error(&c))
		return 0;
	layout_make(&c, &l);
	return l.size;
}

static void reserved_init(struct pool *p)
{
	for (unsigned i = 0; i < 4u * 2 * 2 * POOL_LEVELS * 2; i++) {
		unsigned large = i & 1, level = (i >> 1) % POOL_LEVELS, rest = (i >> 1) / POOL_LEVELS;
		unsigned pse = rest & 1, nxe = rest >> 1 & 1, paging = rest >> 2;
		struct walk_mode m = { .paging = (enum walk_paging)paging, .pse = pse, .nxe = nxe,
				       .maxphyaddr = p->cfg.maxphyaddr };

		p->reserved[paging][nxe][pse][level][large] = walk_reserved_bits(&m, level, large);
	}
}

static void lists_init(struct pool *p)
{
	memset(p->bucket, 0, sizeof(uint32_t) << (64 - p->hash_shift));
	memset(p->rmap, 0, (size_t)p->n_gfn * sizeof(uint64_t));
	memset(p->kind_pages, 0, sizeof(p->kind_pages));
	large_init(p);
	p->n_overflowed = p->n_idle_roots = p->n_open = 0;
	memset(p->fetch_leaf, 0, sizeof(p->fetch_leaf));
	p->n_present = 0;
	counter_set(&p->stats[POOL_STAT_present_entries], 0);
	page_lists_init(p);
	user_init(p);
	rmap_init(p);
	gtable_init(p);
	unsync_init(p);
}

int pool_create(struct pool **out, const struct pool_config *config, const struct pool_callbacks *callbacks, void *arena,
		void *tracking, uint64_t *stats, char *err, uint64_t err_size)
{
	struct pool *p = tracking;
	uint8_t *base = tracking;
	const char *wrong;
	struct layout l;

	*out = NULL;
	memset(p, 0, sizeof(*p));
	p->cfg = *config;
	config_defaults(&p->cfg);
	wrong = config_error(&p->cfg);
	if (!wrong && !config->ram.base && !(callbacks && callbacks->read))
		wrong = "guest RAM needs a mapping or a read callback";
	if (!wrong && pool_kinds_check())
		wrong = "the table of kinds contradicts itself";
	if (wrong) {
		snprintf(err, err_size, "cannot create the pool: %s", wrong);
		return -EINVAL;
	}
	if (callbacks)
		p->cb = *callbacks;
	layout_make(&p->cfg, &l);
	p->arena = arena;
	p->stats = stats;
	p->page = (void *)(base + l.page);
	p->gtable = (void *)(base + l.gtable);
	p->user = (void *)(base + l.user);
	p->extent = (void *)(base + l.extent);
	p->bucket = (void *)(base + l.bucket);
	p->rmap = (void *)(base + l.rmap);
	p->state = base + l.state;
	p->large_rmap = (void *)(base + l.large_rmap);
	p->no_large = (void *)(base + l.no_large);
	p->n_frames = l.n_frames;
	p->n_gfn = l.n_gfn;
	p->low_gfn = (uint32_t)gfn_of(p->cfg.ram.low_end);
	p->high_gfn = l.n_gfn - p->low_gfn;
	p->hash_shift = 64 - l.n_bucket_log2;
	p->epoch = 1;
	reserved_init(p);
	lists_init(p);
	*out = p;
	return 0;
}

void pool_set_durations(struct pool *p, struct duration *durations)
{
	for (unsigned i = 0; i < POOL_DURATION_COUNT; i++)
		duration_timer_init(&p->timer[i], durations ? &durations[i] : NULL, duration_pool_names[i].one_in);
}

void pool_reset(struct pool *p)
{
	memset(p->arena, 0, (size_t)p->cfg.max_pages * PAGE_SIZE);
	for (uint32_t i = 0; i < p->n_gfn; i++)
		if (p->state[i])
			ram_set_state(p, ram_gfn(p, i), 0);
	memset(p->vcpu, 0, sizeof(p->vcpu));
	memset(&p->op, 0, sizeof(p->op));
	lists_init(p);
	p->gen++;
	p->corrupt = false;
	/* No translation that a CPU may hold is valid any more: every vCPU owes a flush that is newer than this. */
	p->reduce_stamp = p->nonleaf_stamp = epoch_stamp(p);
	for (uint32_t v = 0; v < p->cfg.nvcpu; v++) {
		p->vcpu[v].acked = p->epoch - 1;
		debt_flush(&p->vcpu[v].pending, POOL_FLUSH_ALL, 0);
		p->vcpu[v].pending.ntouch = POOL_TOUCH_TOO_MANY;
	}
	stat_inc(p, POOL_STAT_reset);
}

void pool_poison_leaf(struct pool *p, uint64_t nth)
{
	p->poison = nth;
}
