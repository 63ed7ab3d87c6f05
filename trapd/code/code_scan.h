/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which bytes of a code page are the opcode of PUSHF, of POPF, or the first opcode byte of CPUID. Pure: it knows the bytes of one
 * page, and what earlier calls have found out about that page. doc/flags-patcher.md, "Which bytes".
 */
#ifndef SHADOWPOOL_TRAPD_CODE_SCAN_H
#define SHADOWPOOL_TRAPD_CODE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/x86.h"

#define CODE_HLT	0xf4

struct code_scan {
	uint64_t visited[PAGE_SIZE / 64];	/* a bit for each byte: an instruction that control reaches begins there */
	uint64_t site[PAGE_SIZE / 64];		/* a bit for each byte: it is an opcode of PUSHF, POPF or CPUID */
	uint8_t bits;				/* width of the code: 16, 32 or 64 */
	bool paired;				/* code_scan_pairs() has looked at the page */
};

static inline bool code_bit(const uint64_t *map, unsigned offset)
{
	return map[offset / 64] >> offset % 64 & 1;
}

/* Nothing is known of the page yet. bits: 16, 32 or 64. */
void code_scan_init(struct code_scan *s, unsigned bits);
/*
 * Control is known to reach the byte at offset: follow it along straight-line code and direct branches as far as they stay
 * in the page. true: the sites are others than before. page must hold the same bytes at each call.
 * Thread: any with decoders of its own (insn_decode). Source of the opcodes: SDM vol. 2D tables.
 */
bool code_scan_flow(struct code_scan *s, const uint8_t page[PAGE_SIZE], unsigned offset);
/*
 * The pairs that compilers and kernels emit, anywhere in the page, where every way to decode the bytes before them leads there:
 * PUSHF in front of POP, of CLI, or of MOV r, CS or PUSH imm, which make a frame for IRET; POPF behind PUSH; and CPUID, which is
 * a pair of bytes itself. true: there are new ones.
 */
bool code_scan_pairs(struct code_scan *s, const uint8_t page[PAGE_SIZE]);
/*
 * Take the byte at offset for an opcode: it belongs to an instruction that begins on the page before. true: that was not known.
 */
bool code_scan_add(struct code_scan *s, unsigned offset);
unsigned code_scan_count(const struct code_scan *s);

#endif
