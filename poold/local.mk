# The pool library: no system calls, no knowledge of KVM, rings or sockets.
noinst_LIBRARIES += poold/libpool.a
poold_libpool_a_SOURCES = \
	poold/pool.h \
	poold/pool_audit.c \
	poold/pool_audit.h \
	poold/pool_audit_entries.c \
	poold/pool_audit_lists.c \
	poold/pool_audit_monitor.c \
	poold/pool_audit_rmap.c \
	poold/pool_cache.c \
	poold/pool_create.c \
	poold/pool_derive.c \
	poold/pool_digest.c \
	poold/pool_entry.c \
	poold/pool_flush.c \
	poold/pool_format.c \
	poold/pool_kinds.c \
	poold/pool_large.c \
	poold/pool_link.c \
	poold/pool_map.c \
	poold/pool_monitor.c \
	poold/pool_page.c \
	poold/pool_policy.c \
	poold/pool_priv.h \
	poold/pool_ram.c \
	poold/pool_resync.c \
	poold/pool_result.c \
	poold/pool_rmap.c \
	poold/pool_role.c \
	poold/pool_root.c \
	poold/pool_semantic.c \
	poold/pool_code.c \
	poold/pool_step.c \
	poold/pool_unsync.c \
	poold/pool_users.c \
	poold/pool_walk.c \
	poold/pool_write.c
include poold/server.mk

EXTRA_DIST += doc/pool.md doc/trace.md
