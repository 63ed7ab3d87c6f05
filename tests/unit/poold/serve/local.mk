# poold's server: pure checks, sandbox, replay. What needs the process is in tests/integration.
UNIT_TESTS += tests/unit/poold/serve/test_requests
UNIT_TESTS += tests/unit/poold/serve/test_hello
UNIT_TESTS += tests/unit/poold/serve/test_format_choice
# vm_create() stands in both daemons: poold's first.
tests_unit_poold_serve_test_format_choice_LDADD = $(POOLD_ROOMS) $(LDADD)
