# Error paths and rare ways of the pool library: what make coverage shows nobody else takes.
UNIT_TESTS += tests/unit/test_pool_cover_roots
tests_unit_test_pool_cover_roots_SOURCES = tests/unit/test_pool_cover_roots.c $(POOL_DEFECTS)
tests_unit_test_pool_cover_roots_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_cover_errors
tests_unit_test_pool_cover_errors_SOURCES = tests/unit/test_pool_cover_errors.c $(POOL_DEFECTS)
tests_unit_test_pool_cover_errors_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
