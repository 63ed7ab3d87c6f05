// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operand values of emulated instructions, and the read-modify-write of memory. Process trapd, the vCPU's own thread.
 * Registers and flags change only after the last memory access has succeeded, so that a fault leaves the instruction undone.
 */
#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/cpu/host_mem.h"
#include "trapd/emulate/emulate_priv.h"

int operand_load(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t *value)
{
	uint64_t gva;
	int err;

	if (op->type == OPERAND_IMM) {
		*value = op->imm;
		return 0;
	}
	if (op->type == OPERAND_REG) {
		*value = insn_read_gpr(v, op);
		return 0;
	}
	err = insn_linear(v, in, op, op->size, false, &gva);
	if (err)
		return err;
	*value = 0;
	return gva_read(v, gva, value, op->size, 0);
}

int operand_store(struct vcpu *v, const struct insn *in, const struct operand *op, uint64_t value)
{
	uint64_t gva;
	int err;

	if (op->type == OPERAND_REG) {
		insn_write_gpr(v, op, value);
		return 0;
	}
	err = insn_linear(v, in, op, op->size, true, &gva);
	if (err)
		return err;
	return gva_write(v, gva, &value, op->size, 0, emulate_class(v, in, gva));
}

/* Device memory, or misaligned without LOCK: as the CPU does it, a load and then a store. */
static int rmw_in_two(struct vcpu *v, const struct insn *in, uint64_t gva, unsigned size, emulate_alu *alu, uint64_t src,
		      uint64_t *old)
{
	uint64_t rflags = v->cpu.rflags, value;
	int err = gva_probe(v, gva, size, true, 0);

	if (err)
		return err;
	*old = 0;
	err = gva_read(v, gva, old, size, 0);
	if (err)
		return err;
	value = alu(*old, src, size, &rflags);
	err = gva_write(v, gva, &value, size, 0, emulate_class(v, in, gva));
	if (!err)
		v->cpu.rflags = rflags;
	return err;
}

int emulate_rmw(struct vcpu *v, const struct insn *in, uint64_t gva, unsigned size, emulate_alu *alu, uint64_t src,
		uint64_t *old)
{
	bool atomic = in->lock || in->id == X86_INS_XCHG;
	uint64_t rflags, value, gpa;
	void *host;
	int err = gva_rmw_ptr(v, gva, size, 0, &host, &gpa);

	if (err == -EOPNOTSUPP && !(atomic && (gva & (size - 1))))
		return rmw_in_two(v, in, gva, size, alu, src, old);
	if (err)
		return err;
	*old = host_load(host, size);
	do {
		rflags = v->cpu.rflags;
		value = alu(*old, src, size, &rflags);
	} while (!host_cas(host, old, value, size));
	v->cpu.rflags = rflags;
	vcpu_post_write(v, gpa, size, &value, old, gva_event_flags(v, 0, emulate_class(v, in, gva)));
	return 0;
}
