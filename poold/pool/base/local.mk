# What the pool is told and what it answers; kinds and roles as tables and pure functions; debts of flushing. No state.
noinst_LIBRARIES += poold/pool/base/libbase.a
poold_pool_base_libbase_a_SOURCES = \
	poold/pool/base/debt.c \
	poold/pool/base/debt.h \
	poold/pool/base/kinds.c \
	poold/pool/base/kinds.h \
	poold/pool/base/role.c \
	poold/pool/base/role.h \
	poold/pool/base/types.h \
	poold/pool/base/words.h
