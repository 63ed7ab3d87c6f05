# Framing, control server, trapd's control verbs.
UNIT_TESTS += tests/unit/trapd/link/test_world
tests_unit_trapd_link_test_world_LDFLAGS = $(AM_LDFLAGS) $(REAL_PORT)
UNIT_TESTS += tests/unit/trapd/link/test_corrupt_limit
UNIT_TESTS += tests/unit/trapd/link/test_write_pair
UNIT_TESTS += tests/unit/trapd/link/test_write_run
UNIT_TESTS += tests/unit/trapd/link/test_before_write
UNIT_TESTS += tests/unit/trapd/link/test_write_tally
