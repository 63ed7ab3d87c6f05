# Tests of the link. Criterion programs for single calls; plain programs (exit code 0, 1 or 77) where threads run under
# ThreadSanitizer or processes die.
LINK_PAIR = tests/unit/link_pair.c tests/unit/link_pair.h
LINK_TESTS = \
	tests/unit/ring_threads.test
check_PROGRAMS += $(LINK_TESTS)
TESTS += $(LINK_TESTS)

tests_unit_ring_threads_test_SOURCES = tests/unit/ring_threads.c $(LINK_PAIR)
tests_unit_ring_threads_test_LDADD = common/libcommon.a -lpthread
