# Defects D1 to D68 of the pool's ancestor, and the mutants that put them back.
POOL_DEFECTS = tests/unit/pool_defects.c tests/unit/pool_defects.h $(POOL_FIXTURE)
UNIT_TESTS += tests/unit/test_pool_defects_rmap
tests_unit_test_pool_defects_rmap_SOURCES = tests/unit/test_pool_defects_rmap.c $(POOL_DEFECTS)
tests_unit_test_pool_defects_rmap_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_defects_write
tests_unit_test_pool_defects_write_SOURCES = tests/unit/test_pool_defects_write.c $(POOL_DEFECTS)
tests_unit_test_pool_defects_write_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_defects_cache
tests_unit_test_pool_defects_cache_SOURCES = tests/unit/test_pool_defects_cache.c $(POOL_DEFECTS)
tests_unit_test_pool_defects_cache_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_pool_defects_core
tests_unit_test_pool_defects_core_SOURCES = tests/unit/test_pool_defects_core.c $(POOL_DEFECTS)
tests_unit_test_pool_defects_core_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_defects_decode
tests_unit_test_defects_decode_SOURCES = tests/unit/test_defects_decode.c $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_defects_decode_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
