/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest stack frames, see stack.h. Runs on the vCPU's thread; touches guest memory only through gva.h. */
#include "trapd/cpu/stack.h"

#include "trapd/cpu/gva.h"
#include "trapd/cpu/seg.h"
#include "trapd/cpu/tss.h"

void stack_current(const struct vcpu *v, struct stack *s)
{
	static const uint64_t mask[] = { [2] = 0xffff, [4] = 0xffffffff, [8] = ~0ull };
	const struct cpu_state *c = &v->cpu;

	*s = (struct stack){
		.ss = c->seg[SREG_SS],
		.sp = c->gpr[GPR_RSP] & cpu_linear_mask(c),
		.mask = mask[cpu_stack_size(c)],
		.flat = cpu_code64(c),
	};
}

void stack_flat(struct stack *s, uint64_t rsp, uint8_t cpl)
{
	*s = (struct stack){ .sp = rsp, .mask = ~0ull, .flat = true, .gva_flags = cpl == 3 ? 0 : GVA_SUPERVISOR };
}

int stack_inner(struct vcpu *v, uint8_t cpl, struct segment *ss, struct stack *s)
{
	uint16_t selector;
	uint64_t sp;
	int ret;

	*ss = (struct segment){ 0 };
	if (cpu_long_mode(&v->cpu)) {
		sp = 0;
		ret = tss_rsp(v, cpl, &sp);
		*ss = seg_null_stack(cpl);
		stack_flat(s, sp, cpl);
		return ret;
	}
	ret = tss_stack(v, cpl, &selector, &sp);
	if (ret)
		return ret;
	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_TS, 0);
	ret = seg_read_stack(v, selector, cpl, VEC_TS, ss);
	*s = (struct stack){
		.ss = *ss, .sp = sp, .mask = ss->db ? 0xffffffff : 0xffff, .gva_flags = GVA_SUPERVISOR,
		.error = selector & ~SELECTOR_RPL,
	};
	return ret;
}

static int stack_linear(struct vcpu *v, const struct stack *s, uint64_t offset, unsigned size, uint64_t *gva)
{
	if (s->flat) {
		*gva = offset;
		if (x86_is_canonical(offset) && x86_is_canonical(offset + size - 1))
			return 0;
	} else {
		*gva = (s->ss.base + offset) & 0xffffffff;
		if (s->ss.usable && seg_contains(&s->ss, offset, size))
			return 0;
	}
	return vcpu_raise(v, VEC_SS, s->error);
}

/* Does [offset, offset + size) run through without wrapping at the stack's or the address space's end? */
static bool stack_is_contiguous(const struct stack *s, uint64_t offset, unsigned size)
{
	return s->flat || (offset + size - 1 <= s->mask && ((s->ss.base + offset) & 0xffffffff) + size - 1 <= 0xffffffff);
}

/* Can the n words from offset up be written? Checks in one piece where the frame is one piece. */
static int stack_probe(struct vcpu *v, const struct stack *s, uint64_t offset, unsigned n, unsigned size)
{
	unsigned pieces = stack_is_contiguous(s, offset, n * size) ? 1 : n;
	uint64_t gva;
	int ret = 0;

	for (unsigned i = pieces; i-- > 0 && !ret; ) {
		unsigned bytes = n * size / pieces;

		ret = stack_linear(v, s, (offset + i * bytes) & s->mask, bytes, &gva);
		if (!ret)
			ret = gva_probe(v, gva, bytes, true, s->gva_flags);
	}
	return ret;
}

int stack_push(struct vcpu *v, struct stack *s, const uint64_t *word, unsigned n, unsigned size, enum write_class class)
{
	uint64_t offset = (s->sp - (uint64_t)n * size) & s->mask, gva;
	int ret = stack_probe(v, s, offset, n, size);

	for (unsigned i = 0; i < n && !ret; i++) {
		ret = stack_linear(v, s, (offset + (n - 1 - i) * size) & s->mask, size, &gva);
		if (!ret)
			ret = gva_write(v, gva, &word[i], size, s->gva_flags, class);
	}
	if (!ret)
		s->sp = (s->sp & ~s->mask) | offset;
	return ret;
}

int stack_pop(struct vcpu *v, struct stack *s, uint64_t *word, unsigned n, unsigned size)
{
	uint64_t gva;
	int ret = 0;

	for (unsigned i = 0; i < n && !ret; i++) {
		ret = stack_linear(v, s, (s->sp + i * size) & s->mask, size, &gva);
		word[i] = 0;
		if (!ret)
			ret = gva_read(v, gva, &word[i], size, s->gva_flags);
	}
	if (!ret)
		s->sp = (s->sp & ~s->mask) | ((s->sp + (uint64_t)n * size) & s->mask);
	return ret;
}

void stack_commit(struct vcpu *v, const struct stack *s)
{
	v->cpu.gpr[GPR_RSP] = s->sp;
}
