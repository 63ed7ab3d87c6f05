// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Emulated string instructions: MOVS, STOS, LODS, CMPS, SCAS with and without REP. Process trapd, the vCPU's own thread.
 * Under REP at most STRING_BATCH iterations are done per call. Each iteration is whole: its accesses are walked before it
 * stores, and registers advance after it; RIP stays until the count is 0, so an interrupt or a fault finds the state that a
 * CPU would show (SDM vol. 2B REP).
 */
#include <errno.h>

#include "common/barrier.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/machine.h"
#include "trapd/emulate/emulate_priv.h"
#include "trapd/emulate/insn_writes.h"

#define STRING_BATCH	32u

/* One iteration; *stop: a repeat condition on ZF has ended the loop. */
struct string_op {
	int (*step)(struct vcpu *v, const struct insn *in, unsigned size);
	bool compares;
};

static struct operand index_operand(const struct insn *in, uint8_t reg, unsigned size)
{
	struct operand op = { .type = OPERAND_MEM, .size = (uint8_t)size, .base = reg, .index = 0xff };

	op.segment = reg == GPR_RDI ? SREG_ES : SREG_DS;
	for (unsigned i = 0; i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM && in->op[i].base == reg)
			op.segment = in->op[i].segment;
	return op;
}

static struct operand counter_operand(const struct insn *in, uint8_t reg)
{
	return (struct operand){ .type = OPERAND_REG, .size = in->addrsize, .reg = reg };
}

static void index_advance(struct vcpu *v, const struct insn *in, uint8_t reg, unsigned size)
{
	struct operand op = counter_operand(in, reg);
	uint64_t step = v->cpu.rflags & RFLAGS_DF ? -(uint64_t)size : size;

	insn_write_gpr(v, &op, insn_read_gpr(v, &op) + step);
}

static int index_load(struct vcpu *v, const struct insn *in, uint8_t reg, unsigned size, uint64_t *value)
{
	struct operand op = index_operand(in, reg, size);

	return operand_load(v, in, &op, value);
}

static int index_store(struct vcpu *v, const struct insn *in, unsigned size, uint64_t value)
{
	struct operand op = index_operand(in, GPR_RDI, size);

	return operand_store(v, in, &op, value);
}

static struct operand accumulator(unsigned size)
{
	return (struct operand){ .type = OPERAND_REG, .size = (uint8_t)size, .reg = GPR_RAX };
}

static int movs_step(struct vcpu *v, const struct insn *in, unsigned size)
{
	uint64_t value;
	int err = index_load(v, in, GPR_RSI, size, &value);

	if (!err)
		err = index_store(v, in, size, value);
	if (err)
		return err;
	index_advance(v, in, GPR_RSI, size);
	index_advance(v, in, GPR_RDI, size);
	return 0;
}

static int stos_step(struct vcpu *v, const struct insn *in, unsigned size)
{
	const struct operand from = accumulator(size);
	int err = index_store(v, in, size, insn_read_gpr(v, &from));

	if (!err)
		index_advance(v, in, GPR_RDI, size);
	return err;
}

static int lods_step(struct vcpu *v, const struct insn *in, unsigned size)
{
	const struct operand to = accumulator(size);
	uint64_t value;
	int err = index_load(v, in, GPR_RSI, size, &value);

	if (err)
		return err;
	insn_write_gpr(v, &to, value);
	index_advance(v, in, GPR_RSI, size);
	return 0;
}

static int cmps_step(struct vcpu *v, const struct insn *in, unsigned size)
{
	uint64_t first, second;
	int err = index_load(v, in, GPR_RSI, size, &first);

	if (!err)
		err = index_load(v, in, GPR_RDI, size, &second);
	if (err)
		return err;
	alu_sub(first, second, size, &v->cpu.rflags);
	index_advance(v, in, GPR_RSI, size);
	index_advance(v, in, GPR_RDI, size);
	return 0;
}

static int scas_step(struct vcpu *v, const struct insn *in, unsigned size)
{
	const struct operand first = accumulator(size);
	uint64_t second;
	int err = index_load(v, in, GPR_RDI, size, &second);

	if (err)
		return err;
	alu_sub(insn_read_gpr(v, &first), second, size, &v->cpu.rflags);
	index_advance(v, in, GPR_RDI, size);
	return 0;
}

/* REPE goes on while ZF is 1, REPNE while it is 0. MOVS, STOS and LODS repeat on either prefix. */
static bool condition_ended(const struct vcpu *v, const struct insn *in)
{
	return (bool)(v->cpu.rflags & RFLAGS_ZF) != in->rep;
}

static int string_repeat(struct vcpu *v, const struct insn *in, const struct string_op *op, unsigned size)
{
	const struct operand counter = counter_operand(in, GPR_RCX);
	uint64_t left = insn_read_gpr(v, &counter);
	unsigned batch = v->cpu.rflags & RFLAGS_TF ? 1 : STRING_BATCH;

	for (unsigned done = 0; left; done++) {
		int err;

		if (done == batch)
			return EMULATE_AGAIN;
		err = op->step(v, in, size);
		if (err)
			return err == -EOPNOTSUPP && done ? EMULATE_AGAIN : err;
		insn_write_gpr(v, &counter, --left);
		if (op->compares && condition_ended(v, in))
			break;
	}
	return 0;
}

/* What a REP stores to a guest table is one event for each call, if it lies side by side. */
static int string_run(struct vcpu *v, const struct insn *in, const struct string_op *op, unsigned size)
{
	int err;

	if (!in->rep && !in->repne)
		return op->step(v, in, size);
	vcpu_run_begin(v);
	err = string_repeat(v, in, op, size);
	vcpu_run_end(v);
	return err;
}

int emulate_movs(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return string_run(v, in, &(struct string_op){ movs_step, false }, row->arg);
}

/* Is [gva, gva + bytes), inside one page, memory that poold does not watch? Then a fill of it is no event at all. */
static bool fill_is_unwatched(struct vcpu *v, uint64_t gva, uint64_t bytes)
{
	struct walk_result walk;

	return (gva & ~PAGE_MASK) + bytes <= PAGE_SIZE &&
	       !walk_guest(&v->machine->ram, &v->walk, gva, WALK_WRITE | (v->cpu.cpl == 3 ? WALK_USER : 0), &walk) &&
	       guest_ram_contains(&v->machine->ram, walk.gpa, bytes) && !load_relaxed(&v->machine->page_state[walk.gpa >> PAGE_SHIFT]);
}

/*
 * A REP STOS that the write policy accepts lies inside one page: it is walked once and is one event. So is one that fills
 * memory which poold does not watch. -EOPNOTSUPP: not such a one, or not plain memory; iteration by iteration then.
 */
static int stos_fill(struct vcpu *v, const struct insn *in, unsigned size)
{
	const struct operand counter = counter_operand(in, GPR_RCX), from = accumulator(size);
	struct operand to = index_operand(in, GPR_RDI, size);
	unsigned count = (unsigned)insn_read_gpr(v, &counter);
	struct insn_write write;
	uint64_t gva;
	int err;

	if (!count || count > PAGE_SIZE || (v->cpu.rflags & (RFLAGS_TF | RFLAGS_DF)))
		return -EOPNOTSUPP;
	insn_classify_write(v, in, 0, insn_entry_size(v), &write);
	err = insn_linear(v, in, &to, size * count, true, &gva);
	if (err) {
		v->exc.pending = false;	/* some iteration raises it again, after those before it */
		return -EOPNOTSUPP;
	}
	if (write_class_effective(write.class, v->machine->extensions) != WRITE_CLASS_REP_STOS &&
	    !fill_is_unwatched(v, gva, (uint64_t)size * count))
		return -EOPNOTSUPP;
	err = gva_fill(v, gva, size, count, insn_read_gpr(v, &from), write.class);
	if (err)
		return err;
	to = counter_operand(in, GPR_RDI);
	insn_write_gpr(v, &to, insn_read_gpr(v, &to) + (uint64_t)size * count);
	insn_write_gpr(v, &counter, 0);
	return 0;
}

int emulate_stos(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	int err = in->rep ? stos_fill(v, in, row->arg) : -EOPNOTSUPP;

	if (err != -EOPNOTSUPP)
		return err;
	return string_run(v, in, &(struct string_op){ stos_step, false }, row->arg);
}

int emulate_lods(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return string_run(v, in, &(struct string_op){ lods_step, false }, row->arg);
}

int emulate_cmps(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return string_run(v, in, &(struct string_op){ cmps_step, true }, row->arg);
}

int emulate_scas(struct vcpu *v, const struct insn *in, const struct emulate_row *row)
{
	return string_run(v, in, &(struct string_op){ scas_step, true }, row->arg);
}
