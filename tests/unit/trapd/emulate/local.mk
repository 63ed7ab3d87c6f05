UNIT_TESTS += tests/unit/trapd/emulate/test_defects_decode
tests_unit_trapd_emulate_test_defects_decode_SOURCES = tests/unit/trapd/emulate/test_defects_decode.c $(FAKE_VCPU) $(FAKE_BUS)
# Decode and emulation.
UNIT_TESTS += tests/unit/trapd/emulate/test_emulate_native
tests_unit_trapd_emulate_test_emulate_native_SOURCES = tests/unit/trapd/emulate/test_emulate_native.c tests/unit/trapd/emulate/native_forms.c tests/unit/trapd/emulate/native_forms.h \
	tests/unit/trapd/emulate/native_registers.inc tests/unit/trapd/emulate/native_run.S $(FAKE_VCPU)
UNIT_TESTS += tests/unit/trapd/emulate/test_emulate
tests_unit_trapd_emulate_test_emulate_SOURCES = tests/unit/trapd/emulate/test_emulate.c $(FAKE_VCPU) $(FAKE_BUS)
UNIT_TESTS += tests/unit/trapd/emulate/test_insn_writes
tests_unit_trapd_emulate_test_insn_writes_SOURCES = tests/unit/trapd/emulate/test_insn_writes.c tests/unit/trapd/emulate/native_forms.h tests/unit/trapd/emulate/native_run.S \
	$(FAKE_VCPU) $(FAKE_BUS)
UNIT_TESTS += tests/unit/trapd/emulate/test_emulate_cpu
tests_unit_trapd_emulate_test_emulate_cpu_SOURCES = tests/unit/trapd/emulate/test_emulate_cpu.c tests/unit/trapd/emulate/cpu_trial.c tests/unit/trapd/emulate/cpu_trial.h \
	tests/unit/trapd/emulate/native_forms.c tests/unit/trapd/emulate/native_forms.h $(FAKE_VCPU) $(FAKE_BUS)
UNIT_TESTS += tests/unit/trapd/emulate/test_x87
tests_unit_trapd_emulate_test_x87_SOURCES = tests/unit/trapd/emulate/test_x87.c $(FAKE_TABLES)
UNIT_TESTS += tests/unit/trapd/emulate/test_multiply
tests_unit_trapd_emulate_test_multiply_SOURCES = tests/unit/trapd/emulate/test_multiply.c tests/unit/trapd/emulate/native_forms.c tests/unit/trapd/emulate/native_forms.h \
	tests/unit/trapd/emulate/native_registers.inc tests/unit/trapd/emulate/native_run.S $(FAKE_VCPU)
UNIT_TESTS += tests/unit/trapd/emulate/test_plain
tests_unit_trapd_emulate_test_plain_SOURCES = tests/unit/trapd/emulate/test_plain.c $(FAKE_VCPU)
