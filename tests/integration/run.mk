# Embedded runs of the guests, from the outside. lib.sh is what they share.
RUN_TESTS = \
	tests/integration/fault_path_doc.sh \
	tests/integration/beside.sh \
	tests/integration/unsync.sh \
	tests/integration/cow.sh \
	tests/integration/guests.sh \
	tests/integration/flags.sh \
	tests/integration/if_modes.sh \
	tests/integration/emulate_ahead.sh \
	tests/integration/vandal.sh \
	tests/integration/isolation.sh \
	tests/integration/kick_storm.sh \
	tests/integration/large_leaves.sh \
	tests/integration/load_bearing.sh \
	tests/integration/matrix.sh \
	tests/integration/native_speed.sh \
	tests/integration/recovery.sh \
	tests/integration/screen.sh \
	tests/integration/slots.sh \
	tests/integration/smp.sh \
	tests/integration/stores.sh \
	tests/integration/systemd.sh \
	tests/integration/trace_live.sh \
	tests/integration/trace.sh \
	tests/integration/verify_live.sh
TESTS += $(RUN_TESTS)
EXTRA_DIST += $(RUN_TESTS) tests/integration/lib.sh

check_PROGRAMS += tests/integration/kick_storm tests/integration/map_writable tests/integration/native_loop \
	tests/integration/alignment_checks
tests_integration_kick_storm_SOURCES = tests/integration/kick_storm.c
tests_integration_alignment_checks_SOURCES = tests/integration/alignment_checks.c
tests_integration_map_writable_SOURCES = tests/integration/map_writable.c
tests_integration_native_loop_SOURCES = tests/integration/native_loop.c
tests_integration_kick_storm_LDADD = common/libcommon.a
tests_integration_alignment_checks_LDADD =
tests_integration_map_writable_LDADD =
tests_integration_native_loop_LDADD =
