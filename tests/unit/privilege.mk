FAKE_TABLES = tests/unit/fake_tables.c tests/unit/fake_tables.h $(FAKE_VCPU)

UNIT_TESTS += tests/unit/test_deliver
tests_unit_test_deliver_SOURCES = tests/unit/test_deliver.c $(FAKE_TABLES)
tests_unit_test_deliver_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_unseen_iret
tests_unit_test_unseen_iret_SOURCES = tests/unit/test_unseen_iret.c $(FAKE_TABLES)
tests_unit_test_unseen_iret_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_far
tests_unit_test_far_SOURCES = tests/unit/test_far.c $(FAKE_TABLES)
tests_unit_test_far_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_priv
tests_unit_test_priv_SOURCES = tests/unit/test_priv.c $(FAKE_TABLES)
tests_unit_test_priv_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_port_io
tests_unit_test_port_io_SOURCES = tests/unit/test_port_io.c $(FAKE_TABLES)
tests_unit_test_port_io_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_priv_pcid
tests_unit_test_priv_pcid_SOURCES = tests/unit/test_priv_pcid.c $(FAKE_TABLES)
tests_unit_test_priv_pcid_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)

UNIT_TESTS += tests/unit/test_priv_random
tests_unit_test_priv_random_SOURCES = tests/unit/test_priv_random.c $(FAKE_TABLES)
tests_unit_test_priv_random_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
