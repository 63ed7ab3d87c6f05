# Framing, control server, trapd's control verbs.
UNIT_TESTS += tests/unit/trapd/link/test_world
UNIT_TESTS += tests/unit/trapd/link/test_corrupt_limit
UNIT_TESTS += tests/unit/trapd/link/test_write_pair
