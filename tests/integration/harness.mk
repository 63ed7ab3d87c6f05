# The harness: an archive that every Criterion program of this folder links.
check_LIBRARIES = tests/integration/harness/libharness.a
tests_integration_harness_libharness_a_SOURCES = \
	ctl/vm_config.c ctl/vm_config.h \
	tests/integration/harness/begin.c \
	tests/integration/harness/console.c \
	tests/integration/harness/counters.c \
	tests/integration/harness/daemons.c \
	tests/integration/harness/folder.c \
	tests/integration/harness/harness.h \
	tests/integration/harness/harness_priv.h \
	tests/integration/harness/json.c \
	tests/integration/harness/json_conditions.c tests/integration/harness/json_conditions.h \
	tests/integration/harness/kernel_log.c \
	tests/integration/harness/leftovers.c \
	tests/integration/harness/process.c \
	tests/integration/harness/query.c \
	tests/integration/harness/trace.c \
	tests/integration/harness/vm.c \
	tests/integration/harness/wait.c
HARNESS_LIBS = tests/integration/harness/libharness.a common/libcommon.a proto/libproto.a \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(JANSSON_LIBS) $(CRITERION_LIBS)

# A suite adds a line here, and one that says what it links.
INTEGRATION_TESTS = \
	tests/integration/test_beside \
	tests/integration/test_churn \
	tests/integration/test_cow \
	tests/integration/test_devices \
	tests/integration/test_emulate_ahead \
	tests/integration/test_flags \
	tests/integration/test_flush_live \
	tests/integration/test_guest_arena \
	tests/integration/test_guests \
	tests/integration/test_harness \
	tests/integration/test_if_modes \
	tests/integration/test_isolation \
	tests/integration/test_kick_storm \
	tests/integration/test_large_leaves \
	tests/integration/test_load_bearing \
	tests/integration/test_matrix \
	tests/integration/test_recovery \
	tests/integration/test_reuse \
	tests/integration/test_run \
	tests/integration/test_screen \
	tests/integration/test_slots \
	tests/integration/test_smp \
	tests/integration/test_stores \
	tests/integration/test_trace \
	tests/integration/test_trace_live \
	tests/integration/test_unsync \
	tests/integration/test_vandal \
	tests/integration/test_verify_live
tests_integration_test_beside_LDADD = $(HARNESS_LIBS)
tests_integration_test_churn_LDADD = $(HARNESS_LIBS)
tests_integration_test_cow_LDADD = $(HARNESS_LIBS)
tests_integration_test_devices_LDADD = $(HARNESS_LIBS)
tests_integration_test_emulate_ahead_LDADD = $(HARNESS_LIBS)
tests_integration_test_flags_LDADD = $(HARNESS_LIBS)
tests_integration_test_flush_live_LDADD = $(HARNESS_LIBS)
tests_integration_test_guest_arena_LDADD = $(HARNESS_LIBS)
tests_integration_test_guests_LDADD = $(HARNESS_LIBS)
tests_integration_test_harness_LDADD = $(HARNESS_LIBS)
tests_integration_test_if_modes_LDADD = $(HARNESS_LIBS)
tests_integration_test_isolation_LDADD = $(HARNESS_LIBS)
tests_integration_test_kick_storm_LDADD = $(HARNESS_LIBS)
tests_integration_test_large_leaves_LDADD = $(HARNESS_LIBS)
tests_integration_test_load_bearing_LDADD = $(HARNESS_LIBS)
tests_integration_test_matrix_LDADD = $(HARNESS_LIBS)
tests_integration_test_recovery_LDADD = $(HARNESS_LIBS)
tests_integration_test_reuse_LDADD = $(HARNESS_LIBS)
tests_integration_test_run_LDADD = $(HARNESS_LIBS)
tests_integration_test_screen_LDADD = $(HARNESS_LIBS)
tests_integration_test_slots_LDADD = $(HARNESS_LIBS)
tests_integration_test_smp_LDADD = $(HARNESS_LIBS)
tests_integration_test_stores_LDADD = $(HARNESS_LIBS)
tests_integration_test_trace_LDADD = $(HARNESS_LIBS)
tests_integration_test_trace_live_LDADD = $(HARNESS_LIBS)
tests_integration_test_unsync_LDADD = $(HARNESS_LIBS)
tests_integration_test_vandal_LDADD = $(HARNESS_LIBS)
tests_integration_test_verify_live_LDADD = $(HARNESS_LIBS)
