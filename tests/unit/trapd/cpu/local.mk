UNIT_TESTS += tests/unit/trapd/cpu/test_stop
