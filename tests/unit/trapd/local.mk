UNIT_TESTS += tests/unit/trapd/test_trapd_sandbox
