# The write policy: its rules, and what they do in the pool.
UNIT_TESTS += tests/unit/test_write_policy_rules
tests_unit_test_write_policy_rules_LDADD = poold/libpoold.a $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_write_policy_pool
tests_unit_test_write_policy_pool_SOURCES = tests/unit/test_write_policy_pool.c $(POOL_FIXTURE)
tests_unit_test_write_policy_pool_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
