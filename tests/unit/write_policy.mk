# The write policy: its rules, and what they do in the pool.
UNIT_TESTS += tests/unit/test_write_policy_rules
tests_unit_test_write_policy_rules_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_write_policy_pool
tests_unit_test_write_policy_pool_SOURCES = tests/unit/test_write_policy_pool.c $(POOL_FIXTURE)
tests_unit_test_write_policy_pool_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_write_pair
tests_unit_test_write_pair_SOURCES = tests/unit/test_write_pair.c $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_write_pair_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_steps
tests_unit_test_pool_steps_SOURCES = tests/unit/test_pool_steps.c $(POOL_FIXTURE)
tests_unit_test_pool_steps_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
