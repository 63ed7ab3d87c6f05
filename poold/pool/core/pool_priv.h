/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the pool library share: kinds, roles, descriptors of pages, guest tables, users and extents. Nobody
 * outside poold/pool/ includes this, but tests that inject faults. Everything runs under the caller's lock of the VM.
 */
#ifndef SHADOWPOOL_POOLD_POOL_PRIV_H
#define SHADOWPOOL_POOLD_POOL_PRIV_H

#include "common/barrier.h"
#include "common/counters.h"
#include "common/duration.h"
#include "common/pool_stats.h"
#include "common/walk.h"
#include "common/write_policy.h"
#include "common/x86.h"
#include "poold/pool/base/debt.h"
#include "poold/pool/base/kinds.h"
#include "poold/pool/base/role.h"
#include "poold/pool/base/types.h"

/* Each index space has its own sentinel: page 0 is never used, the others count from 0. */
#define PAGE_NIL	0u
#define USER_NIL	0xffffffffu
#define EXT_NIL		0xffffffffu
#define GT_NIL		0xffffffffu
#define RAM_NIL		0xffffffffu
#define GPA_NIL		(~0ull)
#define SLOT_NIL	0xffffu

/* Software bits of a shadow entry (SDM vol. 3A 4.5: bits 11:9 are ignored by the CPU). */
#define ENTRY_TRACK_DIRTY	(1ull << 9)	/* writable but for the guest's D bit */
#define ENTRY_OWNED		(1ull << 10)	/* the monitor's, never a pool page */
#define ENTRY_GUARDED		(1ull << 11)	/* writable but for the monitoring of its target */
/*
 * Bit 52 (ignored too): a page that the guest's SMAP lets the supervisor fetch from but not read. No entry can say that,
 * so the leaf is there for the fetch only and goes with the next request.
 */
#define ENTRY_FETCH		(1ull << 52)
#define ENTRY_DEFERRED		(ENTRY_TRACK_DIRTY | ENTRY_GUARDED)

#define LARGE_SIZE		(2ull << 20)

#define POOL_SLOTS		512u
#define POOL_MAX_PATH		5u
#define POOL_MAX_OPEN		4u
#define POOL_EVICT_BATCH	16u		/* pages evicted at a time, so that one NEED_FLUSH serves many */
#define POOL_MAX_UNSHADOW	4u		/* places kept of what one instruction wrote; see struct pool_vcpu */
#define POOL_MAX_FETCH		2u		/* an instruction may cross a page */
#define POOL_MAX_UNSYNC		64u		/* the most that the configuration's unsync_tables may be */
#define POOL_LEVELS		5u		/* levels are 1 to 4 */

#define PAGE_ZEROED	(1u << 0)
#define PAGE_HASHED	(1u << 1)
#define PAGE_LIMBO	(1u << 3)

struct pool_page {
	uint64_t gpa;
	uint32_t role;			/* KIND_FREE: free or limbo */
	uint32_t hash_next;		/* next page in the bucket; of a free page or one in limbo: in that list */
	uint32_t age_prev, age_next;	/* prev is newer */
	uint64_t age_at;		/* pool.age_now when it came into the LRU list; at the old end: its neighbour's age_at */
	uint32_t users;
	uint32_t gt;
	uint32_t mon_prev, mon_next;
	uint32_t flush_epoch;
	uint16_t n_present, first_present;
	uint16_t lock;			/* vCPU roots and the running operation */
	uint8_t level, flags;
	uint32_t root_prev, root_next;	/* idle roots; prev is newer */
	uint64_t pdpte[4];		/* KF_PDPTE */
};
_Static_assert(sizeof(struct pool_page) <= 128, "page descriptor");

/* One monitored guest page, whatever the number of its shadows. */
struct pool_gtable {
	uint64_t gfn;
	uint32_t head;			/* monitor chain; free: next free gtable */
	uint32_t n_shadows, n_upper;	/* all shadows, and those that are no leaf tables */
	struct write_history history;
	uint32_t mods;			/* saturating */
	uint32_t mod_prev, mod_next;
	uint32_t shoot_epoch;		/* flush that every vCPU must have made before the table is read */
	bool listed, used;
	bool unsync;			/* may be written unseen: in the list of such tables */
	bool closing;			/* unsync, but protected again: read as soon as every vCPU has flushed */
	uint32_t unsync_slot;
};

#define USER_BELOW	4u
struct pool_user {
	uint32_t below[USER_BELOW];	/* of the tree of one table's users; free: the next one, and nothing */
	uint32_t parent;
	uint16_t slot, pad;
};
_Static_assert(sizeof(struct pool_user) == 24 && USER_NIL == 0xffffffff, "user record");

#define EXT_REFS 7u
struct pool_extent {
	uint32_t next;
	uint32_t count;
	uint64_t ref[EXT_REFS];
};
_Static_assert(sizeof(struct pool_extent) == 64, "extent node");

/* Reverse map word: tag in 63:62. */
#define RMAP_TAG(w)	((w) >> 62)
#define RMAP_SINGLE	1ull
#define RMAP_CHAIN	2ull
#define RMAP_OVERFLOW	3ull
#define RMAP_WORD(tag, v)	(((tag) << 62) | (v))
#define RMAP_REF(page, slot)	(((uint64_t)(page) << 10) | (slot))
#define RMAP_REF_PAGE(r)	((uint32_t)((r) >> 10) & 0xffffffu)
#define RMAP_REF_SLOT(r)	((uint32_t)(r) & 0x3ffu)

struct pool_vcpu {
	uint32_t root[2];
	struct pool_modes modes;
	uint32_t acked;			/* flush epoch completed */
	struct pool_debt pending;	/* from posted events */
	uint64_t unshadow_rip;
	uint64_t unshadow_gpa[POOL_MAX_UNSHADOW];	/* a ring: the last ones by unshadow_rip since the last load of a root */
	uint32_t n_unshadow;
};

struct pool_op {
	struct pool_debt debt;
	enum pool_flush scope;		/* what a change costs just now */
	uint64_t scope_gva;
	uint32_t path[POOL_MAX_PATH + 1];
	uint32_t npath;
	uint64_t steps;			/* list elements and entries looked at */
};

struct pool {
	struct pool_config cfg;
	struct pool_callbacks cb;
	uint8_t *arena;
	uint64_t *stats;
	struct duration_timer timer[POOL_DURATION_COUNT];
	struct pool_page *page;
	struct pool_gtable *gtable;
	struct pool_user *user;
	struct pool_extent *extent;
	uint32_t *bucket;
	uint64_t *rmap;			/* one word per RAM gfn */
	uint8_t *state;			/* page_state per RAM gfn */
	uint64_t *large_rmap;		/* one reverse map word per 2 MiB of RAM: the large leaves that map it */
	uint16_t *no_large;		/* per 2 MiB: pages in it that are watched or no RAM */
	uint32_t n_frames;		/* entries of large_rmap and of no_large; 0: no large leaves */
	uint32_t n_gfn, hash_shift;
	uint32_t low_gfn, high_gfn;	/* how many RAM pages lie below 4 GiB, and how many from 4 GiB on */
	uint32_t free_head, n_free;
	uint32_t limbo_head, limbo_tail, n_limbo;
	uint32_t age_head, age_tail, n_aged;
	uint64_t age_now;		/* insertions into the LRU list so far: for the eye, nothing is decided by it */
	uint32_t root_head, root_tail;	/* idle roots, in the order of the LRU list */
	uint32_t n_used, n_pinned, n_idle_roots;
	uint32_t user_free, n_user_free;
	uint32_t ext_free, n_ext_free;
	uint32_t gt_free, n_gtables;
	uint32_t mod_head, n_modified;
	uint32_t unsync[POOL_MAX_UNSYNC], n_unsync;	/* gtables, oldest first */
	uint32_t n_single;		/* gfns whose word is RMAP_SINGLE */
	uint32_t n_overflowed;		/* gfns whose word is RMAP_OVERFLOW */
	uint32_t kind_pages[KIND_COUNT];
	uint64_t n_present;
	uint64_t gen;
	uint32_t epoch;			/* flush epoch of changes made now */
	bool epoch_reported;		/* a result has carried it: the next change starts another one */
	uint32_t reduce_stamp, nonleaf_stamp;
	bool corrupt;
	uint64_t poison;
	uint64_t open[POOL_MAX_OPEN];	/* gfns open for a step */
	uint32_t n_open;
	uint64_t fetch_leaf[POOL_MAX_FETCH];	/* RMAP_REF of leaves with ENTRY_FETCH, 0 for none */
	uint32_t fetch_next;
	uint64_t reserved[4][2][2][POOL_LEVELS][2];	/* paging, nxe, pse, level, large */
	struct pool_op op;
	struct pool_vcpu vcpu[POOL_MAX_VCPUS];
};

static inline void stat_add(struct pool *p, enum pool_stat s, uint64_t n) { counter_add(&p->stats[s], n); }
static inline void stat_inc(struct pool *p, enum pool_stat s) { counter_add(&p->stats[s], 1); }
/* Around what is timed; see duration.h. */
static inline uint64_t time_begin(struct pool *p, enum pool_duration d) { return duration_begin(&p->timer[d]); }
static inline void time_end(struct pool *p, enum pool_duration d, uint64_t begin) { duration_end(&p->timer[d], begin); }
/* doc/spec/pool.md section 1, rule 6: what an operation looks at is bounded, so it is counted. */
static inline void count_steps(struct pool *p, uint64_t n) { p->op.steps += n; }
/* high follows gauge in the list of counters. */
static inline void stat_gauge(struct pool *p, enum pool_stat s, enum pool_stat high, uint64_t v)
{
	counter_set(&p->stats[s], v);
	counter_max(&p->stats[high], v);
}

static inline const struct pool_kind *page_kind(const struct pool *p, uint32_t page)
{
	return &pool_kinds[role_kind(p->page[page].role)];
}
static inline bool page_in_use(const struct pool *p, uint32_t page)
{
	return page && page < p->cfg.max_pages && role_kind(p->page[page].role) > KIND_FREE;
}
static inline uint64_t page_maddr(const struct pool *p, uint32_t page)
{
	return p->cfg.pool_maddr + (uint64_t)page * PAGE_SIZE;
}
/* Raw, for tables with entries of 8 bytes. */
static inline uint64_t *page_slots(const struct pool *p, uint32_t page)
{
	return (uint64_t *)(void *)(p->arena + (uint64_t)page * PAGE_SIZE);
}
static inline uint64_t gfn_of(uint64_t gpa) { return gpa >> PAGE_SHIFT; }
static inline bool epoch_reached(uint32_t acked, uint32_t stamp) { return (int32_t)(acked - stamp) >= 0; }
static inline uint32_t slot_of(const struct pool_kind *k, uint64_t gva) { return (gva >> k->span_shift) & (k->count - 1u); }

/* An internal check failed: every later call but reset and audit is refused. */
void pool_corrupt(struct pool *p);

/* core/epoch.c */
/* The epoch of a change made now. */
uint32_t epoch_stamp(struct pool *p);
bool epoch_vcpu_is_clean(const struct pool *p, uint32_t vcpu);
uint32_t epoch_all_acked(const struct pool *p);

/* core/ram.c */
uint32_t ram_index(const struct pool *p, uint64_t gfn);		/* RAM_NIL: not RAM */
uint64_t ram_gfn(const struct pool *p, uint32_t index);
static inline bool ram_has(const struct pool *p, uint64_t gpa) { return ram_index(p, gfn_of(gpa)) != RAM_NIL; }
/* The only way to guest memory: one atomic load. Not RAM: all ones. */
uint64_t ram_read(const struct pool *p, uint64_t gpa, unsigned size);
uint8_t ram_state(const struct pool *p, uint64_t gfn);
void ram_set_state(struct pool *p, uint64_t gfn, uint8_t bits);
bool ram_is_open(const struct pool *p, uint64_t gfn);
bool ram_is_guarded(const struct pool *p, uint64_t gfn);

/* core/policy.c */
/* Modifications before the table is hot, and whether it is: by its counter, or by what its writes have shown. */
uint32_t policy_limit(const struct pool *p, uint32_t gt);
bool policy_is_hot(const struct pool *p, uint32_t gt);
/* A write that is done: counts it and draws what conclusions the extensions allow. true: it has zeroed something. */
bool policy_written(struct pool *p, uint32_t gt, uint64_t gpa, uint32_t len, uint64_t rip);
/* A walk has used the table, or a look-up has found it. */
void policy_used(struct pool *p, uint32_t gt);
/* Zeros were written to the table: if it was a root and is empty now, the guest lets the address space go. */
void policy_emptied(struct pool *p, uint64_t gfn);
/* Roots of this guest page that no vCPU has loaded become the oldest pages. */
void cache_roots_dying(struct pool *p, uint64_t gfn);

/* core/page.c */
enum pool_status page_alloc(struct pool *p, uint32_t *out);
/* Everything that refers to the page goes, then the page: into limbo. -EINVAL: pinned or not in use. */
int page_flush(struct pool *p, uint32_t page);
/* Clear all entries of a table but the monitor's own. */
void page_empty(struct pool *p, uint32_t page);
void page_pin(struct pool *p, uint32_t page);
void page_unpin(struct pool *p, uint32_t page);
void age_insert(struct pool *p, uint32_t page);
void age_append(struct pool *p, uint32_t page);	/* as the oldest */
void age_remove(struct pool *p, uint32_t page);
/* Flush up to n pages from the old end; how many went. */
uint32_t page_evict(struct pool *p, uint32_t n);
void page_limbo_release(struct pool *p);
void page_lists_init(struct pool *p);

/* core/cache.c */
struct pool_key {
	uint64_t gpa;
	uint32_t role;
	const uint64_t *pdpte;		/* KF_PDPTE */
};
bool cache_key_matches(const struct pool *p, uint32_t page, const struct pool_key *key);
/* PAGE_NIL after the reuse matrix was applied. */
uint32_t cache_lookup(struct pool *p, const struct pool_key *key);
/* A page for the key, cached or new, in the LRU list and monitored if its kind is. */
enum pool_status cache_page(struct pool *p, const struct pool_key *key, uint32_t *out);
uint32_t cache_bucket(const struct pool *p, uint64_t gpa);
void cache_remove(struct pool *p, uint32_t page);

/* core/users.c */
enum pool_status user_reserve(struct pool *p);
void user_add(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot);
void user_remove(struct pool *p, uint32_t child, uint32_t parent, uint32_t slot);
bool user_has(const struct pool *p, uint32_t child, uint32_t parent, uint32_t slot);
/* Calls fn for each record of a page; how many there are, or USER_NIL if the links are damaged. */
uint32_t user_each(const struct pool *p, uint32_t page, void (*fn)(void *ctx, const struct pool_user *user), void *ctx);
void user_init(struct pool *p);

/* core/rmap.c */
void rmap_insert(struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot);
void rmap_remove(struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot);
/* Call fn for each reference; fn may change the entry but not its frame. false: the word is overflowed. */
bool rmap_each(struct pool *p, uint64_t gfn, void (*fn)(struct pool *p, uint32_t page, uint32_t slot));
/* How many leaves of 4 KiB map gfn; all ones: overflowed. */
uint32_t rmap_count(const struct pool *p, uint64_t gfn);
/* Afterwards no leaf maps gfn and its word is 0, also if it was overflowed. */
void rmap_flush(struct pool *p, uint64_t gfn);
bool rmap_has(const struct pool *p, uint64_t gfn, uint32_t page, uint32_t slot);
void rmap_init(struct pool *p);
/*
 * Insert, remove, look up and flush references in one word of a reverse map: rmap's of 4 KiB leaves, or large_rmap's of 2 MiB
 * leaves. rmap_word_flush() is not for a word that is overflowed, which does not say where the leaves are.
 */
void rmap_word_insert(struct pool *p, uint64_t *word, uint64_t ref);
void rmap_word_remove(struct pool *p, uint64_t *word, uint64_t ref);
bool rmap_word_has(const struct pool *p, uint64_t word, uint64_t ref);
void rmap_word_flush(struct pool *p, uint64_t *word);

/* core/large.c: leaves of 2 MiB. Nothing here does anything if the configuration has none. */
uint32_t large_frames(uint32_t low_gfn, uint32_t high_gfn);	/* how many frames RAM of so many pages has */
uint64_t large_frame_gpa(const struct pool *p, uint32_t frame);
uint32_t large_count(const struct pool *p, uint32_t frame);	/* what no_large should be */
void large_init(struct pool *p);
void large_state_changed(struct pool *p, uint64_t gfn, uint8_t was, uint8_t is);
bool large_allowed(const struct pool *p, uint64_t gpa);
uint64_t large_gpa(const struct pool *p, uint64_t entry);	/* of a large leaf; GPA_NIL: not 2 MiB of RAM */
uint64_t *large_word(const struct pool *p, uint64_t gpa);	/* NULL: no frame */
/* Afterwards no large leaf maps gfn. */
void large_flush(struct pool *p, uint64_t gfn);

/*
 * core/format.c: an entry as all others see it, 8 bytes with machine addresses, whatever the table's kind has in memory.
 * Slots are the caller's to check. Idle pages have no format: what is left in them is read in words of 8 bytes.
 */
uint64_t format_get_f32(const struct pool *p, uint32_t page, uint32_t slot);
static inline uint64_t entry_get(const struct pool *p, uint32_t page, uint32_t slot)
{
	if (page_kind(p, page)->entry_size == 4)
		return format_get_f32(p, page, slot);
	return load_relaxed(page_slots(p, page) + slot);
}
/* The bare store: entry_set() is the way to change an entry. */
void format_put(struct pool *p, uint32_t page, uint32_t slot, uint64_t entry);
bool format_fits(const struct pool *p, uint32_t page, uint64_t entry);
/* No entry of the kind leads to a target at or above this. */
uint64_t format_reach(const struct pool_kind *k);

/* Is it a leaf, of either size, and is it one of 2 MiB? */
static inline bool entry_maps_large(const struct pool_kind *k, uint64_t e)
{
	return (k->flags & KF_LARGE) && (e & (PTE_P | PTE_PS)) == (PTE_P | PTE_PS);
}
static inline bool entry_is_leaf(const struct pool_kind *k, uint64_t e)
{
	return k->flags & KF_LEAF || entry_maps_large(k, e);
}

/* core/entry.c */
void entry_set(struct pool *p, uint32_t page, uint32_t slot, uint64_t entry);
/* Zero a whole leaf table, or all large leaves of a directory, whose reverse map has been dropped as a whole. */
void entry_zero_leaf_table(struct pool *p, uint32_t page);
void entry_zero_large_leaves(struct pool *p, uint32_t page);
uint64_t entry_gpa(const struct pool *p, uint64_t entry);	/* leaf: gpa; GPA_NIL outside the windows of RAM and copies */
uint32_t entry_child(const struct pool *p, uint64_t entry);	/* table: page in use; PAGE_NIL */
/* Does an entry say the same as another, rights not yet given (TRACK_DIRTY, GUARDED) counting as given? */
bool entry_matches(uint64_t have, uint64_t want);

/* core/child.c: doc/spec/pool.md section 5, child_get and child_put */
enum pool_status child_get(struct pool *p, const struct pool_key *key, uint32_t parent, uint32_t slot, uint64_t bits,
			  uint32_t *child);
void child_put(struct pool *p, uint32_t parent, uint32_t slot);

/* core/monitor.c */
uint32_t gtable_find(const struct pool *p, uint64_t gfn);
void monitor_insert(struct pool *p, uint32_t page);
void monitor_remove(struct pool *p, uint32_t page);
void monitor_protect(struct pool *p, uint64_t gfn);
void gtable_publish(struct pool *p, uint32_t gt);
void gtable_mods_set(struct pool *p, uint32_t gt, uint32_t mods);
void gtable_mods_add(struct pool *p, uint32_t gt, uint32_t n);
void gtable_mods_decay(struct pool *p);
bool gtable_root_in_use(const struct pool *p, uint64_t gfn);
void gtable_init(struct pool *p);
uint32_t gtable_new(struct pool *p, uint64_t gfn);
void gtable_free(struct pool *p, uint32_t gt);

/* core/unsync.c. Each may answer NEED_SHOOTDOWN: the operation ends with it and is repeated. */
void unsync_init(struct pool *p);
/* Out of the list, the mark is gone; the caller publishes the new state. */
void unsync_unlist(struct pool *p, uint32_t gt);
/*
 * A write to the monitored table gt, whose page has *state, which is brought up to date if it changes here. plain: the write is
 * by an instruction that says nothing about the table's end.
 * POOL_UNSYNC: it may be made natively; POOL_OK: the write policy decides.
 */
enum pool_status unsync_write_fault(struct pool *p, uint32_t gt, uint8_t *state, bool plain);
/* A table is about to be hung under an entry: on a CPU its walk reads memory, so its shadow must be in step. */
enum pool_status unsync_before_child(struct pool *p, const struct pool_key *key);
/*
 * An upper table is about to be linked again with the tables that hang below it: on a CPU the walk through its new parent reads
 * them, so each of them must be in step.
 */
enum pool_status unsync_below_child(struct pool *p, uint32_t page);
/* Nothing is stale any more, because no leaf is left. */
void unsync_forget_all(struct pool *p);

/* core/resync.c. POOL_OK: in step; or NEED_SHOOTDOWN: protected, to be repeated; or E_CORRUPT. The table may go. */
enum pool_status resync_gtable(struct pool *p, uint32_t gt);
enum pool_status resync_gfn(struct pool *p, uint64_t gfn);
enum pool_status resync_all(struct pool *p);

/* core/derive.c: doc/spec/pool.md section 7. Reads guest RAM, changes nothing. */
enum derive_what { DERIVE_ABSENT, DERIVE_OWNED, DERIVE_LEAF, DERIVE_TABLE };
struct derived {
	enum derive_what what;
	bool has_guest;		/* guest holds the guest entry (or PDPTE register) */
	bool bad;		/* present, with reserved bits or a target outside RAM */
	bool split;		/* TABLE: the inside of a large page */
	bool fetch_only;	/* ABSENT but for a fetch: target and bits are those of the leaf */
	bool code;		/* fetches from here are watched */
	bool narrow;		/* of 4 bytes: cannot lead to a copy */
	bool large;		/* TABLE: the entry might map 2 MiB itself, by a large leaf */
	uint64_t large_target;	/* TABLE and large: gpa of the 2 MiB that the large leaf would map */
	uint64_t large_bits;	/* TABLE and large: the large leaf without its address */
	uint64_t guest;
	uint64_t target;	/* LEAF: gpa of the page; TABLE: gpa of the child's key */
	uint32_t role;		/* TABLE: role of the child */
	uint64_t bits;		/* entry without address; W means: as far as the guest's table goes */
};
void derive_slot(const struct pool *p, uint32_t page, uint32_t slot, struct derived *d);
/* The leaf to RAM with what pool_set_code_state() has said of the page, NX or the copy's address. */
uint64_t code_leaf(const struct pool *p, const struct derived *d, uint64_t entry);
bool code_is_copy(const struct pool *p, uint64_t entry);
uint64_t code_copy_gpa(const struct pool *p, uint64_t entry);
/* The page is about to be a guest table, open for a step, or no longer tracked: it has no copy any more. */
void code_copy_end(struct pool *p, uint64_t gfn);
/* Leaves with ENTRY_FETCH: take note of one, and let all go. */
void fetch_leaf_note(struct pool *p, uint32_t page, uint32_t slot);
void fetch_leaf_drop_all(struct pool *p);
/* The large leaf in place of a table; 0: not possible, or not now. */
uint64_t derive_large_entry(const struct pool *p, const struct derived *d);
/* The leaf for a derivation, D and the guard taken into account; 0 if it is no leaf. */
uint64_t derive_leaf_entry(const struct pool *p, const struct derived *d);
struct pool_key derive_key(const struct pool *p, uint32_t page, const struct derived *d);
/*
 * What the slot should hold now: a full entry, for tables only if the present child has the right key; else 0. Where a
 * table and a large leaf are both right, the one that is there.
 */
uint64_t derive_entry(const struct pool *p, uint32_t page, uint32_t slot);
/* Guest entries of [gpa, gpa + len) as the slots of one shadow: false if it has none. */
bool derive_range(const struct pool *p, uint32_t page, uint64_t gpa, uint32_t len, uint32_t *first, uint32_t *end);

#endif
