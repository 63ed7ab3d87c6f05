# poold's server: pure checks, sandbox, replay. What needs the process is in tests/integration.
UNIT_TESTS += tests/unit/test_requests
tests_unit_test_requests_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_hello
tests_unit_test_hello_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_sandbox
tests_unit_test_sandbox_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_format_choice
tests_unit_test_format_choice_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
