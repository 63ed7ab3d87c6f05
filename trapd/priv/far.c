/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Far JMP, CALL and RET, and software interrupts. Runs on the vCPU's thread; everything is checked before the first change.
 * Sources: SDM vol. 2A CALL, INT n, JMP; vol. 2B RET; vol. 3A 5.8.
 */
#include "trapd/priv/far.h"

#include <errno.h>

#include "trapd/cpu/gva.h"
#include "trapd/cpu/real_mode.h"
#include "trapd/cpu/seg.h"
#include "trapd/cpu/stack.h"
#include "trapd/cpu/stop.h"
#include "trapd/priv/priv.h"

/* L and D together are reserved in long mode. */
static bool code_size_is_valid(const struct vcpu *v, const struct segment *cs)
{
	return !cpu_long_mode(&v->cpu) || !cs->l || !cs->db;
}

int far_check_rip(struct vcpu *v, struct far_target *t)
{
	bool code64 = cpu_long_mode(&v->cpu) && t->cs.seg.l;

	if (code64 ? !x86_is_canonical(t->rip) : !seg_contains(&t->cs.seg, t->rip, 1))
		return vcpu_raise(v, VEC_GP, 0);
	return desc_set_accessed(v, &t->cs);
}

int far_read_return_cs(struct vcpu *v, uint16_t selector, struct far_target *t)
{
	const struct segment *cs = &t->cs.seg;
	uint8_t rpl;
	int ret;

	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_GP, 0);
	selector = seg_virtual_rpl(v, selector);
	rpl = selector & SELECTOR_RPL;
	ret = desc_read(v, selector, VEC_GP, &t->cs);
	if (ret)
		return ret;
	if (!segment_is_code(cs) || rpl < v->cpu.cpl)
		return desc_raise(v, VEC_GP, selector);
	if (segment_is_conforming(cs) ? cs->dpl > rpl : cs->dpl != rpl)
		return desc_raise(v, VEC_GP, selector);
	if (!code_size_is_valid(v, cs))
		return desc_raise(v, VEC_GP, selector);
	if (!cs->present)
		return desc_raise(v, VEC_NP, selector);
	t->cpl = rpl;
	return seg_check_ring(v, rpl);
}

int far_read_return_ss(struct vcpu *v, uint16_t selector, struct far_target *t)
{
	t->switch_stack = true;
	if (!selector_is_null(selector))
		return seg_read_stack(v, t->cpl == 0 ? seg_virtual_rpl(v, selector) : selector, t->cpl, VEC_GP, &t->ss);
	/* A null SS is for 64-bit code below CPL 3 only. */
	if (!cpu_long_mode(&v->cpu) || !t->cs.seg.l || t->cpl == 3)
		return vcpu_raise(v, VEC_GP, 0);
	t->ss = seg_null_stack(selector);
	return 0;
}

/* Data segments that the outer level could not have loaded itself become null (SDM vol. 3A 5.8.6). */
static void clear_inner_segments(struct cpu_state *c)
{
	static const enum sreg data[] = { SREG_ES, SREG_DS, SREG_FS, SREG_GS };

	for (unsigned i = 0; i < 4; i++) {
		struct segment *s = &c->seg[data[i]];

		if (s->usable && !segment_is_conforming(s) && s->dpl < c->cpl)
			seg_nullify(s, 0);
	}
}

void far_commit(struct vcpu *v, const struct far_target *t)
{
	struct cpu_state *c = &v->cpu;
	bool outward = t->cpl > c->cpl;

	seg_commit_cs(v, &t->cs.seg, t->cpl);
	c->rip = t->rip;
	if (t->switch_stack) {
		c->seg[SREG_SS] = t->ss;
		if (cpu_code64(c))
			c->gpr[GPR_RSP] = t->rsp;
		else if (t->ss.db)
			c->gpr[GPR_RSP] = t->rsp & 0xffffffff;
		else
			c->gpr[GPR_RSP] = (c->gpr[GPR_RSP] & 0xffff0000) | (t->rsp & 0xffff);
	}
	if (outward)
		clear_inner_segments(c);
}

/* ptr16:16/32 behind the opcode, or m16:16/32/64. */
static int far_pointer(struct vcpu *v, const struct insn *in, uint16_t *selector, uint64_t *offset)
{
	const struct operand *mem = insn_memory(in);
	uint64_t gva;
	int ret;

	*offset = 0;
	if (!mem) {
		const uint8_t *tail = &in->bytes[in->length - 2 - in->opsize];

		if (in->length < 3 + in->opsize || in->opsize > 4)
			return -EOPNOTSUPP;
		for (unsigned i = 0; i < in->opsize; i++)
			*offset |= (uint64_t)tail[i] << 8 * i;
		*selector = tail[in->opsize] | tail[in->opsize + 1] << 8;
		return 0;
	}
	ret = insn_linear(v, in, mem, in->opsize + 2, false, &gva);
	if (!ret)
		ret = gva_read(v, gva, offset, in->opsize, 0);
	if (!ret)
		ret = gva_read(v, (gva + in->opsize) & cpu_linear_mask(&v->cpu), selector, 2, 0);
	return ret;
}

/* Code segment of a direct far JMP or CALL: the privilege stays. */
static int check_direct(struct vcpu *v, struct far_target *t)
{
	const struct segment *cs = &t->cs.seg;
	uint8_t cpl = v->cpu.cpl, rpl = cs->selector & SELECTOR_RPL;
	bool allowed = segment_is_conforming(cs) ? cs->dpl <= cpl : rpl <= cpl && cs->dpl == cpl;

	if (!allowed || !code_size_is_valid(v, cs))
		return desc_raise(v, VEC_GP, cs->selector);
	if (!cs->present)
		return desc_raise(v, VEC_NP, cs->selector);
	t->cpl = cpl;
	return 0;
}

/* Code segment that a call gate leads to; t->cs holds the gate and gets the segment. */
static int check_gate_target(struct vcpu *v, const struct gate *gate, bool call, struct far_target *t)
{
	const struct segment *cs = &t->cs.seg;
	uint16_t selector = gate->selector;
	uint8_t cpl = v->cpu.cpl;
	int ret;

	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_GP, 0);
	ret = desc_read(v, selector, VEC_GP, &t->cs);
	if (ret)
		return ret;
	if (!segment_is_code(cs) || cs->dpl > cpl || (!call && !segment_is_conforming(cs) && cs->dpl != cpl))
		return desc_raise(v, VEC_GP, selector);
	if (cpu_long_mode(&v->cpu) && (!cs->l || cs->db))
		return desc_raise(v, VEC_GP, selector);
	if (!cs->present)
		return desc_raise(v, VEC_NP, selector);
	t->cpl = segment_is_conforming(cs) ? cpl : cs->dpl;
	t->rip = gate->offset;
	return seg_check_ring(v, t->cpl);
}

/*
 * A system descriptor as the target: call gates; TSSs and task gates are refused. *width gets the bytes of a pushed word,
 * *nparams the words to copy.
 */
static int through_gate(struct vcpu *v, bool call, struct far_target *t, unsigned *width, unsigned *nparams)
{
	bool wide = cpu_long_mode(&v->cpu);
	uint16_t selector = t->cs.seg.selector;
	uint8_t type = t->cs.seg.type;
	bool gate32 = type == DESC_CALL32, gate16 = type == DESC_CALL16 && !wide;
	bool task = !wide && (type == DESC_TASK_GATE || type == DESC_TSS32 || type == DESC_TSS16);
	struct gate gate;
	int ret;

	if (!gate32 && !gate16 && !task)
		return desc_raise(v, VEC_GP, selector);
	if (t->cs.seg.dpl < v->cpu.cpl || t->cs.seg.dpl < (selector & SELECTOR_RPL))
		return desc_raise(v, VEC_GP, selector);
	if (!t->cs.seg.present)
		return desc_raise(v, VEC_NP, selector);
	if (task)
		return vcpu_stop(v, VM_STOP_FAULT, "far transfer to %#x at %#llx: hardware task switches are not supported",
				 selector, (unsigned long long)v->cpu.rip);
	ret = desc_read_upper(v, VEC_GP, &t->cs);
	if (ret)
		return ret;
	desc_parse_gate(t->cs.low, t->cs.high, wide, &gate);
	*width = wide ? 8 : gate32 ? 4 : 2;
	*nparams = gate.nparams;
	return check_gate_target(v, &gate, call, t);
}

/* Read the target of a far JMP or CALL and check it. */
static int far_target(struct vcpu *v, const struct insn *in, bool call, struct far_target *t, unsigned *width, unsigned *nparams)
{
	uint16_t selector;
	int ret = far_pointer(v, in, &selector, &t->rip);

	if (ret)
		return ret;
	if (real_mode(&v->cpu))
		return vcpu_stop(v, VM_STOP_FAULT, "far transfer at %#llx in real mode: not supported",
				 (unsigned long long)v->cpu.rip);
	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_GP, 0);
	ret = desc_read(v, seg_virtual_rpl(v, selector), VEC_GP, &t->cs);
	if (ret)
		return ret;
	*width = in->opsize;
	*nparams = 0;
	if (segment_is_code(&t->cs.seg))
		ret = check_direct(v, t);
	else if (t->cs.seg.code_or_data)
		ret = desc_raise(v, VEC_GP, selector);
	else
		ret = through_gate(v, call, t, width, nparams);
	return ret ? ret : far_check_rip(v, t);
}

static int real_far_jmp(struct vcpu *v, const struct insn *in)
{
	bool tf = v->cpu.rflags & RFLAGS_TF;
	uint16_t selector;
	uint64_t offset;
	int ret = far_pointer(v, in, &selector, &offset);

	if (ret)
		return ret;
	if (offset > v->cpu.seg[SREG_CS].limit)
		return vcpu_raise(v, VEC_GP, 0);
	real_mode_load(v, SREG_CS, selector);
	v->cpu.rip = offset;
	v->cpu.rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, tf);
}

int far_jmp(struct vcpu *v, const struct insn *in)
{
	bool tf = v->cpu.rflags & RFLAGS_TF;
	struct far_target t = { 0 };
	unsigned width, nparams;
	int ret;

	if (real_mode(&v->cpu))
		return real_far_jmp(v, in);
	ret = far_target(v, in, false, &t, &width, &nparams);
	if (ret)
		return ret;
	far_commit(v, &t);
	v->cpu.rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, tf);
}

/* Push the frame of a far CALL: the old stack and the parameters if the privilege changes, and CS:rIP. */
static int push_call_frame(struct vcpu *v, const struct insn *in, struct far_target *t, unsigned width, unsigned nparams,
			   struct stack *s)
{
	const struct cpu_state *c = &v->cpu;
	uint64_t word[STACK_FRAME_MAX], param[32];
	unsigned n = 0;
	int ret = 0;

	stack_current(v, s);
	if (t->cpl != c->cpl) {
		struct stack old = *s;

		word[n++] = c->seg[SREG_SS].selector;
		word[n++] = old.sp;
		ret = stack_pop(v, &old, param, nparams, width);
		while (nparams > 0)
			word[n++] = param[--nparams];
		if (!ret)
			ret = stack_inner(v, t->cpl, &t->ss, s);
	}
	word[n++] = c->seg[SREG_CS].selector;
	word[n++] = (c->rip + in->length) & cpu_linear_mask(c);
	return ret ? ret : stack_push(v, s, word, n, width, WRITE_CLASS_REUSE);
}

int far_call(struct vcpu *v, const struct insn *in)
{
	bool tf = v->cpu.rflags & RFLAGS_TF;
	struct far_target t = { 0 };
	unsigned width, nparams;
	struct stack s;
	int ret = far_target(v, in, true, &t, &width, &nparams);

	if (!ret)
		ret = push_call_frame(v, in, &t, width, nparams, &s);
	if (ret)
		return ret;
	if (t.cpl != v->cpu.cpl)
		v->cpu.seg[SREG_SS] = t.ss;
	stack_commit(v, &s);
	far_commit(v, &t);
	v->cpu.rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, tf);
}

int far_ret(struct vcpu *v, const struct insn *in)
{
	uint64_t word[2], release = in->noperands && in->op[0].type == OPERAND_IMM ? in->op[0].imm & 0xffff : 0;
	bool tf = v->cpu.rflags & RFLAGS_TF;
	struct far_target t = { 0 };
	struct stack s;
	int ret;

	stack_current(v, &s);
	ret = stack_pop(v, &s, word, 2, in->opsize);
	if (!ret)
		ret = far_read_return_cs(v, word[1] & 0xffff, &t);
	if (ret)
		return ret;
	t.rip = word[0];
	s.sp = (s.sp & ~s.mask) | ((s.sp + release) & s.mask);
	if (t.cpl > v->cpu.cpl) {
		ret = stack_pop(v, &s, word, 2, in->opsize);
		if (!ret)
			ret = far_read_return_ss(v, word[1] & 0xffff, &t);
		t.rsp = word[0] + release;
	}
	if (!ret)
		ret = far_check_rip(v, &t);
	if (ret)
		return ret;
	stack_commit(v, &s);
	far_commit(v, &t);
	v->cpu.rflags &= ~RFLAGS_RF;
	return emulate_step_trap(v, tf);
}

int far_int(struct vcpu *v, const struct insn *in)
{
	static const struct { unsigned id; uint8_t vector; bool software; } event[] = {
		{ X86_INS_INT, 0, true }, { X86_INS_INT3, VEC_BP, true }, { X86_INS_INTO, VEC_OF, true },
		{ X86_INS_INT1, VEC_DB, false },
	};
	unsigned i = 0;
	int ret;

	while (event[i].id != in->id)
		if (++i == sizeof(event) / sizeof(event[0]))
			return -EOPNOTSUPP;
	if (in->id == X86_INS_INTO && !(v->cpu.rflags & RFLAGS_OF))
		return emulate_retire(v, in);
	ret = vcpu_raise(v, in->id == X86_INS_INT ? in->op[0].imm & 0xff : event[i].vector, 0);
	/* INT n pushes no error code, whatever the vector. */
	v->exc.has_error = false;
	v->exc.software = event[i].software;
	v->exc.insn_length = in->length;
	return ret;
}
