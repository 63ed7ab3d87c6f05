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

#include "common/pool_stats.h"
#include "poold/pool/audit/audit.h"
#include "poold/pool/base/types.h"

struct pool;

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
/* Test hook: flip the frame of the n-th present leaf from now on installed. 0: off. */
void pool_poison_leaf(struct pool *p, uint64_t nth);
#endif
