# Embedded runs of the guests, from the outside. lib.sh is what they share.
RUN_TESTS = \
	tests/integration/beside.sh \
	tests/integration/unsync.sh \
	tests/integration/flags.sh \
	tests/integration/vandal.sh \
	tests/integration/isolation.sh \
	tests/integration/screen.sh \
	tests/integration/systemd.sh \
	tests/integration/trace_live.sh \
	tests/integration/trace.sh \
	tests/integration/verify_live.sh
TESTS += $(RUN_TESTS)
EXTRA_DIST += $(RUN_TESTS) tests/integration/lib.sh

check_PROGRAMS += tests/integration/map_writable
tests_integration_map_writable_SOURCES = tests/integration/map_writable.c
tests_integration_map_writable_LDADD =
