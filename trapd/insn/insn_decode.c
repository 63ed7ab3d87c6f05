// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes to struct insn, by capstone, with its known errors put right. Process trapd, the vCPU's own thread: capstone's
 * handles are not shareable, so each thread opens its own when it first decodes in a mode and closes them when it ends.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/insn/insn.h"
#include "trapd/insn/insn_prefix.h"
#include "trapd/insn/insn_regs.h"

struct decoder { csh handle; cs_insn *insn; };
/* What was decoded before. The key is all that a decoding depends on, so nothing ever makes an entry wrong. */
struct memo { uint64_t rip; uint8_t bytes[15], n, code_bits; struct insn insn; };
#define MEMOS 2048u
struct decoders { struct decoder mode[3]; struct memo memo[MEMOS]; };	/* 16, 32, 64 bits */

static pthread_once_t decoders_once = PTHREAD_ONCE_INIT;
static pthread_key_t decoders_key;
static int decoders_key_error;

static void decoders_free(void *ptr)
{
	struct decoders *all = ptr;

	for (unsigned i = 0; i < 3; i++) {
		if (all->mode[i].insn)
			cs_free(all->mode[i].insn, 1);
		if (all->mode[i].handle)
			cs_close(&all->mode[i].handle);
	}
	free(all);
}

static void decoders_key_create(void)
{
	decoders_key_error = pthread_key_create(&decoders_key, decoders_free);
}

static int decoder_open(struct decoder *d, cs_mode mode)
{
	if (cs_open(CS_ARCH_X86, mode, &d->handle) != CS_ERR_OK)
		return -ENOMEM;
	if (cs_option(d->handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		d->insn = cs_malloc(d->handle);
	if (d->insn)
		return 0;
	cs_close(&d->handle);
	d->handle = 0;
	return -ENOMEM;
}

/* This thread's, or NULL without memory. */
static struct decoders *decoders_get(void)
{
	struct decoders *all;

	pthread_once(&decoders_once, decoders_key_create);
	if (decoders_key_error)
		return NULL;
	all = pthread_getspecific(decoders_key);
	if (!all) {
		all = calloc(1, sizeof(*all));
		if (!all || pthread_setspecific(decoders_key, all)) {
			free(all);
			return NULL;
		}
	}
	return all;
}

static struct decoder *decoder_get(struct decoders *all, unsigned code_bits)
{
	static const cs_mode modes[3] = { CS_MODE_16, CS_MODE_32, CS_MODE_64 };

	if (!all->mode[code_bits / 32].insn && decoder_open(&all->mode[code_bits / 32], modes[code_bits / 32]))
		return NULL;
	return &all->mode[code_bits / 32];
}

static unsigned size_operand(unsigned code_bits, const struct insn_prefix *p)
{
	if (code_bits == 64 && (p->rex & 8))
		return 8;
	return (code_bits == 16) == p->opsize ? 4 : 2;
}

static unsigned size_address(unsigned code_bits, const struct insn_prefix *p)
{
	if (code_bits == 64)
		return p->addrsize ? 4 : 8;
	return (code_bits == 16) == p->addrsize ? 4 : 2;
}

static enum sreg override_segment(uint8_t prefix)
{
	switch (prefix) {
	case 0x26: return SREG_ES;
	case 0x2e: return SREG_CS;
	case 0x36: return SREG_SS;
	case 0x64: return SREG_FS;
	case 0x65: return SREG_GS;
	default: return SREG_DS;
	}
}

/* INS, MOVS, CMPS, STOS, LODS, SCAS: their (E/R)DI operand is always in ES (SDM vol. 2A, each instruction). */
static bool opcode_is_string(uint8_t opcode)
{
	return opcode == 0x6c || opcode == 0x6d || (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf);
}

static uint8_t address_register(x86_reg reg, bool *is_ip)
{
	struct insn_reg r = insn_register(reg);

	*is_ip = r.kind == INSN_REG_IP;
	return r.kind == INSN_REG_GPR ? r.number : 0xff;
}

static void operand_memory(const cs_x86_op *from, const struct insn_prefix *p, uint8_t opcode, struct operand *to)
{
	bool unused;

	to->type = OPERAND_MEM;
	to->base = address_register(from->mem.base, &to->rip_relative);
	to->index = address_register(from->mem.index, &unused);
	to->scale = (uint8_t)from->mem.scale;
	to->disp = from->mem.disp;
	if (opcode_is_string(opcode) && to->base == GPR_RDI)
		to->segment = SREG_ES;
	else if (p->segment)
		to->segment = override_segment(p->segment);
	else
		to->segment = to->base == GPR_RSP || to->base == GPR_RBP ? SREG_SS : SREG_DS;
}

static void operand_register(const cs_x86_op *from, struct operand *to)
{
	struct insn_reg r = insn_register(from->reg);

	to->type = OPERAND_REG;
	to->reg = r.kind == INSN_REG_OTHER || r.kind == INSN_REG_IP ? 0xff : r.number;
	to->high = r.high;
	to->is_sreg = r.kind == INSN_REG_SEGMENT;
	to->is_creg = r.kind == INSN_REG_CONTROL;
	to->is_dreg = r.kind == INSN_REG_DEBUG;
}

static void operand_convert(const cs_x86_op *from, const struct insn_prefix *p, uint8_t opcode, struct operand *to)
{
	*to = (struct operand){ .size = from->size, .base = 0xff, .index = 0xff };
	if (from->type == X86_OP_REG) {
		operand_register(from, to);
	} else if (from->type == X86_OP_IMM) {
		to->type = OPERAND_IMM;
		to->imm = (uint64_t)from->imm;
	} else if (from->type == X86_OP_MEM) {
		operand_memory(from, p, opcode, to);
	}
}

/* Operand sizes that capstone gets wrong. */
static void operand_sizes_fix(struct insn *in)
{
	switch (in->id) {
	case X86_INS_MOVSXD:	/* without REX.W it is 32 to 32 or 16 to 16 bits (SDM vol. 2B MOVSXD) */
		in->op[0].size = in->opsize;
		in->op[1].size = in->opsize == 2 ? 2 : 4;
		break;
	case X86_INS_FXSAVE: case X86_INS_FXSAVE64: case X86_INS_FXRSTOR: case X86_INS_FXRSTOR64:
		in->op[0].size = 0;	/* 512 bytes do not fit: insn_writes.c knows */
		break;
	default:
		break;
	}
}

/*
 * Two-byte opcodes of ours for which F2 and F3 mean nothing; capstone takes an F2 or F3 for a mandatory prefix and forgets 66.
 * CMOVcc, SETcc, BT and its like, CMPXCHG, MOVZX, MOVSX, XADD (SDM vol. 2D table A-3).
 */
static bool repeat_is_ignored(const uint8_t *opcode, unsigned n)
{
	uint8_t second;

	if (n < 2 || opcode[0] != 0x0f)
		return false;
	second = opcode[1];
	if ((second & 0xf0) == 0x40 || (second & 0xf0) == 0x90 || (second & 0xfe) == 0xb0 || (second & 0xfe) == 0xc0)
		return true;
	return (second & 0xe7) == 0xa3 || second == 0xba || (second & 0xf6) == 0xb6;
}

/* MOVNTI exists without prefixes of its kind only, MOVBE not with F3: #UD (SDM vol. 2B); capstone does not mind. */
static bool prefix_is_undefined(const struct insn_prefix *p, const uint8_t *opcode, unsigned n)
{
	if (n < 2 || opcode[0] != 0x0f)
		return false;
	if (opcode[1] == 0xc3)
		return p->repeat || p->opsize;
	return n > 2 && opcode[1] == 0x38 && (opcode[2] & 0xfe) == 0xf0 && p->repeat == 0xf3;
}

/*
 * Ask capstone, after prefixes that it would take wrongly are put right. Fills *prefix and *length, and returns what it says, which
 * is valid until the decoder's next use; NULL: it does not know the instruction.
 */
static const cs_insn *disassemble(struct decoder *decoder, const uint8_t *bytes, unsigned n, unsigned code_bits, uint64_t rip,
				  struct insn_prefix *prefix, unsigned *length)
{
	uint8_t buffer[6 + 15];
	const uint8_t *code = bytes;
	unsigned stripped = 0;
	size_t left = n;
	uint64_t address = rip;

	if (!decoder)
		return NULL;
	insn_prefix_read(bytes, n, code_bits, prefix);
	if (prefix_is_undefined(prefix, bytes + prefix->length, n - prefix->length))
		return NULL;
	if (prefix->repeat && repeat_is_ignored(bytes + prefix->length, n - prefix->length)) {
		prefix->repeat = 0;
		prefix->redundant = true;
	}
	/* Capstone wants a mandatory F2 or F3 right before 0F, and 66 in its own place. */
	if (prefix->length < n && (prefix->redundant || (prefix->repeat && (prefix->opsize || bytes[prefix->length] == 0x0f)))) {
		unsigned kept = insn_prefix_canonical(prefix, bytes[prefix->length] == 0x0f, buffer);

		memcpy(buffer + kept, bytes + prefix->length, n - prefix->length);
		stripped = prefix->length - kept;
		code = buffer;
		left = n - stripped;
	}
	/* A branch target in the text shall be the real one: capstone adds the length that it sees. */
	address += stripped;
	if (!cs_disasm_iter(decoder->handle, &code, &left, &address, decoder->insn) || decoder->insn->size + stripped > 15)
		return NULL;
	*length = decoder->insn->size + stripped;
	return decoder->insn;
}

static int decode(struct decoder *decoder, const uint8_t *bytes, unsigned n, unsigned code_bits, uint64_t rip, struct insn *out)
{
	struct insn_prefix prefix;
	unsigned length;
	const cs_insn *cs = disassemble(decoder, bytes, n, code_bits, rip, &prefix, &length);
	const cs_x86 *x86;

	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, bytes, n);
	if (!cs)
		return -EOPNOTSUPP;
	x86 = &cs->detail->x86;
	out->id = cs->id;
	out->length = (uint8_t)length;
	out->opsize = (uint8_t)size_operand(code_bits, &prefix);
	out->addrsize = (uint8_t)size_address(code_bits, &prefix);
	out->lock = prefix.lock;
	out->rep = prefix.repeat == 0xf3;
	out->repne = prefix.repeat == 0xf2;
	out->noperands = x86->op_count < 4 ? x86->op_count : 4;
	for (unsigned i = 0; i < out->noperands; i++)
		operand_convert(&x86->operands[i], &prefix, out->bytes[prefix.length], &out->op[i]);
	operand_sizes_fix(out);
	return 0;
}

int insn_decode(const uint8_t *bytes, unsigned n, unsigned code_bits, uint64_t rip, struct insn *out)
{
	struct decoders *all = decoders_get();
	struct memo *memo;
	int err;

	if (n > 15)
		n = 15;
	if (!all) {
		memset(out, 0, sizeof(*out));
		memcpy(out->bytes, bytes, n);
		return -EOPNOTSUPP;
	}
	memo = &all->memo[(rip ^ rip >> 11) % MEMOS];
	if (memo->rip == rip && memo->n == n && memo->code_bits == code_bits && !memcmp(memo->bytes, bytes, n)) {
		*out = memo->insn;
		return 0;
	}
	err = decode(decoder_get(all, code_bits), bytes, n, code_bits, rip, out);
	if (err)
		return err;
	memo->rip = rip;
	memo->n = (uint8_t)n;
	memo->code_bits = (uint8_t)code_bits;
	memcpy(memo->bytes, bytes, n);
	memo->insn = *out;
	return 0;
}

void insn_text(const struct insn *in, unsigned code_bits, uint64_t rip, char *text, size_t size)
{
	struct decoders *all = decoders_get();
	struct insn_prefix prefix;
	unsigned length;
	const cs_insn *cs = all ? disassemble(decoder_get(all, code_bits), in->bytes, in->length, code_bits, rip, &prefix, &length) : NULL;

	snprintf(text, size, "%.23s %.55s", cs ? cs->mnemonic : "(not an instruction)", cs ? cs->op_str : "");
}
