# What is architectural about privilege: delivery, far transfers, control registers, MSRs.
noinst_LIBRARIES += trapd/priv/libpriv.a
trapd_priv_libpriv_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_priv_libpriv_a_SOURCES = \
	trapd/priv/deliver.c \
	trapd/priv/deliver.h \
	trapd/priv/emulate_privileged.c \
	trapd/priv/emulate_privileged.h \
	trapd/priv/far.c \
	trapd/priv/far.h \
	trapd/priv/iret.c \
	trapd/priv/priv.h \
	trapd/priv/priv_cpuid.c \
	trapd/priv/priv_cr.c \
	trapd/priv/priv_debug.c \
	trapd/priv/priv_desc.c \
	trapd/priv/priv_flags.c \
	trapd/priv/priv_invpcid.c \
	trapd/priv/priv_io.c \
	trapd/priv/priv_misc.c \
	trapd/priv/priv_msr.c \
	trapd/priv/priv_sreg.c \
	trapd/priv/priv_xsave.c \
	trapd/priv/syscall.c
