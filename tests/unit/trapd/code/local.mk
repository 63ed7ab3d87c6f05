UNIT_TESTS += tests/unit/trapd/code/test_code_loose
UNIT_TESTS += tests/unit/trapd/code/test_code_moved
UNIT_TESTS += tests/unit/trapd/code/test_code_scan
UNIT_TESTS += tests/unit/trapd/code/test_code_pages
tests_unit_trapd_code_test_code_pages_SOURCES = tests/unit/trapd/code/test_code_pages.c $(FAKE_VCPU) $(FAKE_BUS)
