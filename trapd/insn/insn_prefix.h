/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legacy and REX prefixes of an instruction, as the CPU reads them (SDM vol. 2A 2.1.1, 2.2.1). */
#ifndef SHADOWPOOL_TRAPD_INSN_PREFIX_H
#define SHADOWPOOL_TRAPD_INSN_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

struct insn_prefix {
	uint8_t length;		/* bytes of prefixes, REX included */
	bool lock, opsize, addrsize;
	uint8_t repeat;		/* 0, or the last one of 0xf2 and 0xf3 */
	uint8_t segment;	/* 0, or the last segment override; in 64-bit code only those of FS and GS count */
	uint8_t rex;		/* 0, or the REX byte if it stands directly before the opcode */
	bool redundant;		/* two prefixes of one group, or one that has no effect */
};

/* Read the prefixes of an instruction of n bytes at most (n <= 15). code_bits: 16, 32 or 64. Pure. */
void insn_prefix_read(const uint8_t *bytes, unsigned n, unsigned code_bits, struct insn_prefix *out);
/*
 * Write each prefix that counts once, in the order that capstone understands: 66 after F2 and F3 before a one-byte opcode,
 * before them if the opcode begins with the escape byte 0F. Returns the number of bytes, at most 6.
 */
unsigned insn_prefix_canonical(const struct insn_prefix *p, bool escape, uint8_t out[6]);

#endif
