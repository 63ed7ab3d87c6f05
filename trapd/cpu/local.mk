# The state of the virtual CPU, the port that emulation works through (vcpu.h), segments, guest memory.
noinst_LIBRARIES += trapd/cpu/libcpu.a
trapd_cpu_libcpu_a_SOURCES = \
	trapd/cpu/cpu_state.c \
	trapd/cpu/cpu_state.h \
	trapd/cpu/desc.c \
	trapd/cpu/desc.h \
	trapd/cpu/gva.c \
	trapd/cpu/gva.h \
	trapd/cpu/host_mem.h \
	trapd/cpu/modes.h \
	trapd/cpu/machine.h \
	trapd/cpu/raise.c \
	trapd/cpu/real_mode.c \
	trapd/cpu/real_mode.h \
	trapd/cpu/seg.c \
	trapd/cpu/seg.h \
	trapd/cpu/stack.c \
	trapd/cpu/stack.h \
	trapd/cpu/trap_stats.c \
	trapd/cpu/trap_stats.h \
	trapd/cpu/stop.c \
	trapd/cpu/stop.h \
	trapd/cpu/tss.c \
	trapd/cpu/tss.h \
	trapd/cpu/vcpu.h
