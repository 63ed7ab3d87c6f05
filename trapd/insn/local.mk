# Instructions: fetched, decoded, their operands.
noinst_LIBRARIES += trapd/insn/libinsn.a
trapd_insn_libinsn_a_CPPFLAGS = $(AM_CPPFLAGS) $(CAPSTONE_CFLAGS)
trapd_insn_libinsn_a_SOURCES = \
	trapd/insn/insn.h \
	trapd/insn/insn_decode.c \
	trapd/insn/insn_fetch.c \
	trapd/insn/insn_operand.c \
	trapd/insn/insn_prefix.c \
	trapd/insn/insn_prefix.h \
	trapd/insn/insn_regs.c \
	trapd/insn/insn_regs.h
