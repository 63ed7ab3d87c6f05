UNIT_TESTS += tests/unit/trapd/insn/test_decode
tests_unit_trapd_insn_test_decode_SOURCES = tests/unit/trapd/insn/test_decode.c $(FAKE_VCPU) $(FAKE_BUS)
