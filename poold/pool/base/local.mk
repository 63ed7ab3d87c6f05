# Kinds and roles: tables without state.
noinst_LIBRARIES += poold/pool/base/libbase.a
poold_pool_base_libbase_a_SOURCES = \
	poold/pool/base/kinds.c \
	poold/pool/base/role.c \
	poold/pool/base/words.h
