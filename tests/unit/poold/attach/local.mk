# What trapd may ask for in its hello.
UNIT_TESTS += tests/unit/poold/attach/test_hello
