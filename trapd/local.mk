# trapd without its main(), so that unit tests link the same code.
noinst_LIBRARIES += trapd/libtrapd.a
trapd_libtrapd_a_SOURCES = \
	trapd/cpu_state.c trapd/cpu_state.h trapd/gva.h trapd/insn.h trapd/trap_stats.h trapd/vcpu.h trapd/vm.h \
	trapd/devices/bus.h \
	trapd/trap_stats.c
trapd_libtrapd_a_SOURCES += trapd/raise.c
include trapd/emulate.mk
include trapd/privilege.mk
include trapd/platform.mk
trapd_libtrapd_a_SOURCES += \
	trapd/alignment.c \
	trapd/before_event.c \
	trapd/code_loose.c trapd/code_loose.h \
	trapd/code_moved.c trapd/code_moved.h \
	trapd/code_pages.c trapd/code_pages.h \
	trapd/code_scan.c trapd/code_scan.h \
	trapd/code_watch.c \
	trapd/corrupt_limit.c trapd/corrupt_limit.h \
	trapd/cpuid.c trapd/cpuid.h \
	trapd/breakpoints.c \
	trapd/exits.c \
	trapd/fault.c \
	trapd/image.c trapd/image.h \
	trapd/look_ahead.c trapd/look_ahead.h \
	trapd/kcpu.c trapd/kcpu.h trapd/loader.h \
	trapd/pool_link.c trapd/pool_link.h \
	trapd/pool_request.c \
	trapd/report.c \
	trapd/selftest.c trapd/selftest.h \
	trapd/step.c \
	trapd/stub.c trapd/stub.h \
	trapd/stub_code.S \
	trapd/stub_move.c \
	trapd/trap.c \
	trapd/unseen_iret.c \
	trapd/vcpu_apic.c \
	trapd/vcpu_priv.h \
	trapd/vcpu_real.c \
	trapd/vcpu_x87.c \
	trapd/startup.c trapd/startup.h \
	trapd/vcpu_thread.c trapd/vcpu_thread.h \
	trapd/world.c trapd/world.h \
	trapd/vm.c trapd/vm.h \
	trapd/write_pair.c trapd/write_pair.h \
	trapd/write_fault.c
include trapd/control.mk
