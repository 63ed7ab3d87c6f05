# What the operations are made of: pages, cache, users, reverse map, monitoring, synchronisation. One recursion (doc/pool.md).
noinst_LIBRARIES += poold/pool/core/libcore.a
poold_pool_core_libcore_a_SOURCES = \
	poold/pool/core/age.c \
	poold/pool/core/cache.c \
	poold/pool/core/child.c \
	poold/pool/core/code.c \
	poold/pool/core/derive.c \
	poold/pool/core/entry.c \
	poold/pool/core/epoch.c \
	poold/pool/core/fetch_leaf.c \
	poold/pool/core/format.c \
	poold/pool/core/gtable.c \
	poold/pool/core/large.c \
	poold/pool/core/monitor.c \
	poold/pool/core/page.c \
	poold/pool/core/policy.c \
	poold/pool/core/pool_priv.h \
	poold/pool/core/ram.c \
	poold/pool/core/resync.c \
	poold/pool/core/rmap.c \
	poold/pool/core/unsync.c \
	poold/pool/core/users.c
