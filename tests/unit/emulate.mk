# Decode and emulation.
UNIT_TESTS += tests/unit/test_emulate_native
tests_unit_test_emulate_native_SOURCES = tests/unit/test_emulate_native.c tests/unit/native_forms.c tests/unit/native_forms.h \
	tests/unit/native_run.S $(FAKE_VCPU)
tests_unit_test_emulate_native_LDADD = $(UNIT_LIBS) $(CRITERION_LIBS)
