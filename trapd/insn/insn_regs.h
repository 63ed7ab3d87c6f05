/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capstone's register numbers turned into those of the manuals. */
#ifndef SHADOWPOOL_TRAPD_INSN_REGS_H
#define SHADOWPOOL_TRAPD_INSN_REGS_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

#include "trapd/cpu/cpu_state.h"

enum insn_reg_kind {
	INSN_REG_OTHER, INSN_REG_GPR, INSN_REG_SEGMENT, INSN_REG_CONTROL, INSN_REG_DEBUG, INSN_REG_IP
};

/* number: by kind, enum gpr, enum sreg, or n of CRn and DRn. high: the register is AH, CH, DH or BH. */
struct insn_reg { uint8_t kind, number; bool high; };

/* capstone_reg: X86_REG_*. The kind of a register that the emulator does not handle is INSN_REG_OTHER. Pure. */
struct insn_reg insn_register(unsigned capstone_reg);

#endif
