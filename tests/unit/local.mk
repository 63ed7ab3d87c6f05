# Criterion programs, one per module: tests/unit/test_<module>.c, no extension, run by run-criterion through the TAP driver.
# Tests that cannot be Criterion programs (threads under TSan, several processes) are *.test or *.sh and exit 0, 1 or 77.
UNIT_LIBS = trapd/libtrapd.a poold/libpool.a common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(CAPSTONE_LIBS) $(SECCOMP_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) -lpthread
UNIT_TESTS =
EXTRA_DIST += tests/unit/run-criterion tests/unit/lsan.supp

# Each module adds two lines:
#   UNIT_TESTS += tests/unit/test_NAME
#   tests_unit_test_NAME_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
# and, if it needs a vCPU without KVM and poold:
#   tests_unit_test_NAME_SOURCES = tests/unit/test_NAME.c $(FAKE_VCPU)
FAKE_VCPU = tests/unit/fake_vcpu.c tests/unit/fake_vcpu.h

# The pool library, with the test as trapd.
POOL_FIXTURE = tests/unit/pool_fixture.c tests/unit/pool_fixture.h
UNIT_TESTS += tests/unit/test_pool_map
tests_unit_test_pool_map_SOURCES = tests/unit/test_pool_map.c $(POOL_FIXTURE)
tests_unit_test_pool_map_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_modes
tests_unit_test_pool_modes_SOURCES = tests/unit/test_pool_modes.c $(POOL_FIXTURE)
tests_unit_test_pool_modes_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_roots
tests_unit_test_pool_roots_SOURCES = tests/unit/test_pool_roots.c $(POOL_FIXTURE)
tests_unit_test_pool_roots_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_write
tests_unit_test_pool_write_SOURCES = tests/unit/test_pool_write.c $(POOL_FIXTURE)
tests_unit_test_pool_write_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_flush
tests_unit_test_pool_flush_SOURCES = tests/unit/test_pool_flush.c $(POOL_FIXTURE)
tests_unit_test_pool_flush_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_smp_random
tests_unit_test_pool_smp_random_SOURCES = tests/unit/test_pool_smp_random.c $(POOL_FIXTURE)
tests_unit_test_pool_smp_random_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_users
tests_unit_test_pool_users_SOURCES = tests/unit/test_pool_users.c $(POOL_FIXTURE)
tests_unit_test_pool_users_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_rmap
tests_unit_test_pool_rmap_SOURCES = tests/unit/test_pool_rmap.c $(POOL_FIXTURE)
tests_unit_test_pool_rmap_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_audit
tests_unit_test_pool_audit_SOURCES = tests/unit/test_pool_audit.c $(POOL_FIXTURE)
tests_unit_test_pool_audit_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_limits
tests_unit_test_pool_limits_SOURCES = tests/unit/test_pool_limits.c $(POOL_FIXTURE)
tests_unit_test_pool_limits_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_smap
tests_unit_test_pool_smap_SOURCES = tests/unit/test_pool_smap.c $(POOL_FIXTURE)
tests_unit_test_pool_smap_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_format
tests_unit_test_pool_format_SOURCES = tests/unit/test_pool_format.c $(POOL_FIXTURE)
tests_unit_test_pool_format_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_unsync
tests_unit_test_pool_unsync_SOURCES = tests/unit/test_pool_unsync.c $(POOL_FIXTURE)
tests_unit_test_pool_unsync_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_semantic
tests_unit_test_pool_semantic_SOURCES = tests/unit/test_pool_semantic.c $(POOL_FIXTURE)
tests_unit_test_pool_semantic_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_large
tests_unit_test_pool_large_SOURCES = tests/unit/test_pool_large.c $(POOL_FIXTURE)
tests_unit_test_pool_large_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_code
tests_unit_test_pool_code_SOURCES = tests/unit/test_pool_code.c $(POOL_FIXTURE)
tests_unit_test_pool_code_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_resync
tests_unit_test_pool_resync_SOURCES = tests/unit/test_pool_resync.c $(POOL_FIXTURE)
tests_unit_test_pool_resync_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
POOL_RANDOM = tests/unit/pool_random.h tests/unit/pool_random_draw.c tests/unit/pool_random_tlb.c tests/unit/pool_random_checks.c \
	tests/unit/pool_random_steps.c tests/unit/ref_walk.c tests/unit/ref_walk.h
UNIT_TESTS += tests/unit/test_pool_random
tests_unit_test_pool_random_SOURCES = tests/unit/test_pool_random.c $(POOL_RANDOM) $(POOL_FIXTURE)
tests_unit_test_pool_random_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_frame
tests_unit_test_frame_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_control_server
tests_unit_test_control_server_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

include tests/unit/platform.mk
include tests/unit/irq.mk
include tests/unit/link.mk
include tests/unit/privilege.mk
include tests/unit/poold.mk
include tests/unit/emulate.mk
include tests/unit/control.mk
include tests/unit/defects.mk
include tests/unit/cover.mk
include tests/unit/write_policy.mk

check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
# A minute; POOL_RANDOM_SECONDS says otherwise.
TESTS += tests/unit/pool_random_slice.sh tests/unit/counters_move.sh
EXTRA_DIST += tests/unit/pool_random_slice.sh tests/unit/counters_move.sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/unit/run-criterion
