# Decode, emulation and guest memory.
trapd_libtrapd_a_SOURCES += \
	trapd/alu.c \
	trapd/alu_shift.c \
	trapd/emulate_alu.c \
	trapd/emulate_memory.c \
	trapd/emulate_mov.c \
	trapd/emulate_operand.c \
	trapd/emulate_plain.c \
	trapd/multiply.c trapd/multiply.h \
	trapd/emulate_priv.h \
	trapd/emulate_string.c \
	trapd/emulate_xchg.c \
	trapd/gva.c \
	trapd/host_mem.h \
	trapd/insn_decode.c \
	trapd/insn_fetch.c \
	trapd/insn_operand.c \
	trapd/insn_prefix.c \
	trapd/insn_prefix.h \
	trapd/insn_regs.c \
	trapd/insn_regs.h \
	trapd/insn_writes.c \
	trapd/x87.c trapd/x87.h \
	trapd/x87_emulate.c \
	trapd/x87_run.S
