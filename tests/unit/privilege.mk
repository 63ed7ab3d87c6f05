UNIT_TESTS += tests/unit/test_deliver
tests_unit_test_deliver_SOURCES = tests/unit/test_deliver.c $(FAKE_VCPU)
tests_unit_test_deliver_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
