/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HLT in code that the guest has moved. A guest that copies its own code reads HLT where trapd has replaced PUSHF, POPF or CPUID
 * (doc/flags-patcher.md), and its copy in RAM has HLT from then on. So the bytes around each opcode that was replaced are
 * remembered; a HLT that traps among the same bytes is that opcode. The set only grows. Thread: any.
 */
#ifndef SHADOWPOOL_TRAPD_CODE_MOVED_H
#define SHADOWPOOL_TRAPD_CODE_MOVED_H

#include <stdint.h>

#include "common/x86.h"

#define CODE_MOVED_REACH 7u	/* bytes on either side of an opcode that are remembered at most */

struct code_moved;

struct code_moved *code_moved_create(void);	/* NULL: no memory */
void code_moved_destroy(struct code_moved *m);
/*
 * Remember a site: page has the bytes that the guest reads, with HLT at offset site in place of opcode. A full set stays as it
 * is.
 */
void code_moved_note(struct code_moved *m, const uint8_t page[PAGE_SIZE], unsigned site, uint8_t opcode);
/*
 * around: 2 * CODE_MOVED_REACH + 1 bytes of code with HLT in the middle; only those from index first to last (included) are
 * valid. Returns the opcode that the HLT stands for; 0: no such site is known.
 */
uint8_t code_moved_find(struct code_moved *m, const uint8_t *around, unsigned first, unsigned last);

#endif
