/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that the guest has copied from where it executes it reads HLT where PUSHF, POPF and CPUID are (doc/flags-patcher.md), and has HLT
 * there in RAM from then on. What stood around each opcode that was replaced is remembered; a HLT among the same bytes is that
 * opcode. A set that only grows. Thread: any.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_MOVED_H
#define SHADOWPOOL_TRAPD_CODE_MOVED_H

#include <stdint.h>

#include "common/x86.h"
#include "trapd/cpu/vcpu.h"

#define CODE_MOVED_REACH 7u	/* bytes on either side of an opcode that can matter */

struct code_moved;

struct code_moved *code_moved_create(void);	/* NULL: no memory */
void code_moved_destroy(struct code_moved *m);
/* page is what the guest reads; the HLT at site stands for opcode. A full set takes no more. */
void code_moved_note(struct code_moved *m, const uint8_t page[PAGE_SIZE], unsigned site, uint8_t opcode);
/*
 * around: 2 * CODE_MOVED_REACH + 1 bytes of code with HLT in the middle, of which those from first to last (included) could be read.
 * The opcode that it stands for, 0: none that is known.
 */
uint8_t code_moved_find(struct code_moved *m, const uint8_t *around, unsigned first, unsigned last);
/*
 * What the HLT at gva was before the guest copied it from code that it executes: PUSHF, POPF, or the first byte of CPUID. 0: it is HLT.
 */
uint8_t code_moved_opcode(struct vcpu *v, uint64_t gva);

#endif
