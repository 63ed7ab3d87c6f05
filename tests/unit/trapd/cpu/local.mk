UNIT_TESTS += tests/unit/trapd/cpu/test_stop
# Rooms that the fake vCPU is enough for, each linked whole with those below it: room_alone.c. BELOW_ROOM: from top to bottom.
BELOW_CPU = trapd/kvm/libkvm.a trapd/devices/libdevices.a common/libcommon.a
BELOW_INSN = trapd/cpu/libcpu.a $(BELOW_CPU)
BELOW_EMULATE = trapd/insn/libinsn.a $(BELOW_INSN)
BELOW_PRIV = trapd/emulate/libemulate.a $(BELOW_EMULATE)
ROOM_ALONE = tests/unit/trapd/cpu/room_alone.c $(FAKE_VCPU)
ALONE_LIBS = $(CAPSTONE_LIBS) $(CRITERION_LIBS) -lpthread
UNIT_TESTS += tests/unit/trapd/cpu/test_cpu_alone tests/unit/trapd/insn/test_insn_alone tests/unit/trapd/emulate/test_emulate_alone \
	tests/unit/trapd/priv/test_priv_alone

tests_unit_trapd_cpu_test_cpu_alone_SOURCES = $(ROOM_ALONE)
tests_unit_trapd_cpu_test_cpu_alone_LDFLAGS = $(AM_LDFLAGS) -Wl,--whole-archive trapd/cpu/libcpu.a -Wl,--no-whole-archive
tests_unit_trapd_cpu_test_cpu_alone_LDADD = $(BELOW_CPU) $(ALONE_LIBS)
EXTRA_tests_unit_trapd_cpu_test_cpu_alone_DEPENDENCIES = trapd/cpu/libcpu.a

tests_unit_trapd_insn_test_insn_alone_SOURCES = $(ROOM_ALONE)
tests_unit_trapd_insn_test_insn_alone_LDFLAGS = $(AM_LDFLAGS) -Wl,--whole-archive trapd/insn/libinsn.a -Wl,--no-whole-archive
tests_unit_trapd_insn_test_insn_alone_LDADD = $(BELOW_INSN) $(ALONE_LIBS)
EXTRA_tests_unit_trapd_insn_test_insn_alone_DEPENDENCIES = trapd/insn/libinsn.a

tests_unit_trapd_emulate_test_emulate_alone_SOURCES = $(ROOM_ALONE)
tests_unit_trapd_emulate_test_emulate_alone_LDFLAGS = $(AM_LDFLAGS) -Wl,--whole-archive trapd/emulate/libemulate.a -Wl,--no-whole-archive
tests_unit_trapd_emulate_test_emulate_alone_LDADD = $(BELOW_EMULATE) $(ALONE_LIBS)
EXTRA_tests_unit_trapd_emulate_test_emulate_alone_DEPENDENCIES = trapd/emulate/libemulate.a

tests_unit_trapd_priv_test_priv_alone_SOURCES = $(ROOM_ALONE)
tests_unit_trapd_priv_test_priv_alone_LDFLAGS = $(AM_LDFLAGS) -Wl,--whole-archive trapd/priv/libpriv.a -Wl,--no-whole-archive
tests_unit_trapd_priv_test_priv_alone_LDADD = $(BELOW_PRIV) $(ALONE_LIBS)
EXTRA_tests_unit_trapd_priv_test_priv_alone_DEPENDENCIES = trapd/priv/libpriv.a
