/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers by number, and a segment register with its hidden part: what the real CPU and the virtual one have in common. */
#ifndef SHADOWPOOL_TRAPD_REGISTERS_H
#define SHADOWPOOL_TRAPD_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Encoding order of the manuals: ModRM.reg, REX, /r (SDM vol. 2A 2.1.5). */
enum gpr { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12,
	   GPR_R13, GPR_R14, GPR_R15, GPR_COUNT };
/* Encoding order of Sreg (SDM vol. 2A table B-8). */
enum sreg { SREG_ES, SREG_CS, SREG_SS, SREG_DS, SREG_FS, SREG_GS, SREG_COUNT };

struct segment {
	uint16_t selector;
	bool usable;		/* false: null selector loaded */
	uint8_t type;		/* 4 bits of the descriptor */
	bool code_or_data;	/* S */
	uint8_t dpl;
	bool present, avl, l, db, g;
	uint64_t base;
	uint32_t limit;		/* in bytes, granularity applied */
};

#endif
