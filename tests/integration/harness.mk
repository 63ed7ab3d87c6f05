# The harness: an archive that every Criterion program of this folder links.
check_LIBRARIES = tests/integration/harness/libharness.a
tests_integration_harness_libharness_a_SOURCES = \
	ctl/vm_config.c ctl/vm_config.h \
	tests/integration/harness/begin.c \
	tests/integration/harness/console.c \
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
	tests/integration/test_churn \
	tests/integration/test_cow \
	tests/integration/test_emulate_ahead \
	tests/integration/test_guests \
	tests/integration/test_harness \
	tests/integration/test_if_modes \
	tests/integration/test_kick_storm \
	tests/integration/test_large_leaves \
	tests/integration/test_load_bearing \
	tests/integration/test_matrix \
	tests/integration/test_recovery \
	tests/integration/test_slots \
	tests/integration/test_smp \
	tests/integration/test_stores
tests_integration_test_churn_LDADD = $(HARNESS_LIBS)
tests_integration_test_cow_LDADD = $(HARNESS_LIBS)
tests_integration_test_emulate_ahead_LDADD = $(HARNESS_LIBS)
tests_integration_test_guests_LDADD = $(HARNESS_LIBS)
tests_integration_test_harness_LDADD = $(HARNESS_LIBS)
tests_integration_test_if_modes_LDADD = $(HARNESS_LIBS)
tests_integration_test_kick_storm_LDADD = $(HARNESS_LIBS)
tests_integration_test_large_leaves_LDADD = $(HARNESS_LIBS)
tests_integration_test_load_bearing_LDADD = $(HARNESS_LIBS)
tests_integration_test_matrix_LDADD = $(HARNESS_LIBS)
tests_integration_test_recovery_LDADD = $(HARNESS_LIBS)
tests_integration_test_slots_LDADD = $(HARNESS_LIBS)
tests_integration_test_smp_LDADD = $(HARNESS_LIBS)
tests_integration_test_stores_LDADD = $(HARNESS_LIBS)
