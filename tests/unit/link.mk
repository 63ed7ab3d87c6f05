# Tests of the link. Criterion programs for single calls; plain programs (exit code 0, 1 or 77) where threads run under
# ThreadSanitizer or processes die.
LINK_PAIR = tests/unit/link_pair.c tests/unit/link_pair.h
LINK_TESTS = \
	tests/unit/link_kill.test \
	tests/unit/link_scribble.test \
	tests/unit/link_wake.test \
	tests/unit/ring_threads.test
check_PROGRAMS += $(LINK_TESTS)
TESTS += $(LINK_TESTS)

tests_unit_link_kill_test_SOURCES = tests/unit/link_kill.c $(LINK_PAIR)
tests_unit_link_kill_test_LDADD = common/libcommon.a proto/libproto.a $(PROTOBUF_LIBS) -lpthread
tests_unit_link_scribble_test_SOURCES = tests/unit/link_scribble.c $(LINK_PAIR)
tests_unit_link_scribble_test_LDADD = common/libcommon.a -lpthread
# The link's own sources once more, with hooks between the steps of the handshake and without spinning.
tests_unit_link_wake_test_SOURCES = tests/unit/link_wake.c $(LINK_PAIR) \
	common/link_check.c common/link_client.c common/link_server.c common/link_wake.c common/ring.c
tests_unit_link_wake_test_CPPFLAGS = $(AM_CPPFLAGS) -DLINK_TEST_HOOKS -DWAIT_SPIN_MAX_NS=0
tests_unit_link_wake_test_LDADD = common/libcommon.a -lpthread
tests_unit_ring_threads_test_SOURCES = tests/unit/ring_threads.c $(LINK_PAIR)
tests_unit_ring_threads_test_LDADD = common/libcommon.a -lpthread

# Exhaustive models of the handshakes, with store buffers; exit 77 without spin(1).
LINK_MODELS = tests/models/kill.pml tests/models/loop.pml tests/models/monitor.pml tests/models/reply.pml tests/models/tso.pml
EXTRA_DIST += doc/ring.md tests/models/models.sh $(LINK_MODELS)
TESTS += tests/models/models.sh

UNIT_TESTS += tests/unit/test_ring
tests_unit_test_ring_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_memfd
tests_unit_test_memfd_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_attach
tests_unit_test_attach_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_link
tests_unit_test_link_SOURCES = tests/unit/test_link.c $(LINK_PAIR)
tests_unit_test_link_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
