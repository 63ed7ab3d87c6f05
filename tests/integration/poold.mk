# poold as a process. The program is needed at its place in the build folder.
POOLD_LIBS = $(POOLD_ROOMS) common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) -lpthread
FAKE_TRAPD = tests/integration/fake_trapd.c tests/integration/fake_trapd.h

INTEGRATION_TESTS += tests/integration/test_poold_attach
tests_integration_test_poold_attach_SOURCES = tests/integration/test_poold_attach.c $(FAKE_TRAPD)
tests_integration_test_poold_attach_LDADD = $(HARNESS_LIBS) $(POOLD_LIBS)
INTEGRATION_TESTS += tests/integration/test_poold_flush
tests_integration_test_poold_flush_SOURCES = tests/integration/test_poold_flush.c $(FAKE_TRAPD)
tests_integration_test_poold_flush_LDADD = $(HARNESS_LIBS) $(POOLD_LIBS)
INTEGRATION_TESTS += tests/integration/test_poold_pool
tests_integration_test_poold_pool_SOURCES = tests/integration/test_poold_pool.c $(FAKE_TRAPD)
tests_integration_test_poold_pool_LDADD = $(HARNESS_LIBS) $(POOLD_LIBS)
INTEGRATION_TESTS += tests/integration/test_poold_trace
tests_integration_test_poold_trace_SOURCES = tests/integration/test_poold_trace.c $(FAKE_TRAPD)
tests_integration_test_poold_trace_LDADD = $(HARNESS_LIBS) $(POOLD_LIBS)
INTEGRATION_TESTS += tests/integration/test_poold_verify
tests_integration_test_poold_verify_SOURCES = tests/integration/test_poold_verify.c $(FAKE_TRAPD)
tests_integration_test_poold_verify_LDADD = $(HARNESS_LIBS) $(POOLD_LIBS)

TESTS += tests/integration/manuals.sh
EXTRA_DIST += tests/integration/manuals.sh doc/statistics.md doc/devices.md
