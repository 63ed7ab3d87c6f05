/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shadow page pool: guest paging structures in, shadow paging structures out, kept in step. A library without system calls,
 * clock, allocation after creation, threads or global state; one struct pool serves one VM; the caller holds one lock per VM.
 * Rules, kinds and invariants: doc/pool.md.
 *
 * Every operation fills a struct pool_result. After any POOL_E_* nothing of the call has taken effect and every out-parameter is
 * nil; but after E_NOMEM tables may have been evicted, and tables of the path that could be made stay: they are in step, and are
 * evicted like others. After NEED_SHOOTDOWN or NEED_FLUSH the caller does what the name says, calls pool_flush_done() and repeats
 * the same call.
 */
#ifndef SHADOWPOOL_POOLD_POOL_H
#define SHADOWPOOL_POOLD_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/duration.h"
#include "common/pool_stats.h"
#include "poold/pool/audit/audit.h"
#include "poold/pool/base/types.h"

struct pool;

/* NULL if the configuration is valid; else static text that says what is wrong with it. */
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
/*
 * From now on time what enum pool_duration lists into POOL_DURATION_COUNT histograms, which stay the caller's and outlive the pool.
 * NULL, as at creation: time nothing. What the pool does is the same with and without.
 */
void pool_set_durations(struct pool *p, struct duration *durations);

/*
 * The operations. doc/spec/pool.md section 5 has what each demands and does; where it says "events consumed", the caller sees to
 * that. A vcpu that is not below nvcpu: E_INVAL.
 */
void pool_set_root(struct pool *p, uint32_t vcpu, const struct pool_modes *modes, struct pool_result *r);
void pool_clear_root(struct pool *p, uint32_t vcpu, struct pool_result *r);
/*
 * A hint that the guest gives up the address space of this CR3: its roots, unless a vCPU has them loaded, are the next to be
 * evicted.
 */
void pool_root_dying(struct pool *p, uint64_t cr3, struct pool_result *r);
/* E_RANGE: gpa is not RAM, or no entry of the format can lead to it. */
void pool_map(struct pool *p, uint32_t vcpu, const struct pool_map_args *a, struct pool_result *r);
void pool_dirty(struct pool *p, uint32_t vcpu, uint64_t gva, bool user_view, struct pool_result *r);
/* The guest's write of len bytes, inside one page, is done in RAM. OK, and nothing happens, if the page is not monitored. */
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
 * Bring the table at gfn, or all tables (POOL_RESYNC_ALL), back into step with the guest's; afterwards writes to them are seen
 * again. OK also if there is nothing to do; NEED_SHOOTDOWN with several vCPUs; E_RANGE: gfn is not RAM. Before any vCPU runs
 * guest code it must have flushed what the result says.
 */
#define POOL_RESYNC_ALL (~0ull)
void pool_resync(struct pool *p, uint32_t vcpu, uint64_t gfn, struct pool_result *r);
void pool_track(struct pool *p, uint64_t gfn, bool on, struct pool_result *r);
/*
 * Say what the page gfn is to watched code from now on (doc/pool.md, Watched code). All leaves of the page are cleared. A guest
 * table has no copy: POOL_CODE_STATE_COPY then becomes POOL_CODE_STATE_RAM, as page_state shows. Replaces what pool_track() has
 * set; pool_track() off ends a copy. Before the caller reads the page he shoots down the writable translations of other vCPUs.
 * E_INVAL: there is no window of copies.
 */
void pool_set_code_state(struct pool *p, uint64_t gfn, enum pool_code_state code, struct pool_result *r);
/*
 * These are made on no vCPU's behalf, while all of them stand. What they change is owed to every vCPU with its next reply
 * (pool_merge_pending), and is in *r too. clear_all: no leaf is left; links, cache and monitoring stay. flush_all: no table is
 * left but roots in use, which are empty.
 */
void pool_clear_all(struct pool *p, struct pool_result *r);
void pool_flush_all(struct pool *p, struct pool_result *r);
/* All leaves that map the page, and all tables that were made from it; of those in use their entries. E_RANGE: it is no RAM. */
void pool_flush_gpa(struct pool *p, uint64_t gpa, struct pool_result *r);
/* All roots that were made for this CR3; of those in use their entries. E_RANGE: it is no RAM; E_NOTFOUND: there are none. */
void pool_flush_root(struct pool *p, uint64_t cr3, struct pool_result *r);
/* Off: tables that nothing leads to go, now and from now on (but roots). Changes pool_config.cache_off of this pool. */
void pool_cache_switch(struct pool *p, bool on, struct pool_result *r);
/* The pool is as new, roots are gone too: every vCPU loads its root before it runs. Ends E_CORRUPT; counters go on. */
void pool_reset(struct pool *p);
/* vcpu, or every vCPU (all_vcpus), has flushed everything since it got a result that carried this flush epoch. */
void pool_flush_done(struct pool *p, uint32_t vcpu, bool all_vcpus, uint32_t epoch);
/*
 * Add to *r what posted events have changed since the last call for this vCPU: tables to touch and flush. The server calls it
 * once for each reply, after the operation and with the operation's result.
 */
void pool_merge_pending(struct pool *p, uint32_t vcpu, struct pool_result *r);

/* A walk of the shadow tables by software, as a CPU walks them; for tests, audit, replay and the walk verb. */
struct pool_walk_step {
	uint32_t page, slot;
	uint64_t entry;			/* in the form of 8 bytes, also if the table has entries of 4 */
	uint64_t maddr;			/* machine address of the entry */
	uint8_t kind, level;
};
struct pool_walk {
	struct pool_walk_step step[5];
	uint8_t nsteps;
	bool present, writable, nx;
	uint64_t gpa;			/* where gva leads, if present */
};
/*
 * root: machine address. Returns 0; -ENOENT: gva is not mapped, the steps up to there are filled; -EINVAL: root is no root of
 * this pool.
 */
int pool_walk(const struct pool *p, uint64_t root, uint64_t gva, struct pool_walk *out);
/* Test hook: the nth leaf that is installed from now on leads to a wrong page. 0: off. */
void pool_poison_leaf(struct pool *p, uint64_t nth);
#endif
