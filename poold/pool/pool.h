/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow page pool: guest paging structures in, shadow paging structures out, kept in step. A library without system
 * calls, clock, allocation after creation, threads or global state; one struct pool serves one VM; the caller holds one
 * lock per VM. Rules, kinds and invariants: doc/pool.md.
 *
 * Every operation fills a struct pool_result. On any POOL_E_* nothing of the call has taken effect and every out-parameter
 * is nil. E_NOMEM may have evicted tables, and keeps those of the path that it could make: they are in step and go like
 * others. NEED_SHOOTDOWN and NEED_FLUSH: do what is named, pool_flush_done(), repeat the same call.
 */
#ifndef SHADOWPOOL_POOLD_POOL_H
#define SHADOWPOOL_POOLD_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/guest_ram.h"
#include "common/pool_stats.h"
#include "common/write_class.h"
#include "poold/pool/base/words.h"

struct pool;

/* Entries of the shadow tables of 32-bit and unpaged guests. PAE and 4-level guests always have POOL_F64. */
enum pool_format {
	POOL_F64,	/* 8 bytes: what a CPU in long mode walks */
	POOL_F32,	/* 4 bytes, relative to RAM and pool: for pool_walk() alone; targets above 4 GiB are never present */
};

struct pool_config {
	struct guest_ram ram;		/* ranges; base may be NULL if callbacks.read is set */
	uint64_t ram_maddr;		/* machine address of gpa 0 */
	uint64_t pool_maddr;		/* machine address of the arena, 2 MiB aligned */
	uint64_t copies_maddr;		/* that of gpa 0 in the window of copies, as large as RAM's; 0: none, and no code is watched */
	uint32_t max_pages;		/* arena pages of 4 KiB, page 0 is never used; at least POOL_MIN_PAGES */
	uint8_t maxphyaddr;
	uint8_t nvcpu;
	uint16_t stub_slot;		/* PML4 index reserved in every root */
	uint64_t stub_entry;		/* copied there, software bit OWNED added */
	/* limits; 0 takes the default of doc/spec/pool.md section 4 */
	uint32_t max_users;
	uint32_t max_extents;
	uint32_t rmap_nodes_per_gfn;
	uint32_t cached_roots;
	uint32_t prefetch;		/* window in entries, 1 to 64 */
	uint32_t hot_limit;		/* modifications before a table is hot */
	uint32_t hot_leaf;		/* the same for leaf tables that may go unsync; 0: hot_limit */
	uint32_t hot_upper;		/* the same for tables that are not leaf tables; 0: hot_limit */
	enum pool_format legacy_format;	/* a pool that a CPU walks must have POOL_F64 */
	/* extensions, each may be off */
	uint32_t extensions;		/* of the write policy, WRITE_EXT_* */
	uint32_t unsync_tables;		/* leaf tables that may be out of step at one time, up to 64; 0: off */
	bool large_leaves;		/* 2 MiB of a large guest page or of unpaged memory by one entry */
	bool cache_off;			/* tables are flushed at their last put */
};

#ifndef POOL_MIN_PAGES			/* smaller for fuzzing alone */
#define POOL_MIN_PAGES 512u		/* 2 MiB */
#endif

struct pool_callbacks {
	void *ctx;
	/*
	 * page_state of gfn is now bits (PAGE_STATE_*). Called before write permission is removed when a bit is set, after
	 * the last monitor left when one is cleared; the callee publishes with a full fence (site S2).
	 */
	void (*state_changed)(void *ctx, uint64_t gfn, uint8_t bits);
	/* Optional. Every store over an entry that was present. */
	void (*entry_changed)(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
	/*
	 * Optional. Replaces the pool's own atomic load of guest RAM: size is 4 or 8, gpa aligned to it and inside RAM.
	 * A recorder loads and notes, a replayer answers from its notes.
	 */
	uint64_t (*read)(void *ctx, uint64_t gpa, unsigned size);
};

struct pool_result {
	enum pool_status status;
	enum pool_flush flush;
	uint64_t flush_gva;		/* FLUSH_GVA: the gva; FLUSH_ROOT: the root's machine address */
	uint64_t root[2];		/* machine addresses, [0] supervisor [1] user view; 0: unchanged */
	uint8_t ntouch;			/* tables with an entry changed while present; POOL_TOUCH_TOO_MANY: all of them */
	uint64_t touch[POOL_MAX_TOUCH];	/* their machine addresses */
	uint64_t entry;			/* leaf installed by map */
	uint64_t gen;			/* generation: changes with every change to the arena */
	uint32_t epoch;			/* flush epoch to acknowledge */
	uint32_t prefetched;
};

/* Paging state of a vCPU as loaded by the guest. pdpte is used in PAE mode only. */
struct pool_modes {
	uint64_t cr0, cr3, cr4, efer;
	bool ac;			/* RFLAGS.AC */
	bool watch_code;		/* the supervisor view executes only what pool_set_code_state() allows */
	uint64_t pdpte[4];
};

/* Result of a walk that trapd has made (A and D already set). */
struct pool_map_args {
	uint64_t gva, gpa;
	uint64_t walk[4];		/* guest entries, top level first */
	uint8_t nwalk;
	bool write, fetch, user_view;
};

/* NULL, or what is wrong with a configuration. */
const char *pool_config_error(const struct pool_config *config);
/* Bytes of tracking memory that config needs; 0 if config is not valid. */
uint64_t pool_memory_needed(const struct pool_config *config);
/*
 * arena: max_pages * 4 KiB, zeroed, 2 MiB aligned in machine space. tracking: pool_memory_needed() bytes, zeroed, never
 * mapped into the VM. stats: POOL_STAT_COUNT counters, written relaxed. All three stay the caller's and outlive the pool.
 * Returns 0 or -EINVAL with one line in err.
 */
int pool_create(struct pool **out, const struct pool_config *config, const struct pool_callbacks *callbacks, void *arena,
		void *tracking, uint64_t *stats, char *err, uint64_t err_size);

/* All of these: vcpu < nvcpu or E_INVAL. Preconditions and effects: doc/spec/pool.md section 5. "Events consumed" is the caller's duty. */
void pool_set_root(struct pool *p, uint32_t vcpu, const struct pool_modes *modes, struct pool_result *r);
void pool_clear_root(struct pool *p, uint32_t vcpu, struct pool_result *r);
/* A hint: the guest lets the address space of this CR3 go. Its roots, unless loaded, are the next ones to be evicted. */
void pool_root_dying(struct pool *p, uint64_t cr3, struct pool_result *r);
/* E_RANGE: gpa is not RAM, or no entry of the format can lead to it. */
void pool_map(struct pool *p, uint32_t vcpu, const struct pool_map_args *a, struct pool_result *r);
void pool_dirty(struct pool *p, uint32_t vcpu, uint64_t gva, bool user_view, struct pool_result *r);
/* The write is done in RAM. 1 <= len <= PAGE_SIZE, inside one page. A gfn that is not monitored: OK, nothing happens. */
void pool_guest_write(struct pool *p, uint32_t vcpu, uint64_t gpa, uint32_t len, enum write_class class, bool user,
		      uint64_t rip, struct pool_result *r);
void pool_guest_range_changed(struct pool *p, uint64_t gpa, uint64_t len, struct pool_result *r);
void pool_write_fault(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, enum write_class class, uint64_t rip,
		      uint32_t size, struct pool_result *r);
void pool_unshadow(struct pool *p, uint32_t vcpu, uint64_t gva, uint64_t gpa, uint64_t rip, struct pool_result *r);
void pool_open(struct pool *p, uint32_t vcpu, uint64_t gfn, struct pool_result *r);
void pool_close(struct pool *p, uint32_t vcpu, struct pool_result *r);
void pool_invlpg(struct pool *p, uint32_t vcpu, uint64_t gva, bool all_roots, struct pool_result *r);
/*
 * Bring the table at gfn, or all, back into step with the guest's: afterwards their writes are seen again. Nothing to do:
 * OK. NEED_SHOOTDOWN with several vCPUs. E_RANGE: gfn is not RAM. No vCPU may run that has not flushed what the result says.
 */
#define POOL_RESYNC_ALL (~0ull)
void pool_resync(struct pool *p, uint32_t vcpu, uint64_t gfn, struct pool_result *r);
void pool_track(struct pool *p, uint64_t gfn, bool on, struct pool_result *r);
/*
 * What gfn is to watched code from now on; takes over what pool_track() has said of it, which in turn ends a copy when it lets
 * go. All its leaves go. A page that is a guest table has no copy: POOL_CODE_STATE_COPY is then POOL_CODE_STATE_RAM, as
 * page_state shows. Writable translations of other vCPUs are the caller's to shoot down before he reads the page. E_INVAL:
 * there is no window of copies.
 */
void pool_set_code_state(struct pool *p, uint64_t gfn, enum pool_code_state code, struct pool_result *r);
void pool_clear_all(struct pool *p, struct pool_result *r);
void pool_flush_all(struct pool *p, struct pool_result *r);
void pool_reset(struct pool *p);
/* vcpu (or all of them) has made a full flush not older than epoch. */
void pool_flush_done(struct pool *p, uint32_t vcpu, bool all_vcpus, uint32_t epoch);
/*
 * Carries what posted events changed (list of touched tables, flush scope) into *r and forgets it: the server calls it
 * once per reply, after the operation, with that operation's result.
 */
void pool_merge_pending(struct pool *p, uint32_t vcpu, struct pool_result *r);

/* A software walk over the arena; for tests, audit, replay and the walk verb. */
struct pool_walk_step {
	uint32_t page, slot;
	uint64_t entry;			/* in the form of 8 bytes, whatever the table has */
	uint64_t maddr;			/* of the entry */
	uint8_t kind, level;
};
struct pool_walk {
	struct pool_walk_step step[5];
	uint8_t nsteps;
	bool present, writable, nx;
	uint64_t gpa;			/* if present */
};
/* root: machine address. 0 or -ENOENT (not present: the steps so far are filled), -EINVAL (root not a root of this pool). */
int pool_walk(const struct pool *p, uint64_t root, uint64_t gva, struct pool_walk *out);
/* Current roots of a vCPU (0: none) and the modes they were made from. */
int pool_vcpu_roots(const struct pool *p, uint32_t vcpu, uint64_t root[2], struct pool_modes *modes);

enum pool_audit_mode { POOL_AUDIT_CHEAP, POOL_AUDIT_FULL };
struct pool_violation {
	uint8_t rule;			/* 1 to 24: A1 .. A24 */
	uint32_t page, slot;
	uint64_t expected, found;
};
/* Quiescent. Fills up to max violations and returns how many there are in all. Changes nothing. */
uint32_t pool_audit(struct pool *p, enum pool_audit_mode mode, struct pool_violation *out, uint32_t max);
const char *pool_kind_name(unsigned kind);
/* Test hook: flip the frame of the n-th present leaf from now on installed. 0: off. */
void pool_poison_leaf(struct pool *p, uint64_t nth);
/* Statistics of one kind: pages in use. */
uint32_t pool_pages_of_kind(const struct pool *p, unsigned kind);
/* One page that a root leads to; gva in canonical form. */
struct pool_translation {
	uint64_t gva, gpa;
	bool writable, nx;
	bool unsync;			/* its table is out of step: it may be stale, as a TLB is */
};
/* false: enough. */
typedef bool pool_translation_fn(void *ctx, const struct pool_translation *t);
/*
 * All translations that root (a machine address) leads to, by slot. 0; -ECANCELED: each() said enough; -E2BIG: there are
 * too many ways to them, some are left out; -EINVAL: no root of this pool.
 */
int pool_translations(const struct pool *p, uint64_t root, pool_translation_fn *each, void *ctx);
/* Digest of the translations of every vCPU's roots: the same for pools of any size and format that say the same. */
void pool_semantic_digest(const struct pool *p, uint64_t out[2]);
/* Is the guest table of this page out of step? */
bool pool_table_is_unsync(const struct pool *p, uint32_t page);
/* page_state of a guest page, as callbacks.state_changed was last told; 0 if it is no RAM. */
uint8_t pool_page_state(const struct pool *p, uint64_t gfn);

/* For dumps. */
struct pool_page_info {
	uint64_t gpa;
	uint32_t role;
	uint16_t lock, n_present, count;	/* count: its entries */
	uint8_t kind, flags;
};
/* false: not in use. */
bool pool_page_describe(const struct pool *p, uint32_t page, struct pool_page_info *out);
/* In the form of 8 bytes; 0 if there is no such page in use or slot. */
uint64_t pool_page_entry(const struct pool *p, uint32_t page, uint32_t slot);
/* 128-bit digest of doc/spec/pool.md section 11. */
void pool_digest(const struct pool *p, uint64_t out[2]);

#endif
