UNIT_TESTS += tests/unit/trapd/loader/test_loader
UNIT_TESTS += tests/unit/trapd/loader/test_loader_linux
