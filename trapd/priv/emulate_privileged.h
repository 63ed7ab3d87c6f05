/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Privileged and sensitive instructions, as the guest's virtual CPU executes them. */
#ifndef SHADOWPOOL_TRAPD_EMULATE_PRIVILEGED_H
#define SHADOWPOOL_TRAPD_EMULATE_PRIVILEGED_H

#include "trapd/insn/insn.h"

/*
 * Emulate a privileged or sensitive instruction after #GP or #UD. -EOPNOTSUPP: it is none; the exception is the guest's own.
 * Other return values: vcpu.h. Thread: the vCPU's own.
 */
int emulate_privileged(struct vcpu *v, const struct insn *in);

#endif
