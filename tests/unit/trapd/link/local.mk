# Framing, control server, trapd's control verbs.
UNIT_TESTS += tests/unit/trapd/link/test_world
UNIT_TESTS += tests/unit/trapd/link/test_corrupt_limit
UNIT_TESTS += tests/unit/trapd/link/test_write_pair
tests_unit_trapd_link_test_write_pair_SOURCES = tests/unit/trapd/link/test_write_pair.c $(FAKE_VCPU) $(FAKE_BUS)
