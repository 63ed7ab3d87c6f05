# poold as a process. The program is needed at its place in the build folder.
POOLD_LIBS = $(POOLD_ROOMS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
FAKE_TRAPD = tests/integration/fake_trapd.c tests/integration/fake_trapd.h

POOLD_TESTS = tests/integration/poold_attach.test
check_PROGRAMS += $(POOLD_TESTS)
TESTS += $(POOLD_TESTS)

tests_integration_poold_attach_test_SOURCES = tests/integration/poold_attach.c $(FAKE_TRAPD)
tests_integration_poold_attach_test_LDADD = $(POOLD_LIBS)

POOLD_TESTS += tests/integration/poold_trace.test
tests_integration_poold_trace_test_SOURCES = tests/integration/poold_trace.c $(FAKE_TRAPD)
tests_integration_poold_trace_test_LDADD = $(POOLD_LIBS)

POOLD_TESTS += tests/integration/poold_verify.test
tests_integration_poold_verify_test_SOURCES = tests/integration/poold_verify.c $(FAKE_TRAPD)
tests_integration_poold_verify_test_LDADD = $(POOLD_LIBS)

TESTS += tests/integration/poold_config.sh tests/integration/statistics_doc.sh
EXTRA_DIST += tests/integration/manual_knows.sh
EXTRA_DIST += tests/integration/poold_config.sh tests/integration/statistics_doc.sh doc/statistics.md doc/devices.md

# A guest under the real daemons, its arena replayed.
TESTS += tests/integration/guest_arena.sh
EXTRA_DIST += tests/integration/guest_arena.sh
