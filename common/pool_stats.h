/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool's counters by name. One list; the index is the place in poold's statistics object. Meanings: doc/statistics.md.
 * A name that ends in _high is the highest value that the gauge before it has had.
 */
#ifndef SHADOWPOOL_COMMON_POOL_STATS_H
#define SHADOWPOOL_COMMON_POOL_STATS_H

#define POOL_STATS_POOL(X) \
	X(pages_max) X(pages_used) X(pages_used_high) X(pages_free) X(pages_limbo) X(pages_pinned) X(present_entries) X(alloc) \
	X(alloc_fail) X(free) X(zero_page) X(evict) X(evict_fail) X(flush_page) X(flush_all) X(clear_all) X(reset) X(need_flush) \
	X(steps_max)

#define POOL_STATS_CACHE(X) \
	X(cache_hits) X(cache_misses) X(cache_kind_mismatch) X(cache_role_mismatch) X(cache_cacheable) X(cache_uncacheable) \
	X(cache_evict_one) X(hash_probe_max)

#define POOL_STATS_ROOTS(X) \
	X(root_set) X(root_hit) X(root_miss) X(root_evict) X(root_dying) X(root_view_user) X(root_view_super) X(root_pdpte_reload)

#define POOL_STATS_USERS(X) X(users_max) X(users_used) X(users_used_high) X(user_exhausted) X(user_freed_one)

#define POOL_STATS_RMAP(X) \
	X(rmap_virgin) X(rmap_single) X(rmap_aliased) X(rmap_aliased_many) X(rmap_overflow) X(ext_used) X(ext_used_high) \
	X(ext_exhausted) X(deref) X(flush_gfn_single) X(flush_gfn_list) X(flush_gfn_slow) X(flush_gfn_entries) \
	X(write_protect_gfn) X(write_protect_entries) X(linear_searches)

#define POOL_STATS_MONITOR(X) \
	X(gtables) X(gtables_high) X(modified) X(modified_high) X(mon_write_events) X(mon_entries_cleared) X(mon_entries_kept) \
	X(mon_not_present_skip) X(mon_emulate) X(mon_handled_pt) X(mon_handled_pd) X(mon_handled_pdpt) X(mon_handled_pml4) \
	X(mon_rep_stos) X(mon_rep_prefix) X(mon_misaligned) X(mon_cross_entry) X(mon_cross_page) X(mon_undecoded) X(mon_async) \
	X(flush_hot) X(flush_reused) X(flush_fork) X(flush_reinit) X(flush_flood) X(flush_zero_writes) X(flush_forced) \
	X(flush_root_refused) X(step_answers) X(step_opened)

#define POOL_STATS_UNSYNC(X) \
	X(unsync_grants) X(unsync_refused) X(unsync_now) X(unsync_now_high) X(unsync_slot_overflow) X(unsync_role_conflict) \
	X(resync_tables) X(resync_scanned) X(resync_changed) X(resync_kept) X(resync_invlpg_one)

#define POOL_STATS_SYNC(X) \
	X(map_requests) X(map_retry) X(map_new_tables) X(map_leaf_new) X(map_leaf_upgrade) X(map_large) X(map_spurious) \
	X(dirty_upgrade) X(prefetch_tried) X(prefetch_installed) X(prefetch_skip_not_accessed) X(invlpg) X(invlpg_noop) \
	X(mode_change) X(large_split) X(large_refused) X(large_broken)

#define POOL_STATS_COHERENCE(X) \
	X(entries_changed_present) X(changed_list_overflow) X(flush_scope_gva) X(flush_scope_root) X(flush_scope_all) \
	X(shootdown_needed) X(limbo_wait)

#define POOL_STATS_SAFETY(X) \
	X(errors_range) X(errors_inval) X(errors_nomem) X(errors_corrupt) X(bad_guest_entry) X(audit_runs) X(audit_violations) \
	X(trace_records) X(trace_dropped)

#define POOL_STATS(X) \
	POOL_STATS_POOL(X) POOL_STATS_CACHE(X) POOL_STATS_ROOTS(X) POOL_STATS_USERS(X) POOL_STATS_RMAP(X) POOL_STATS_MONITOR(X) \
	POOL_STATS_UNSYNC(X) POOL_STATS_SYNC(X) POOL_STATS_COHERENCE(X) POOL_STATS_SAFETY(X)

enum pool_stat {
#define POOL_STAT_ENUM(name) POOL_STAT_##name,
	POOL_STATS(POOL_STAT_ENUM)
#undef POOL_STAT_ENUM
	POOL_STAT_COUNT
};

/* Indexed by enum pool_stat. */
extern const char *const pool_stat_name[POOL_STAT_COUNT];

#endif
