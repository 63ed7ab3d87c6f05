# Instructions that are carried out for the guest.
noinst_LIBRARIES += trapd/emulate/libemulate.a
trapd_emulate_libemulate_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_emulate_libemulate_a_SOURCES = \
	trapd/emulate/alu.c \
	trapd/emulate/alu_shift.c \
	trapd/emulate/emulate.h \
	trapd/emulate/emulate_alu.c \
	trapd/emulate/emulate_memory.c \
	trapd/emulate/emulate_mov.c \
	trapd/emulate/emulate_operand.c \
	trapd/emulate/emulate_plain.c \
	trapd/emulate/emulate_priv.h \
	trapd/emulate/emulate_retire.c \
	trapd/emulate/emulate_string.c \
	trapd/emulate/emulate_xchg.c \
	trapd/emulate/insn_writes.c \
	trapd/emulate/insn_writes.h \
	trapd/emulate/multiply.c \
	trapd/emulate/multiply.h \
	trapd/emulate/x87.c \
	trapd/emulate/x87.h \
	trapd/emulate/x87_emulate.c \
	trapd/emulate/x87_run.S
