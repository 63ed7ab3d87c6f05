# poold without its main(), so that unit tests link the same code.
noinst_LIBRARIES += poold/libpoold.a
# What replays a trace: the fuzz targets have a build of it of their own.
POOLD_REPLAY_SOURCES = \
	poold/call.c poold/call.h poold/replay.c poold/replay.h poold/replay_lab.c poold/replay_priv.h poold/replay_compare.c poold/replay_states.c \
	poold/trace.h poold/trace_format.c poold/trace_config.c poold/trace_image.c poold/trace_image.h \
	poold/trace_read.c poold/trace_read.h poold/policy.c poold/policy.h
poold_libpoold_a_SOURCES = $(POOLD_REPLAY_SOURCES) \
	poold/attach_server.c poold/attach_server.h \
	poold/audit.c poold/audit.h \
	poold/config.c poold/config.h \
	poold/control.c poold/control.h \
	poold/daemon.c poold/daemon.h \
	poold/events.c poold/events.h \
	poold/handshake.c poold/handshake.h \
	poold/hello.c poold/hello.h \
	poold/hugepages.c poold/hugepages.h \
	poold/inspect.c poold/inspect.h \
	poold/link_thread.c poold/link_thread.h \
	poold/links.c poold/links.h \
	poold/notify.c poold/notify.h \
	poold/objects.c poold/objects.h \
	poold/requests.c poold/requests.h \
	poold/sandbox.c poold/sandbox.h \
	poold/trace_write.c \
	poold/traces.c poold/traces.h \
	poold/verify.c poold/verify.h \
	poold/vm.c poold/vm.h

libexec_PROGRAMS += poold/poold
poold_poold_SOURCES = poold/main.c
poold_poold_LDADD = poold/libpoold.a poold/libpool.a common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
