/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes into the pool's operations and what comes out of them: configuration, callbacks, arguments, the result. Users of
 * the library get it with poold/pool/pool.h.
 */
#ifndef SHADOWPOOL_POOLD_POOL_TYPES_H
#define SHADOWPOOL_POOLD_POOL_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/guest_ram.h"
#include "common/write_class.h"
#include "poold/pool/base/words.h"

/* Entries of the shadow tables of 32-bit and unpaged guests. PAE and 4-level guests always have POOL_F64. */
enum pool_format {
	POOL_F64,	/* 8 bytes: what a CPU in long mode walks */
	POOL_F32,	/* 4 bytes, relative to RAM and pool: for pool_walk() alone; targets above 4 GiB are never present */
};

struct pool_config {
	struct guest_ram ram;		/* ranges of RAM; its base may be NULL if callbacks.read is set */
	uint64_t ram_maddr;		/* machine address of gpa 0 */
	uint64_t pool_maddr;		/* machine address of the arena, 2 MiB aligned */
	uint64_t copies_maddr;		/* machine address of gpa 0 in the window of copies; 0: there is none, no code is watched */
	uint32_t max_pages;		/* arena pages of 4 KiB, page 0 is never used; at least POOL_MIN_PAGES */
	uint8_t maxphyaddr;
	uint8_t nvcpu;
	uint16_t stub_slot;		/* PML4 index reserved in every root */
	uint64_t stub_entry;		/* entry that every root has at stub_slot; the software bit OWNED is added */
	/* limits; 0 takes the default of doc/spec/pool.md section 4 */
	uint32_t max_users;
	uint32_t max_extents;
	uint32_t rmap_nodes_per_gfn;
	uint32_t cached_roots;
	uint32_t prefetch;		/* window in entries, 1 to 64 */
	uint32_t hot_limit;		/* modifications above which a table is hot */
	uint32_t hot_leaf;		/* limit of leaf tables where unsync_tables is not 0; 0: hot_limit */
	uint32_t hot_upper;		/* limit of tables that are no leaf tables; 0: hot_limit */
	enum pool_format legacy_format;	/* a pool that a CPU walks must have POOL_F64 */
	/* extensions, each may be off */
	uint32_t extensions;		/* of the write policy, WRITE_EXT_* */
	uint32_t unsync_tables;		/* leaf tables that may be out of step at one time, up to 64; 0: off */
	bool large_leaves;		/* one entry may map 2 MiB of a large guest page or of unpaged memory */
	bool cache_off;			/* a table is flushed when the last entry that leads to it is cleared */
};

#ifndef POOL_MIN_PAGES			/* smaller for fuzzing alone */
#define POOL_MIN_PAGES 512u		/* 2 MiB */
#endif

struct pool_callbacks {
	void *ctx;
	/*
	 * page_state of gfn has these bits (PAGE_STATE_*) from now on. When a bit is set it is called before write permission is
	 * taken away, when a bit is cleared after the last shadow has gone. The callee publishes with a full fence (site S2 of
	 * doc/ring.md).
	 */
	void (*state_changed)(void *ctx, uint64_t gfn, uint8_t bits);
	/* May be NULL. Called for every store over an entry that was present. */
	void (*entry_changed)(void *ctx, uint32_t page, uint32_t slot, uint64_t old, uint64_t new);
	/*
	 * May be NULL; else called in place of the pool's own atomic load from guest RAM. size: 4 or 8; gpa: aligned to size, in
	 * RAM. A recorder loads and writes the word down, a replayer answers from what was written down.
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
	uint64_t entry;			/* MAP: the leaf that was installed */
	uint64_t gen;			/* generation: changes with every change to the arena */
	uint32_t epoch;			/* flush epoch that pool_flush_done() names when the flush is made */
	uint32_t prefetched;		/* MAP: leaves that were installed beside it */
};

/* The paging modes of a vCPU. pdpte: the PDPTE registers, used in PAE mode only. */
struct pool_modes {
	uint64_t cr0, cr3, cr4, efer;
	bool ac;			/* RFLAGS.AC */
	bool watch_code;		/* the supervisor view executes only what pool_set_code_state() allows */
	uint64_t pdpte[4];
};

/* A walk of the guest's tables that trapd has made, after which A and D are set. */
struct pool_map_args {
	uint64_t gva, gpa;
	uint64_t walk[4];		/* guest entries, top level first */
	uint8_t nwalk;
	bool write, fetch, user_view;
};

#endif
