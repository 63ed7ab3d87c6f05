# The pool library: no system calls, no knowledge of KVM, rings or sockets.
noinst_LIBRARIES += poold/libpool.a
poold_libpool_a_SOURCES = \
	poold/pool.h \
	poold/pool_kinds.c
