/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiplication, division and sign extension of the accumulator, for emulate_plain.c. Inside of the emulator. */
#ifndef SHADOWPOOL_TRAPD_MULTIPLY_H
#define SHADOWPOOL_TRAPD_MULTIPLY_H

#include "trapd/insn/insn.h"

/* MUL; IMUL in all forms; DIV and IDIV (#DE); CBW, CWDE, CDQE; CWD, CDQ, CQO. Operands of 8 bytes: -EOPNOTSUPP where they need 128 bits. */
insn_handler multiply_unsigned, multiply_signed, multiply_divide, multiply_extend_low, multiply_extend_high;

#endif
