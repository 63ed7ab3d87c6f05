# poold: the process; its rooms are libraries, linked from top to bottom, so that unit tests link the same code.
noinst_LIBRARIES += poold/libpoold.a
poold_libpoold_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUF_CFLAGS) $(SECCOMP_CFLAGS)
poold_libpoold_a_SOURCES = \
	poold/daemon.c \
	poold/daemon.h \
	poold/sandbox.c \
	poold/sandbox.h
include poold/control/local.mk
include poold/attach/local.mk
include poold/serve/local.mk
include poold/trace/replay/local.mk
include poold/trace/local.mk
include poold/pool/local.mk
include poold/pool/audit/local.mk
include poold/pool/core/local.mk
include poold/pool/base/local.mk

# The two libraries that other programs link too: the pool, and the trace with its replay.
POOL_LIBS = poold/pool/libpool.a poold/pool/audit/libaudit.a poold/pool/core/libcore.a poold/pool/base/libbase.a
TRACE_LIBS = poold/trace/replay/libreplay.a poold/trace/libtrace.a
POOLD_ROOMS = poold/libpoold.a poold/control/libcontrol.a poold/attach/libattach.a poold/serve/libserve.a $(TRACE_LIBS) $(POOL_LIBS)
POOL_SOURCES = $(poold_pool_libpool_a_SOURCES) $(poold_pool_audit_libaudit_a_SOURCES) $(poold_pool_core_libcore_a_SOURCES) $(poold_pool_base_libbase_a_SOURCES)
TRACE_SOURCES = $(poold_trace_replay_libreplay_a_SOURCES) $(poold_trace_libtrace_a_SOURCES)

libexec_PROGRAMS += poold/poold
poold_poold_CPPFLAGS = $(poold_libpoold_a_CPPFLAGS)
poold_poold_SOURCES = poold/main.c
poold_poold_LDADD = $(POOLD_ROOMS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
EXTRA_DIST += doc/pool.md doc/trace.md
