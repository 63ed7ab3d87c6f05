/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capstone's register numbers in the numbering of the manuals. */
#ifndef SHADOWPOOL_TRAPD_INSN_REGS_H
#define SHADOWPOOL_TRAPD_INSN_REGS_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stdint.h>

#include "trapd/cpu/cpu_state.h"

enum insn_reg_kind {
	INSN_REG_OTHER, INSN_REG_GPR, INSN_REG_SEGMENT, INSN_REG_CONTROL, INSN_REG_DEBUG, INSN_REG_IP
};

/* number: enum gpr, enum sreg, or the digits of CRn and DRn. high: AH, CH, DH, BH. */
struct insn_reg { uint8_t kind, number; bool high; };

/* X86_REG_*; anything unknown is INSN_REG_OTHER. */
struct insn_reg insn_register(unsigned capstone_reg);

#endif
