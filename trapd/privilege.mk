# What is architectural about privilege: delivery, segments, far transfers, control registers, MSRs.
trapd_libtrapd_a_SOURCES += \
	trapd/deliver.c \
	trapd/deliver.h \
	trapd/desc.c \
	trapd/desc.h \
	trapd/emulate_privileged.c \
	trapd/far.c \
	trapd/far.h \
	trapd/iret.c \
	trapd/priv.h \
	trapd/priv_cpuid.c \
	trapd/priv_cr.c \
	trapd/priv_debug.c \
	trapd/priv_desc.c \
	trapd/priv_flags.c \
	trapd/priv_invpcid.c \
	trapd/priv_io.c \
	trapd/priv_misc.c \
	trapd/priv_msr.c \
	trapd/priv_sreg.c \
	trapd/priv_xsave.c \
	trapd/real_mode.c trapd/real_mode.h trapd/seg.c \
	trapd/seg.h \
	trapd/stack.c \
	trapd/stack.h \
	trapd/syscall.c \
	trapd/tss.c \
	trapd/tss.h
