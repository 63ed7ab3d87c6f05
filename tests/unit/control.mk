# Framing, control server, trapd's control verbs.
UNIT_TESTS += tests/unit/test_world
tests_unit_test_world_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_vcpu_real
tests_unit_test_vcpu_real_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_interrupt
tests_unit_test_interrupt_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_corrupt_limit
tests_unit_test_corrupt_limit_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_trapd_control
tests_unit_test_trapd_control_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_trapd_sandbox
tests_unit_test_trapd_sandbox_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
