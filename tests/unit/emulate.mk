# Decode and emulation.
UNIT_TESTS += tests/unit/test_emulate_native
tests_unit_test_emulate_native_SOURCES = tests/unit/test_emulate_native.c tests/unit/native_forms.c tests/unit/native_forms.h \
	tests/unit/native_registers.h tests/unit/native_run.S $(FAKE_VCPU)
tests_unit_test_emulate_native_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
FAKE_BUS = tests/unit/fake_bus.c tests/unit/fake_bus.h
UNIT_TESTS += tests/unit/test_decode
tests_unit_test_decode_SOURCES = tests/unit/test_decode.c $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_decode_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_code_loose
tests_unit_test_code_loose_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_code_moved
tests_unit_test_code_moved_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_code_scan
tests_unit_test_code_scan_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_code_pages
tests_unit_test_code_pages_SOURCES = tests/unit/test_code_pages.c $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_code_pages_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_emulate
tests_unit_test_emulate_SOURCES = tests/unit/test_emulate.c $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_emulate_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_insn_writes
tests_unit_test_insn_writes_SOURCES = tests/unit/test_insn_writes.c tests/unit/native_forms.h tests/unit/native_run.S \
	$(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_insn_writes_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_emulate_cpu
tests_unit_test_emulate_cpu_SOURCES = tests/unit/test_emulate_cpu.c tests/unit/cpu_trial.c tests/unit/cpu_trial.h \
	tests/unit/native_forms.c tests/unit/native_forms.h $(FAKE_VCPU) $(FAKE_BUS)
tests_unit_test_emulate_cpu_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_look_ahead
tests_unit_test_look_ahead_SOURCES = tests/unit/test_look_ahead.c $(FAKE_VCPU)
tests_unit_test_look_ahead_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_in_place_of_host
tests_unit_test_in_place_of_host_SOURCES = tests/unit/test_in_place_of_host.c $(FAKE_VCPU)
tests_unit_test_in_place_of_host_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
UNIT_TESTS += tests/unit/test_x87
tests_unit_test_x87_SOURCES = tests/unit/test_x87.c $(FAKE_TABLES)
tests_unit_test_x87_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
