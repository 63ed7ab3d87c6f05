// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an instruction writes to memory, and which class of the write policy that is. Process trapd, the vCPU's own thread.
 * The table is ours: capstone's access flags call stores reads and reads stores, and its
 * sizes of state-saving instructions are wrong. An instruction that is absent is of class UNKNOWN: its page is let go.
 */
#include "trapd/emulate/insn_writes.h"

#include "trapd/emulate/emulate_priv.h"

enum write_form {
	FORM_NONE,
	FORM_FIRST,		/* operand 0, if it is memory */
	FORM_ANY,		/* the operand that is memory (XCHG in either order) */
	FORM_BIT,		/* operand 0 displaced by the bit offset */
	FORM_STACK,		/* implicit, below (E/R)SP */
	FORM_DESTINATION,	/* implicit, at ES:(E/R)DI */
};

struct write_row {
	uint8_t form;
	bool reuse;		/* code that uses its page as data, not as a table */
	uint16_t bytes;		/* 0: the operand's size */
};

#define STORE		{ FORM_FIRST, false, 0 }
#define STORE_OF(n)	{ FORM_FIRST, false, n }
#define REUSE_OF(n)	{ FORM_FIRST, true, n }
#define PUSH_OF(n)	{ FORM_STACK, true, n }
#define STRING		{ FORM_DESTINATION, false, 0 }

/* Sizes: SDM vol. 1 table 8-1 figures (x87 images), 10.5.1 (FXSAVE), 13.4 (XSAVE: at least legacy area and header). */
static const struct write_row rows[X86_INS_ENDING] = {
	[X86_INS_MOV] = STORE, [X86_INS_MOVABS] = STORE, [X86_INS_MOVBE] = STORE,
	[X86_INS_ADD] = STORE, [X86_INS_ADC] = STORE, [X86_INS_SUB] = STORE, [X86_INS_SBB] = STORE,
	[X86_INS_AND] = STORE, [X86_INS_OR] = STORE, [X86_INS_XOR] = STORE,
	[X86_INS_INC] = STORE, [X86_INS_DEC] = STORE, [X86_INS_NEG] = STORE, [X86_INS_NOT] = STORE,
	[X86_INS_SHL] = STORE, [X86_INS_SAL] = STORE, [X86_INS_SHR] = STORE, [X86_INS_SAR] = STORE,
	[X86_INS_ROL] = STORE, [X86_INS_ROR] = STORE, [X86_INS_RCL] = STORE, [X86_INS_RCR] = STORE,
	[X86_INS_SHLD] = STORE, [X86_INS_SHRD] = STORE, [X86_INS_POP] = STORE,
	[X86_INS_XADD] = STORE, [X86_INS_CMPXCHG] = STORE, [X86_INS_XCHG] = { FORM_ANY, false, 0 },
	[X86_INS_CMPXCHG8B] = STORE_OF(8), [X86_INS_CMPXCHG16B] = STORE_OF(16),
	[X86_INS_BTS] = { FORM_BIT, false, 0 }, [X86_INS_BTR] = { FORM_BIT, false, 0 }, [X86_INS_BTC] = { FORM_BIT, false, 0 },
	[X86_INS_SETO] = STORE, [X86_INS_SETNO] = STORE, [X86_INS_SETB] = STORE, [X86_INS_SETAE] = STORE,
	[X86_INS_SETE] = STORE, [X86_INS_SETNE] = STORE, [X86_INS_SETBE] = STORE, [X86_INS_SETA] = STORE,
	[X86_INS_SETS] = STORE, [X86_INS_SETNS] = STORE, [X86_INS_SETP] = STORE, [X86_INS_SETNP] = STORE,
	[X86_INS_SETL] = STORE, [X86_INS_SETGE] = STORE, [X86_INS_SETLE] = STORE, [X86_INS_SETG] = STORE,

	[X86_INS_MOVSB] = STRING, [X86_INS_MOVSW] = STRING, [X86_INS_MOVSD] = STRING, [X86_INS_MOVSQ] = STRING,
	[X86_INS_STOSB] = STRING, [X86_INS_STOSW] = STRING, [X86_INS_STOSD] = STRING, [X86_INS_STOSQ] = STRING,
	[X86_INS_INSB] = STRING, [X86_INS_INSW] = STRING, [X86_INS_INSD] = STRING,

	[X86_INS_PUSH] = PUSH_OF(0), [X86_INS_PUSHF] = PUSH_OF(2), [X86_INS_PUSHFD] = PUSH_OF(4), [X86_INS_PUSHFQ] = PUSH_OF(8),
	[X86_INS_PUSHAW] = PUSH_OF(16), [X86_INS_PUSHAL] = PUSH_OF(32), [X86_INS_CALL] = PUSH_OF(0),
	[X86_INS_LCALL] = PUSH_OF(0), [X86_INS_ENTER] = PUSH_OF(0),

	[X86_INS_FXSAVE] = REUSE_OF(512), [X86_INS_FXSAVE64] = REUSE_OF(512), [X86_INS_XSAVE] = REUSE_OF(576),
	[X86_INS_XSAVE64] = REUSE_OF(576), [X86_INS_XSAVEC] = REUSE_OF(576), [X86_INS_XSAVEC64] = REUSE_OF(576),
	[X86_INS_XSAVEOPT] = REUSE_OF(576), [X86_INS_XSAVEOPT64] = REUSE_OF(576), [X86_INS_XSAVES] = REUSE_OF(576),
	[X86_INS_XSAVES64] = REUSE_OF(576),
	[X86_INS_MOVNTI] = REUSE_OF(0), [X86_INS_MOVNTQ] = REUSE_OF(0), [X86_INS_MOVNTDQ] = REUSE_OF(0),
	[X86_INS_MOVNTPS] = REUSE_OF(0), [X86_INS_MOVNTPD] = REUSE_OF(0), [X86_INS_MOVNTSS] = REUSE_OF(0),
	[X86_INS_MOVNTSD] = REUSE_OF(0), [X86_INS_VMOVNTDQ] = REUSE_OF(0), [X86_INS_VMOVNTPS] = REUSE_OF(0),
	[X86_INS_VMOVNTPD] = REUSE_OF(0),
	[X86_INS_MASKMOVQ] = { FORM_DESTINATION, true, 8 }, [X86_INS_MASKMOVDQU] = { FORM_DESTINATION, true, 16 },

	[X86_INS_MOVAPS] = STORE, [X86_INS_MOVAPD] = STORE, [X86_INS_MOVUPS] = STORE, [X86_INS_MOVUPD] = STORE,
	[X86_INS_MOVDQA] = STORE, [X86_INS_MOVDQU] = STORE, [X86_INS_MOVQ] = STORE, [X86_INS_MOVD] = STORE,
	[X86_INS_MOVSS] = STORE, [X86_INS_MOVLPS] = STORE, [X86_INS_MOVLPD] = STORE, [X86_INS_MOVHPS] = STORE,
	[X86_INS_MOVHPD] = STORE, [X86_INS_PEXTRB] = STORE_OF(1), [X86_INS_PEXTRW] = STORE_OF(2), [X86_INS_PEXTRD] = STORE_OF(4),
	[X86_INS_PEXTRQ] = STORE_OF(8), [X86_INS_EXTRACTPS] = STORE_OF(4),
	[X86_INS_FST] = STORE, [X86_INS_FSTP] = STORE, [X86_INS_FIST] = STORE, [X86_INS_FISTP] = STORE,
	[X86_INS_FISTTP] = STORE, [X86_INS_FBSTP] = STORE_OF(10), [X86_INS_FNSTCW] = STORE_OF(2),
	[X86_INS_FNSTSW] = STORE_OF(2), [X86_INS_FNSTENV] = STORE_OF(28), [X86_INS_FNSAVE] = STORE_OF(108),
	[X86_INS_STMXCSR] = STORE_OF(4),
	[X86_INS_SLDT] = STORE_OF(2), [X86_INS_STR] = STORE_OF(2), [X86_INS_SMSW] = STORE_OF(2),
};

/* Where the store begins and how long it is. false: nothing is written. */
struct store { uint64_t gva; unsigned size; const struct operand *op; };

static unsigned string_bytes(const struct insn *in)
{
	for (unsigned i = 0; i < in->noperands; i++)
		if (in->op[i].type == OPERAND_MEM)
			return in->op[i].size;
	return in->opsize;
}

static uint64_t segment_base(const struct vcpu *v, enum sreg segment)
{
	if (cpu_code64(&v->cpu) && segment != SREG_FS && segment != SREG_GS)
		return 0;
	return v->cpu.seg[segment].base;
}

static bool store_of_operand(struct vcpu *v, const struct insn *in, const struct write_row *row, const struct operand *op,
			     struct store *out)
{
	struct operand at = *op;

	if (op->type != OPERAND_MEM)
		return false;
	out->op = op;
	out->size = row->bytes ? row->bytes : op->size;
	if (row->form == FORM_BIT && in->op[1].type == OPERAND_REG)
		at.disp += insn_bit_displacement(&in->op[1], insn_read_gpr(v, &in->op[1]), op->size);
	out->gva = (segment_base(v, op->segment) + insn_effective(v, in, &at)) & cpu_linear_mask(&v->cpu);
	return true;
}

static bool store_find(struct vcpu *v, const struct insn *in, const struct write_row *row, struct store *out)
{
	unsigned stack = cpu_stack_size(&v->cpu);
	const struct operand di = { .type = OPERAND_MEM, .base = GPR_RDI, .index = 0xff, .segment = SREG_ES };
	uint64_t sp_mask = emulate_mask(stack);

	*out = (struct store){ 0 };
	switch (row->form) {
	case FORM_FIRST:
	case FORM_BIT:
		return store_of_operand(v, in, row, &in->op[0], out);
	case FORM_ANY:
		return store_of_operand(v, in, row, &in->op[in->op[0].type != OPERAND_MEM], out);
	case FORM_STACK:
		out->size = row->bytes ? row->bytes : stack == 8 && in->opsize != 2 ? 8 : in->opsize;
		out->gva = segment_base(v, SREG_SS) + ((v->cpu.gpr[GPR_RSP] - out->size) & sp_mask);
		out->gva &= cpu_linear_mask(&v->cpu);
		return true;
	case FORM_DESTINATION:
		/* MOVSD is also the name of an SSE instruction: that one has an XMM operand. */
		if (in->id == X86_INS_MOVSD && (in->op[0].type != OPERAND_MEM || in->op[1].type != OPERAND_MEM))
			return store_of_operand(v, in, row, &in->op[0], out);
		out->size = row->bytes ? row->bytes : string_bytes(in);
		out->gva = (segment_base(v, SREG_ES) + insn_effective(v, in, &di)) & cpu_linear_mask(&v->cpu);
		return true;
	default:
		return false;
	}
}

/* (E/R)CX as a repeat count, 1 without a repeat prefix. */
static uint64_t repeat_count(const struct vcpu *v, const struct insn *in)
{
	if (!in->rep && !in->repne)
		return 1;
	return v->cpu.gpr[GPR_RCX] & emulate_mask(in->addrsize);
}

/*
 * A REP STOS that fills a few entries: worth emulating as one event. All conditions are those of doc/spec/pool.md section 6, but
 * that on the value.
 */
static bool stos_acceptable(struct vcpu *v, const struct insn *in, const struct store *s)
{
	uint64_t count = repeat_count(v, in);
	uint64_t ip = (segment_base(v, SREG_CS) + v->cpu.rip) & cpu_linear_mask(&v->cpu);

	if (in->id != X86_INS_STOSD && !(in->id == X86_INS_STOSQ && cpu_code64(&v->cpu)))
		return false;
	if (!in->rep || v->cpu.cpl || v->cpu.rflags & RFLAGS_DF || count > 32 || s->gva & (s->size - 1))
		return false;
	if ((s->gva & ~PAGE_MASK) + count * s->size > PAGE_SIZE || (ip & PAGE_MASK) == (s->gva & PAGE_MASK))
		return false;
	return true;
}

static enum write_class string_class(struct vcpu *v, const struct insn *in, const struct store *s)
{
	uint64_t count = repeat_count(v, in), value = v->cpu.gpr[GPR_RAX] & emulate_mask(s->size);

	if (count >= 512 || count * s->size >= 512)
		return WRITE_CLASS_REUSE;
	if (!stos_acceptable(v, in, s))
		return WRITE_CLASS_STRING;
	return value == 0 || value == 0x80 ? WRITE_CLASS_REP_STOS : WRITE_CLASS_STOS_ANY;
}

/* BTR of bit 1 (R/W) of an entry. The index is validated: register offsets select the word, immediate ones are modulo. */
static bool clears_write_bit(struct vcpu *v, const struct insn *in, const struct store *s, unsigned entry_size)
{
	uint64_t index = in->op[1].type == OPERAND_REG ? insn_read_gpr(v, &in->op[1]) : in->op[1].imm;
	uint64_t bit = index & (s->size * 8 - 1);

	if (in->id != X86_INS_BTR)
		return false;
	return ((s->gva & (entry_size - 1)) * 8 + bit) % (entry_size * 8) == 1;
}

/* Bits that CMPXCHG would change, if it succeeds. */
static uint64_t cmpxchg_change(const struct vcpu *v, const struct insn *in, const struct store *s, uint64_t *old)
{
	const uint64_t *gpr = v->cpu.gpr;

	if (in->id == X86_INS_CMPXCHG8B) {
		*old = (uint32_t)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
		return *old ^ ((uint32_t)gpr[GPR_RBX] | gpr[GPR_RCX] << 32);
	}
	*old = gpr[GPR_RAX];
	return (*old ^ insn_read_gpr(v, &in->op[1])) & emulate_mask(s->size);
}

/*
 * LOCK AND, or CMPXCHG, that takes R/W away from an entry and nothing else: what fork does where it does not use BTR. The
 * bit is in byte 0, so a store that begins elsewhere does not reach it.
 */
static bool clears_only_write_bit(const struct vcpu *v, const struct insn *in, const struct store *s, unsigned entry_size)
{
	uint64_t rw = s->size > entry_size ? PTE_W | PTE_W << 32 : PTE_W, change, old = ~0ull;

	if (s->gva & (entry_size - 1) || s->size > 8)
		return false;
	if (in->id == X86_INS_AND && in->lock)
		change = ~(in->op[1].type == OPERAND_REG ? insn_read_gpr(v, &in->op[1]) : in->op[1].imm) & emulate_mask(s->size);
	else if (in->id == X86_INS_CMPXCHG || in->id == X86_INS_CMPXCHG8B)
		change = cmpxchg_change(v, in, s, &old);
	else
		return false;
	return change && !(change & ~rw) && !(change & ~old);
}

static bool store_is_reuse(const struct vcpu *v, const struct write_row *row, const struct store *s)
{
	if (row->reuse || v->cpu.cpl == 3 || (s->op && s->op->base == GPR_RSP))
		return true;
	if ((s->gva & ~PAGE_MASK) + s->size > PAGE_SIZE)
		return true;
	return s->size >= 8 && (s->gva & (s->size >= 16 ? 15 : 7));
}

void insn_classify_write(struct vcpu *v, const struct insn *in, uint64_t gva_fault, unsigned entry_size, struct insn_write *out)
{
	const struct write_row *row = &rows[in->id < X86_INS_ENDING ? in->id : X86_INS_INVALID];
	struct store store;

	*out = (struct insn_write){ .class = WRITE_CLASS_UNKNOWN };
	if (!store_find(v, in, row, &store))
		return;
	out->size = store.size;
	out->gva = store.gva;
	/* A locked operand that is misaligned cannot be one host atomic. */
	out->emulated = emulate_knows(in) && !((in->lock || in->id == X86_INS_XCHG) && (store.gva & (store.size - 1)));
	if (store_is_reuse(v, row, &store))
		out->class = WRITE_CLASS_REUSE;
	else if (row->form == FORM_DESTINATION && !store.op)
		out->class = string_class(v, in, &store);
	else if (clears_write_bit(v, in, &store, entry_size))
		out->class = WRITE_CLASS_FORK;
	else if (out->emulated && clears_only_write_bit(v, in, &store, entry_size))
		out->class = WRITE_CLASS_FORK_LOCKED;
	else if (out->emulated)
		out->class = WRITE_CLASS_SIMPLE;
}

unsigned insn_entry_size(const struct vcpu *v)
{
	return v->walk.paging == WALK_PAE || v->walk.paging == WALK_4LEVEL ? 8 : 4;
}
