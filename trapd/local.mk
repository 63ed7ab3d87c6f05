# trapd without its main(), so that unit tests link the same code.
noinst_LIBRARIES += trapd/libtrapd.a
trapd_libtrapd_a_SOURCES = \
	trapd/cpu_state.h trapd/gva.h trapd/insn.h trapd/trap_stats.h trapd/vcpu.h trapd/vm.h \
	trapd/devices/bus.h \
	trapd/trap_stats.c
trapd_libtrapd_a_SOURCES += trapd/raise.c
include trapd/emulate.mk
include trapd/privilege.mk
include trapd/platform.mk
