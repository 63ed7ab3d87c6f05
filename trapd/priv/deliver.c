/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delivery through the guest's IDT, see deliver.h. Runs on the vCPU's thread. Everything is checked before the first
 * change: a delivery that faults leaves registers and stack as they were.
 */
#include "trapd/priv/deliver.h"

#include <errno.h>
#include <stdio.h>

#include "trapd/cpu/desc.h"
#include "trapd/cpu/gva.h"
#include "trapd/cpu/real_mode.h"
#include "trapd/cpu/seg.h"
#include "trapd/cpu/stack.h"
#include "trapd/cpu/stop.h"
#include "trapd/cpu/tss.h"

#define ERROR_EXT	1u	/* SDM vol. 3A 6.13 */
#define ERROR_IDT	2u

#define BIT(n) (1u << (n))
/* SDM vol. 3A table 6-4; what is in neither group (and any software interrupt) is benign. */
#define CONTRIBUTORY	(BIT(VEC_DE) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP))
/* Exceptions that are faults: RF is set in the frame, so that an instruction breakpoint does not hit again (17.3.1.1). */
#define FAULTS		(BIT(VEC_DE) | BIT(VEC_BR) | BIT(VEC_UD) | BIT(VEC_NM) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | \
			 BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_MF) | BIT(VEC_AC) | BIT(VEC_XM))

enum severity { BENIGN, SEVERITY_CONTRIBUTORY, SEVERITY_PAGE_FAULT, SEVERITY_DOUBLE_FAULT };

const char *deliver_exception_name(uint8_t vector)
{
	static const char *const name[] = {
		[VEC_DE] = "#DE", [VEC_DB] = "#DB", [VEC_NMI] = "NMI", [VEC_BP] = "#BP", [VEC_OF] = "#OF", [VEC_BR] = "#BR",
		[VEC_UD] = "#UD", [VEC_NM] = "#NM", [VEC_DF] = "#DF", [VEC_TS] = "#TS", [VEC_NP] = "#NP", [VEC_SS] = "#SS",
		[VEC_GP] = "#GP", [VEC_PF] = "#PF", [VEC_MF] = "#MF", [VEC_AC] = "#AC", [VEC_MC] = "#MC", [VEC_XM] = "#XM",
	};

	return vector < sizeof(name) / sizeof(name[0]) && name[vector] ? name[vector] : "interrupt";
}

static enum severity exception_severity(const struct exception *e)
{
	if (e->software || e->external)
		return BENIGN;
	if (e->vector == VEC_DF)
		return SEVERITY_DOUBLE_FAULT;
	if (e->vector == VEC_PF)
		return SEVERITY_PAGE_FAULT;
	return e->vector < 32 && (CONTRIBUTORY & BIT(e->vector)) ? SEVERITY_CONTRIBUTORY : BENIGN;
}

/* One delivery on its way: the exception and what its gate leads to. */
struct delivery {
	const struct exception *e;
	struct gate gate;
	struct descriptor cs;
	uint8_t cpl;		/* of the handler */
	struct stack stack;	/* where the frame goes */
	bool push_stack;	/* SS:rSP are part of the frame */
	struct segment ss;	/* of the handler */
};

static bool gate_is_trap(const struct gate *g)
{
	return g->type & 1;
}

static bool gate_is_32(const struct gate *g)
{
	return g->type & 8;
}

/* Read the gate and check its type, DPL and presence. */
static int read_gate(struct vcpu *v, struct delivery *d)
{
	bool wide = cpu_long_mode(&v->cpu);
	unsigned size = wide ? 16 : 8;
	uint32_t offset = d->e->vector * size, error = d->e->vector * 8u | ERROR_IDT;
	uint64_t gva = v->cpu.idtr.base + offset, low, high = 0;
	int ret;

	if (offset + size - 1 > v->cpu.idtr.limit)
		return vcpu_raise(v, VEC_GP, error);
	ret = gva_read(v, wide ? gva : gva & 0xffffffff, &low, 8, GVA_SYSTEM);
	if (!ret && wide)
		ret = gva_read(v, gva + 8, &high, 8, GVA_SYSTEM);
	if (ret)
		return ret;
	desc_parse_gate(low, high, wide, &d->gate);
	if (low >> 44 & 1)
		return vcpu_raise(v, VEC_GP, error);
	switch (d->gate.type) {
	case DESC_INT32:
	case DESC_TRAP32:
		break;
	case DESC_INT16:
	case DESC_TRAP16:
	case DESC_TASK_GATE:
		if (!wide)
			break;
		/* fall through */
	default:
		return vcpu_raise(v, VEC_GP, error);
	}
	if (d->e->software && d->gate.dpl < v->cpu.cpl)
		return vcpu_raise(v, VEC_GP, error);
	if (!d->gate.present)
		return vcpu_raise(v, VEC_NP, error);
	if (d->gate.type == DESC_TASK_GATE)
		return vcpu_stop(v, VM_STOP_FAULT,
				 "vector %u (%s) at %#llx goes through a task gate: hardware task switches are not supported",
				 d->e->vector, deliver_exception_name(d->e->vector), (unsigned long long)v->cpu.rip);
	return 0;
}

/* The handler's code segment and privilege level. */
static int read_code(struct vcpu *v, struct delivery *d)
{
	uint16_t selector = d->gate.selector;
	struct segment *cs = &d->cs.seg;
	int ret;

	if (selector_is_null(selector))
		return vcpu_raise(v, VEC_GP, 0);
	ret = desc_read(v, selector, VEC_GP, &d->cs);
	if (ret)
		return ret;
	if (!segment_is_code(cs) || cs->dpl > v->cpu.cpl)
		return desc_raise(v, VEC_GP, selector);
	if (cpu_long_mode(&v->cpu) && (!cs->l || cs->db))
		return desc_raise(v, VEC_GP, selector);
	if (!cs->present)
		return desc_raise(v, VEC_NP, selector);
	d->cpl = segment_is_conforming(cs) ? v->cpu.cpl : cs->dpl;
	return seg_check_ring(v, d->cpl);
}

/*
 * The stack of the handler: the TSS's if the privilege changes, else the current one. Long mode: an IST if the gate names one,
 * aligned to 16 bytes, and SS:RSP are always pushed (SDM vol. 3A 6.14.2 to 6.14.5).
 */
static int choose_stack(struct vcpu *v, struct delivery *d)
{
	bool switched = d->cpl != v->cpu.cpl, wide = cpu_long_mode(&v->cpu);
	int ret = 0;

	stack_current(v, &d->stack);
	if (d->gate.ist) {
		d->ss = seg_null_stack(d->cpl);
		ret = tss_ist(v, d->gate.ist, &d->stack.sp);
	} else if (switched) {
		ret = stack_inner(v, d->cpl, &d->ss, &d->stack);
	}
	if (!ret && wide)
		stack_flat(&d->stack, d->stack.sp & ~15ull, d->cpl);
	d->push_stack = switched || wide;
	return ret;
}

static uint64_t frame_flags(const struct cpu_state *c, const struct exception *e)
{
	uint64_t flags = (c->rflags & ~RFLAGS_RF) | RFLAGS_FIXED;
	bool fault = !e->software && !e->external && e->vector < 32 && (FAULTS & BIT(e->vector));

	if (fault || (e->vector == VEC_DB && !e->external && (e->dr6 & DR6_BD)))
		flags |= RFLAGS_RF;
	return flags;
}

static int push_frame(struct vcpu *v, struct delivery *d)
{
	const struct cpu_state *c = &v->cpu;
	unsigned size = cpu_long_mode(c) ? 8 : gate_is_32(&d->gate) ? 4 : 2;
	uint64_t word[6];
	unsigned n = 0;

	if (d->push_stack) {
		word[n++] = c->seg[SREG_SS].selector;
		word[n++] = c->gpr[GPR_RSP] & cpu_linear_mask(c);
	}
	word[n++] = frame_flags(c, d->e);
	word[n++] = c->seg[SREG_CS].selector;
	word[n++] = (c->rip + d->e->insn_length) & cpu_linear_mask(c);
	if (d->e->has_error)
		word[n++] = d->e->error;
	return stack_push(v, &d->stack, word, n, size, WRITE_CLASS_FRAME);
}

static void commit(struct vcpu *v, const struct delivery *d)
{
	struct cpu_state *c = &v->cpu;

	if (d->cpl != c->cpl)
		c->seg[SREG_SS] = d->ss;
	stack_commit(v, &d->stack);
	c->rip = d->gate.offset;
	c->rflags &= ~(RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM);
	if (!gate_is_trap(&d->gate))
		c->rflags &= ~RFLAGS_IF;
	c->inhibit = false;
	c->halted = false;
	seg_commit_cs(v, &d->cs.seg, d->cpl);
}

static int deliver_once(struct vcpu *v, const struct exception *e)
{
	bool wide = cpu_long_mode(&v->cpu);
	struct delivery d = { .e = e };
	int ret;

	ret = read_gate(v, &d);
	if (!ret)
		ret = read_code(v, &d);
	if (!ret)
		ret = choose_stack(v, &d);
	if (!ret && !(wide ? x86_is_canonical(d.gate.offset) : seg_contains(&d.cs.seg, d.gate.offset, 1)))
		ret = vcpu_raise(v, VEC_GP, 0);
	if (!ret)
		ret = desc_set_accessed(v, &d.cs);
	if (!ret)
		ret = push_frame(v, &d);
	if (!ret)
		commit(v, &d);
	return ret;
}

/* What happens with the exception itself, whether or not it can be delivered. SDM vol. 3A 2.5, vol. 3B 17.2.3, 17.2.4. */
static void note_exception(struct vcpu *v, const struct exception *e)
{
	struct cpu_state *c = &v->cpu;

	if (e->software || e->external)
		return;
	if (e->vector == VEC_PF)
		c->cr2 = e->cr2;
	if (e->vector == VEC_DB) {
		if (e->dr6)
			c->dr6 = (c->dr6 & ~0xfull) | e->dr6;
		c->dr7 &= ~DR7_GD;
		vcpu_debug_changed(v);
	}
}

static int triple_fault(struct vcpu *v, const struct exception *first, const struct exception *last)
{
	const struct cpu_state *c = &v->cpu;
	char cr2[32] = "";

	if (first->vector == VEC_PF && !first->software && !first->external)
		snprintf(cr2, sizeof(cr2), ", cr2 %#llx", (unsigned long long)first->cr2);
	return vcpu_stop(v, VM_STOP_FAULT,
			 "triple fault: first vector %u %s (error %#x%s) at %04x:%#llx, CPL %u, then none of it, nor #DF, could be "
			 "delivered: last %s (error %#x); IDT %#llx limit %#x",
			 first->vector, deliver_exception_name(first->vector), first->error, cr2, c->seg[SREG_CS].selector,
			 (unsigned long long)c->rip, c->cpl, deliver_exception_name(last->vector), last->error,
			 (unsigned long long)c->idtr.base, c->idtr.limit);
}

/*
 * v->exc was raised while *now was delivered: *now becomes what is delivered next, by SDM vol. 3A table 6-5. Returns -EFAULT
 * for a triple fault, else 0.
 */
static int combine(struct vcpu *v, struct exception *now)
{
	enum severity before = exception_severity(now), after;
	struct exception second = v->exc;

	if (!now->software && (BIT(second.vector) & (CONTRIBUTORY & ~BIT(VEC_DE))))
		second.error |= ERROR_EXT;
	after = exception_severity(&second);
	note_exception(v, &second);
	if (after != BENIGN && before == SEVERITY_DOUBLE_FAULT) {
		v->exc = second;
		return -EFAULT;
	}
	if ((before == SEVERITY_CONTRIBUTORY && after == SEVERITY_CONTRIBUTORY) ||
	    (before == SEVERITY_PAGE_FAULT && after != BENIGN))
		second = (struct exception){ .pending = true, .vector = VEC_DF, .has_error = true };
	*now = second;
	return 0;
}

int deliver_exception(struct vcpu *v)
{
	struct exception first = v->exc, now = first;
	int ret;

	if (!first.pending)
		return 0;
	if (real_mode(&v->cpu))
		return vcpu_stop(v, VM_STOP_FAULT, "vector %u (error %#x, cr2 %#llx) in real mode at %#llx: not supported there",
				 first.vector, first.error, (unsigned long long)first.cr2, (unsigned long long)v->cpu.rip);
	note_exception(v, &first);
	/* Each fault on the way raises the severity, or is delivered serially once: more rounds than this cannot be. */
	for (unsigned round = 0; ; round++) {
		ret = deliver_once(v, &now);
		if (ret != -EFAULT)
			break;
		if (combine(v, &now) || round > 8) {
			ret = triple_fault(v, &first, &v->exc);
			break;
		}
	}
	v->exc = ret ? now : (struct exception){ 0 };
	return ret;
}
