# The pool library: its interface, and the operations. No system calls, no knowledge of KVM, rings or sockets.
noinst_LIBRARIES += poold/pool/libpool.a
poold_pool_libpool_a_SOURCES = \
	poold/pool/code.c \
	poold/pool/create.c \
	poold/pool/flush.c \
	poold/pool/map.c \
	poold/pool/op.c \
	poold/pool/op.h \
	poold/pool/pool.h \
	poold/pool/resync_op.c \
	poold/pool/root.c \
	poold/pool/step.c \
	poold/pool/walk.c \
	poold/pool/write.c \
	poold/pool/write.h
