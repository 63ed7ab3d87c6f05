/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instruction writes to memory, without carrying it out. */
#ifndef SHADOWPOOL_TRAPD_INSN_WRITES_H
#define SHADOWPOOL_TRAPD_INSN_WRITES_H

#include "common/write_class.h"
#include "trapd/insn/insn.h"

/* Bytes of one paging entry in the guest's paging mode: 4 or 8. */
unsigned insn_entry_size(const struct vcpu *v);
/*
 * How an instruction writes memory, for the write policy (doc/spec/pool.md section 6): its class, the bytes of one store and
 * where they go, and whether emulate_memory() can carry it out. gva_fault: CR2 of the fault. entry_size: insn_entry_size().
 * Changes nothing.
 */
struct insn_write { enum write_class class; unsigned size; bool emulated; uint64_t gva; };
void insn_classify_write(struct vcpu *v, const struct insn *in, uint64_t gva_fault, unsigned entry_size, struct insn_write *out);

#endif
