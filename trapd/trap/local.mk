# From a trap to what is done about it, and back into the guest.
noinst_LIBRARIES += trapd/trap/libtrap.a
trapd_trap_libtrap_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_trap_libtrap_a_SOURCES = \
	trapd/trap/alignment.c \
	trapd/trap/before_event.c \
	trapd/trap/breakpoints.c \
	trapd/trap/exits.c \
	trapd/trap/fault.c \
	trapd/trap/interrupt.c \
	trapd/trap/interrupt.h \
	trapd/trap/look_ahead.c \
	trapd/trap/look_ahead.h \
	trapd/trap/next.h \
	trapd/trap/report.c \
	trapd/trap/step.c \
	trapd/trap/stub_move.c \
	trapd/trap/trap.c \
	trapd/trap/unseen_iret.c \
	trapd/trap/vcpu_priv.h \
	trapd/trap/vcpu_real.c \
	trapd/trap/write_fault.c \
	trapd/trap/write_pair_insns.c \
	trapd/trap/write_pair_insns.h
