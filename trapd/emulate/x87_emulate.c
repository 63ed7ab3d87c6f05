// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's x87 instruction after #UD: its operand through the guest's tables, its faults in the CPU's order. Process trapd,
 * the vCPU's own thread. Sources: SDM vol. 1 8.6, 8.7 (exceptions), vol. 3A 2.5 (CR0.EM, CR0.TS).
 */
#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/emulate/emulate_priv.h"
#include "trapd/emulate/x87.h"
#include "trapd/insn/insn_prefix.h"

#define PIECE 64u	/* what gva_read and gva_write take at once */

static int operand_read(struct vcpu *v, uint64_t gva, uint8_t *bytes, unsigned size)
{
	int rc = 0;

	for (unsigned at = 0; !rc && at < size; at += PIECE)
		rc = gva_read(v, (gva + at) & cpu_linear_mask(&v->cpu), bytes + at, size - at < PIECE ? size - at : PIECE, 0);
	return rc;
}

static int operand_write(struct vcpu *v, const struct insn *in, uint64_t gva, const uint8_t *bytes, unsigned size)
{
	int rc = gva_probe(v, gva, size, true, 0);

	for (unsigned at = 0; !rc && at < size; at += PIECE)
		rc = gva_write(v, (gva + at) & cpu_linear_mask(&v->cpu), bytes + at, size - at < PIECE ? size - at : PIECE, 0,
			       emulate_class(v, in, gva));
	return rc;
}

/* A result that an exception which is not masked has kept from being made: nothing is stored. */
static bool store_is_kept_back(const struct x87_image *image)
{
	return image->status & ~image->control & (X87_SW_IE | X87_SW_OE | X87_SW_UE);
}

/* Where the operand is; 0 or -EFAULT. -EOPNOTSUPP: capstone sees none. */
static int operand_at(struct vcpu *v, const struct insn *in, const struct x87_form *form, uint64_t *gva, uint64_t *offset)
{
	const struct operand *op = insn_memory(in);

	if (!op)
		return -EOPNOTSUPP;
	*offset = insn_effective(v, in, op);
	return insn_linear(v, in, op, form->size, form->stores, gva);
}

/* The form of the instruction, if it is one that this file carries out. */
static bool find_form(const struct vcpu *v, const struct insn *in, struct x87_form *form)
{
	struct insn_prefix prefix;

	insn_prefix_read(in->bytes, in->length, cpu_code64(&v->cpu) ? 64 : 32, &prefix);
	if (in->lock || prefix.length + 2u > in->length ||
	    !x87_form(in->bytes[prefix.length], in->bytes[prefix.length + 1], form))
		return false;
	return form->size < 28 || in->opsize != 2;	/* the 16-bit images have another layout */
}

int x87_emulate(struct vcpu *v, const struct insn *in)
{
	uint64_t gva = 0, offset = 0, rax = v->cpu.gpr[GPR_RAX], rflags = v->cpu.rflags;
	uint8_t memory[X87_MEMORY_MAX] = { 0 };
	struct x87_image image;
	struct x87_form form;
	int rc;

	if (!find_form(v, in, &form))
		return -EOPNOTSUPP;
	if (v->cpu.cr0 & (CR0_EM | CR0_TS))
		return vcpu_raise(v, VEC_NM, 0);
	rc = vcpu_read_x87(v, &image);
	if (rc)
		return rc;
	if (form.waits && (image.status & X87_SW_ES))
		return vcpu_raise(v, VEC_MF, 0);
	if (form.size)
		rc = operand_at(v, in, &form, &gva, &offset);
	if (!rc && form.size && !form.stores)
		rc = operand_read(v, gva, memory, form.size);
	if (rc)
		return rc;
	x87_execute(&form, &image, memory, &rax, &rflags);
	if (form.stores && (form.control || !store_is_kept_back(&image)))
		rc = operand_write(v, in, gva, memory, form.size);
	if (rc)
		return rc;
	if (!form.control) {
		image.ip = v->cpu.rip;
		image.data = form.size ? offset : image.data;
		image.opcode = (uint16_t)((form.opcode & 7) << 8 | form.modrm);
	}
	rc = vcpu_write_x87(v, &image);
	if (rc)
		return rc;
	v->cpu.gpr[GPR_RAX] = rax;
	v->cpu.rflags = rflags;
	v->cpu.inhibit = false;
	return emulate_retire(v, in);
}
