// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction bytes through the guest's own tables. Process trapd, the vCPU's own thread. The second page of a fetch is only
 * touched if the instruction needs it, or a fault that the guest must not see would be raised.
 */
#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/insn/insn.h"

static unsigned code_bits(const struct cpu_state *c)
{
	if (cpu_code64(c))
		return 64;
	return c->seg[SREG_CS].db ? 32 : 16;
}

/* Bytes that may be fetched at RIP before the limit or the end of the canonical range; 0: none. At most 15. */
static unsigned fetch_room(const struct cpu_state *c)
{
	uint64_t left;

	if (!cpu_code64(c)) {
		if (c->rip > c->seg[SREG_CS].limit)
			return 0;
		left = c->seg[SREG_CS].limit - c->rip;
		return left < 14 ? (unsigned)left + 1 : 15;
	}
	if (!x86_is_canonical(c->rip))
		return 0;
	for (left = 14; left && !x86_is_canonical(c->rip + left); left--)
		;
	return (unsigned)left + 1;
}

/* A HLT that stands for something else is that, for everybody. */
static int decode(struct vcpu *v, uint8_t *bytes, unsigned n, uint64_t gva, struct insn *out)
{
	int err = insn_decode(bytes, n, code_bits(&v->cpu), v->cpu.rip, out);
	uint8_t opcode = err || out->id != X86_INS_HLT ? 0 : vcpu_moved_opcode(v, (gva + out->length - 1) & cpu_linear_mask(&v->cpu));

	if (!opcode)
		return err;
	bytes[out->length - 1] = opcode;
	return insn_decode(bytes, n, code_bits(&v->cpu), v->cpu.rip, out);
}

int insn_fetch(struct vcpu *v, struct insn *out)
{
	const struct cpu_state *c = &v->cpu;
	uint64_t base = cpu_code64(c) ? 0 : c->seg[SREG_CS].base;
	uint64_t gva = (base + c->rip) & cpu_linear_mask(c);
	unsigned room = fetch_room(c);
	unsigned in_page = (unsigned)(PAGE_SIZE - (gva & ~PAGE_MASK));
	unsigned first = in_page < room ? in_page : room;
	uint8_t bytes[15];
	int err;

	if (!room)
		return vcpu_raise(v, VEC_GP, 0);
	err = gva_read(v, gva, bytes, first, GVA_FETCH);
	if (err)
		return err;
	err = decode(v, bytes, first, gva, out);
	if (err && first < room) {
		err = gva_read(v, (gva + first) & cpu_linear_mask(c), bytes + first, room - first, GVA_FETCH);
		if (err)
			return err;
		err = decode(v, bytes, room, gva, out);
	}
	if (err && room < 15)
		return vcpu_raise(v, VEC_GP, 0);
	return err;
}
