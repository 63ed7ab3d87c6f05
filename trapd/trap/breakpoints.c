/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breakpoints of DR0 to DR3 on hosts whose debug registers do nothing for guest code (doc/hosts.md): while the guest has one
 * enabled, every instruction is single-stepped and its memory operands are compared. Process trapd, the vCPU's own thread.
 * Implicit stack operands are not compared. Source: SDM vol. 3B 17.2.4 (DR7), 17.2.5 (ranges), 17.3.1 (#DB).
 */
#include <errno.h>

#include "trapd/emulate/insn_writes.h"
#include "trapd/insn/insn.h"
#include "trapd/trap/vcpu_priv.h"

enum { BREAK_EXECUTE = 0, BREAK_WRITE = 1, BREAK_IO = 2, BREAK_ACCESS = 3 };

static bool is_enabled(const struct cpu_state *c, unsigned n)
{
	return c->dr7 & (3ull << (2 * n));
}

static unsigned condition(const struct cpu_state *c, unsigned n)
{
	return (c->dr7 >> (16 + 4 * n)) & 3;
}

/* LEN: 1, 2, 8, 4 bytes; the address is aligned to it. */
static uint64_t watched_bytes(const struct cpu_state *c, unsigned n)
{
	static const uint8_t bytes[4] = { 1, 2, 8, 4 };

	return bytes[(c->dr7 >> (18 + 4 * n)) & 3];
}

static bool overlaps(const struct cpu_state *c, unsigned n, uint64_t gva, uint64_t size)
{
	uint64_t bytes = watched_bytes(c, n), start = c->dr[n] & ~(bytes - 1);

	return gva < start + bytes && start < gva + size;
}

static uint64_t execute_hits(const struct cpu_state *c, uint64_t rip)
{
	uint64_t hits = 0;

	for (unsigned n = 0; n < 4; n++)
		if (is_enabled(c, n) && condition(c, n) == BREAK_EXECUTE && c->dr[n] == rip)
			hits |= 1ull << n;
	return hits;
}

static uint64_t operand_hits(struct vcpu *v, uint64_t gva, uint64_t size, bool write)
{
	const struct cpu_state *c = &v->cpu;
	uint64_t hits = 0;

	for (unsigned n = 0; n < 4; n++) {
		unsigned kind = condition(c, n);

		if (is_enabled(c, n) && (kind == BREAK_ACCESS || (kind == BREAK_WRITE && write)) && overlaps(c, n, gva, size))
			hits |= 1ull << n;
	}
	return hits;
}

static uint64_t data_hits(struct vcpu *v, const struct insn *in)
{
	uint64_t hits = 0, gva;

	for (unsigned i = 0; i < in->noperands; i++) {
		const struct operand *op = &in->op[i];
		struct insn_write w = { .class = WRITE_CLASS_UNKNOWN };

		if (op->type != OPERAND_MEM || insn_linear(v, in, op, op->size, false, &gva)) {
			v->exc.pending = false;	/* the real CPU will raise it */
			continue;
		}
		insn_classify_write(v, in, gva, insn_entry_size(v), &w);
		hits |= operand_hits(v, gva, op->size, w.size && i == 0);
	}
	return hits;
}

static bool loads_ss(const struct insn *in)
{
	return (in->id == X86_INS_MOV || in->id == X86_INS_POP) && in->op[0].is_sreg && in->op[0].reg == SREG_SS;
}

enum next breakpoints_arm(struct vcpu *v)
{
	struct soft_breakpoints *b = &v->priv->breakpoints;
	struct insn in;
	uint64_t hits;

	b->active = !v->machine->facts.breakpoints_native && (v->cpu.dr7 & 0xff);
	b->hits = 0;
	b->loads_tf = b->shadows = false;
	if (!b->active)
		return NEXT_GO_ON;
	b->rip = v->cpu.rip;
	hits = v->cpu.rflags & RFLAGS_RF ? 0 : execute_hits(&v->cpu, v->cpu.rip);
	if (hits) {
		vcpu_raise(v, VEC_DB, 0);
		v->exc.dr6 = hits;
		return NEXT_EXCEPTION;
	}
	if (insn_fetch(v, &in))
		v->exc.pending = false;		/* the real CPU will raise it */
	else {
		b->hits = data_hits(v, &in);
		b->shadows = loads_ss(&in);
		b->loads_tf = in.id == X86_INS_POPF || in.id == X86_INS_POPFD || in.id == X86_INS_POPFQ;
	}
	return NEXT_GO_ON;
}

enum next breakpoints_settle(struct vcpu *v, enum next next)
{
	struct soft_breakpoints *b = &v->priv->breakpoints;
	uint64_t hits = b->hits | b->carried;
	bool done = next == NEXT_GO_ON, faults = next == NEXT_EXCEPTION;
	bool executed = v->cpu.rip != b->rip || v->priv->vector == VEC_DB || (faults && v->exc.software);

	if (!hits || (!done && !faults) || (!executed && done))
		return next;		/* no breakpoint was hit, or the instruction has not been done and runs again */
	if (!executed)
		hits = b->carried;	/* the instruction faults in the guest: only what MOV SS has held back is due */
	b->hits = b->carried = 0;
	if (executed && done && b->shadows) {
		b->carried = hits;	/* SDM vol. 3A 6.8.3: #DB waits for the instruction after MOV SS or POP SS */
		return NEXT_GO_ON;
	}
	if (faults && v->exc.vector == VEC_DB)
		v->exc.dr6 |= hits;
	else if (faults)
		v->priv->kcpu.held_debug |= hits;	/* delivered at the first instruction of the handler */
	else if (hits) {
		vcpu_raise(v, VEC_DB, 0);
		v->exc.dr6 = hits;
		next = NEXT_EXCEPTION;
	}
	return next;
}
