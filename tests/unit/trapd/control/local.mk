UNIT_TESTS += tests/unit/trapd/control/test_trapd_control
