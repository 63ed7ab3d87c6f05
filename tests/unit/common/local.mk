UNIT_TESTS += tests/unit/common/test_clock
UNIT_TESTS += tests/unit/common/test_duration
UNIT_TESTS += tests/unit/common/test_frame
UNIT_TESTS += tests/unit/common/test_control_server
# Tests of the link. Criterion programs for single calls; plain programs (exit code 0, 1 or 77) where threads run under
# ThreadSanitizer or processes die.
LINK_PAIR = tests/unit/common/link_pair.c tests/unit/common/link_pair.h
LINK_TESTS = \
	tests/unit/common/link_kill.test \
	tests/unit/common/link_scribble.test \
	tests/unit/common/link_wake.test \
	tests/unit/common/ring_threads.test
check_PROGRAMS += $(LINK_TESTS)
TESTS += $(LINK_TESTS)
tests_unit_common_link_kill_test_SOURCES = tests/unit/common/link_kill.c $(LINK_PAIR)
tests_unit_common_link_kill_test_LDADD = common/libcommon.a proto/libproto.a $(PROTOBUF_LIBS) -lpthread
tests_unit_common_link_scribble_test_SOURCES = tests/unit/common/link_scribble.c $(LINK_PAIR)
tests_unit_common_link_scribble_test_LDADD = common/libcommon.a -lpthread
# The link's own sources once more, with hooks: between the steps of the handshake, and for the length of sleeps.
LINK_HOOKED = common/link_check.c common/link_client.c common/link_server.c common/link_wake.c common/ring.c
tests_unit_common_link_wake_test_SOURCES = tests/unit/common/link_wake.c $(LINK_PAIR) $(LINK_HOOKED)
tests_unit_common_link_wake_test_CPPFLAGS = $(AM_CPPFLAGS) -DLINK_TEST_HOOKS -DWAIT_SPIN_MAX_NS=0
tests_unit_common_link_wake_test_LDADD = common/libcommon.a -lpthread
tests_unit_common_ring_threads_test_SOURCES = tests/unit/common/ring_threads.c $(LINK_PAIR)
tests_unit_common_ring_threads_test_LDADD = common/libcommon.a -lpthread
UNIT_TESTS += tests/unit/common/test_ring
UNIT_TESTS += tests/unit/common/test_memfd
UNIT_TESTS += tests/unit/common/test_attach
UNIT_TESTS += tests/unit/common/test_link
tests_unit_common_test_link_SOURCES = tests/unit/common/test_link.c $(LINK_PAIR) $(LINK_HOOKED)
tests_unit_common_test_link_CPPFLAGS = $(AM_CPPFLAGS) -DLINK_TEST_HOOKS
tests_unit_common_test_link_LDADD = common/libcommon.a $(UNIT_CRITERION) -lpthread
# Walker, log, configuration, devices and loader.
UNIT_TESTS += tests/unit/common/test_walk
UNIT_TESTS += tests/unit/common/test_walk_random
tests_unit_common_test_walk_random_SOURCES = tests/unit/common/test_walk_random.c tests/unit/common/ref_walk.c tests/unit/common/ref_walk.h
UNIT_TESTS += tests/unit/common/test_conf
UNIT_TESTS += tests/unit/common/test_log
# The write policy: its rules, and what they do in the pool.
UNIT_TESTS += tests/unit/common/test_write_policy_rules
