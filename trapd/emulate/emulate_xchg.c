// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Emulated exchanges: XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. Process trapd, the vCPU's own thread.
 */
#include <errno.h>

#include "common/barrier.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/host_mem.h"
#include "trapd/emulate/emulate_priv.h"

static const struct operand *operand_memory(const struct insn *in)
{
	return in->op[0].type == OPERAND_MEM ? &in->op[0] : &in->op[1];
}

static const struct operand *operand_register(const struct insn *in)
{
	return in->op[0].type == OPERAND_MEM ? &in->op[1] : &in->op[0];
}

/* Memory takes alu(memory, register), the register takes what memory held. */
static int exchange(struct vcpu *v, const struct insn *in, emulate_alu *alu)
{
	const struct operand *mem = operand_memory(in), *reg = operand_register(in);
	uint64_t gva, old;
	int err;

	if (mem->type != OPERAND_MEM)
		return -EOPNOTSUPP;
	err = insn_linear(v, in, mem, mem->size, true, &gva);
	if (!err)
		err = emulate_rmw(v, in, gva, mem->size, alu, insn_read_gpr(v, reg), &old);
	if (!err)
		insn_write_gpr(v, reg, old);
	return err;
}

int emulate_xchg(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return exchange(v, in, alu_second);
}

int emulate_xadd(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return exchange(v, in, alu_add);
}

/*
 * The comparison of one operand of 1 to 8 bytes. *old: what memory held. Returns 1 if it was equal and replaced, 0 if not
 * (a CPU writes the old value back then: the walk was one for a write, but there is nothing to tell the pool), or an error.
 */
static int compare_replace(struct vcpu *v, const struct insn *in, uint64_t gva, unsigned size, uint64_t expected,
			   uint64_t value, uint64_t *old)
{
	uint64_t gpa;
	void *host;
	int err = gva_rmw_ptr(v, gva, size, 0, &host, &gpa);

	if (!err) {
		*old = expected;
		if (!host_cas(host, old, value, size))
			return 0;
		vcpu_post_write(v, gpa, size, &value, old, gva_event_flags(v, 0, emulate_class(v, in, gva)));
		return 1;
	}
	if (err != -EOPNOTSUPP || (in->lock && (gva & (size - 1))))
		return err;
	err = gva_probe(v, gva, size, true, 0);
	*old = 0;
	if (!err)
		err = gva_read(v, gva, old, size, 0);
	if (err)
		return err;
	if (*old != expected)
		return 0;
	err = gva_write(v, gva, &value, size, 0, emulate_class(v, in, gva));
	return err ? err : 1;
}

int emulate_cmpxchg(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	const struct operand *to = &in->op[0];
	const struct operand accumulator = { .type = OPERAND_REG, .size = to->size, .reg = GPR_RAX };
	uint64_t expected = insn_read_gpr(v, &accumulator), gva, old;
	int equal;

	if (to->type != OPERAND_MEM)
		return -EOPNOTSUPP;
	equal = insn_linear(v, in, to, to->size, true, &gva);
	if (!equal)
		equal = compare_replace(v, in, gva, to->size, expected, insn_read_gpr(v, &in->op[1]), &old);
	if (equal < 0)
		return equal;
	alu_sub(expected, old, to->size, &v->cpu.rflags);
	if (!equal)
		insn_write_gpr(v, &accumulator, old);
	return 0;
}

static void set_zero_flag(struct vcpu *v, bool set)
{
	v->cpu.rflags = (v->cpu.rflags & ~RFLAGS_ZF) | (set ? RFLAGS_ZF : 0);
}

int emulate_cmpxchg8b(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t *gpr = v->cpu.gpr, gva, old;
	uint64_t expected = (uint32_t)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
	uint64_t value = (uint32_t)gpr[GPR_RBX] | gpr[GPR_RCX] << 32;
	int equal = insn_linear(v, in, &in->op[0], 8, true, &gva);

	if (!equal)
		equal = compare_replace(v, in, gva, 8, expected, value, &old);
	if (equal < 0)
		return equal;
	set_zero_flag(v, equal);
	if (!equal) {
		gpr[GPR_RAX] = (uint32_t)old;
		gpr[GPR_RDX] = old >> 32;
	}
	return 0;
}

int emulate_cmpxchg16b(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	uint64_t *gpr = v->cpu.gpr, gva, gpa;
	uint64_t old[2] = { gpr[GPR_RAX], gpr[GPR_RDX] };
	const uint64_t value[2] = { gpr[GPR_RBX], gpr[GPR_RCX] };
	void *host;
	bool equal;
	int err = insn_linear(v, in, &in->op[0], 16, true, &gva);

	if (err)
		return err;
	if (gva & 15)
		return vcpu_raise(v, VEC_GP, 0);
	err = gva_rmw_ptr(v, gva, 16, 0, &host, &gpa);
	if (err)
		return err;
	equal = locked_cas16(host, old, value);
	set_zero_flag(v, equal);
	if (equal) {
		vcpu_post_write(v, gpa, 16, value, old, gva_event_flags(v, 0, emulate_class(v, in, gva)));
	} else {
		gpr[GPR_RAX] = old[0];
		gpr[GPR_RDX] = old[1];
	}
	return 0;
}
