UNIT_TESTS += tests/unit/poold/test_sandbox
