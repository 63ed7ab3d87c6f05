UNIT_TESTS += tests/unit/trapd/trap/test_vcpu_real
UNIT_TESTS += tests/unit/trapd/trap/test_interrupt
UNIT_TESTS += tests/unit/trapd/trap/test_look_ahead
tests_unit_trapd_trap_test_look_ahead_SOURCES = tests/unit/trapd/trap/test_look_ahead.c $(FAKE_VCPU)
UNIT_TESTS += tests/unit/trapd/trap/test_in_place_of_host
tests_unit_trapd_trap_test_in_place_of_host_SOURCES = tests/unit/trapd/trap/test_in_place_of_host.c $(FAKE_VCPU)
UNIT_TESTS += tests/unit/trapd/trap/test_unseen_iret
tests_unit_trapd_trap_test_unseen_iret_SOURCES = tests/unit/trapd/trap/test_unseen_iret.c $(FAKE_TABLES)
