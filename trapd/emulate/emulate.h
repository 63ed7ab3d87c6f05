/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that are carried out for the guest and need no privilege. What is architectural about privilege is
 * priv/emulate_privileged.h, x87 instructions are x87.h.
 */
#ifndef SHADOWPOOL_TRAPD_EMULATE_H
#define SHADOWPOOL_TRAPD_EMULATE_H

#include "trapd/insn/insn.h"

/* Does emulate_memory() know this instruction, with these operands? */
bool emulate_knows(const struct insn *in);
/*
 * Emulate an instruction that accesses memory: moves, arithmetic, bit operations, exchanges, strings. PUSH, POP and CALL are not
 * among them. Sets flags, posts write events and advances RIP; under REP the registers advance by whole iterations, and RIP only
 * after the last one (emulate_string.c). Return values: vcpu.h. Thread: the vCPU's own.
 */
int emulate_memory(struct vcpu *v, const struct insn *in);
/*
 * Emulate one of the instructions on registers and stack that emulate_memory() and emulate_privileged() do not know. -EOPNOTSUPP:
 * it is none.
 */
int emulate_plain(struct vcpu *v, const struct insn *in);
/*
 * The end of an emulated instruction: RIP behind it, RF cleared, #DB raised if TF is set. Returns 0, or -EFAULT: #DB, the
 * instruction is done.
 */
int emulate_retire(struct vcpu *v, const struct insn *in);
/*
 * The end of an instruction that has set RIP itself, or that goes on where it stands: #DB is raised if tf is set. tf: TF as it counts
 * for this instruction. RF is the caller's. Returns 0, or -EFAULT: #DB, the instruction is done.
 */
int emulate_step_trap(struct vcpu *v, bool tf);

#endif
