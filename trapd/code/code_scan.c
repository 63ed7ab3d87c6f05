/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See code_scan.h. Process trapd, the vCPU's own thread (for its decoders); no state.
 *
 * A byte must not be taken for an opcode unless that is certain: it would be replaced, and if it is an operand or data it would
 * be wrong without notice. Certain are instructions that control reaches from one that was executed. Where nothing was executed
 * yet, this helps: decoding that begins in the middle of an instruction falls into step with the true instructions within some
 * ten of them. No instruction is longer than 15 bytes, so one of 15 neighbouring bytes begins an instruction; if decoding from
 * each of them leads to the same byte, an instruction begins there.
 */
#include "trapd/code/code_scan.h"

#include <string.h>

#include "trapd/insn/insn.h"
#include "trapd/insn/insn_prefix.h"

#define STARTS		15u	/* bytes of the longest instruction */
#define RUN_UP		160u	/* bytes decoded in front of a pair */
#define MANY		4u	/* starts that must lead to the pair; starts that run into undefined bytes prove nothing */
#define SCAN_BASE	0x8000u	/* RIP of byte 0: branches of 16-bit code stay below 64 KiB */

enum flow {
	FLOW_ON,	/* control goes to the next instruction */
	FLOW_BOTH,	/* to the next instruction or to the target */
	FLOW_TARGET,
	FLOW_END,	/* to a place that is not known from the bytes */
};

/* One-byte opcodes; the others are FLOW_ON. */
static const uint8_t flow_one[256] = {
	[0x70 ... 0x7f] = FLOW_BOTH,	/* Jcc */
	[0x9a] = FLOW_END,		/* CALL far */
	[0xc2] = FLOW_END, [0xc3] = FLOW_END, [0xca] = FLOW_END, [0xcb] = FLOW_END,	/* RET */
	[0xcc] = FLOW_END, [0xcd] = FLOW_END, [0xcf] = FLOW_END,	/* INT3, INT n, IRET */
	[0xe0 ... 0xe3] = FLOW_BOTH,	/* LOOP, JCXZ */
	[0xe8] = FLOW_BOTH,		/* CALL: it comes back */
	[0xe9] = FLOW_TARGET, [0xea] = FLOW_END, [0xeb] = FLOW_TARGET,	/* JMP */
	[0xf1] = FLOW_END,		/* INT1 */
};
/* Second byte of opcodes that begin with 0F; the others are FLOW_ON. */
static const uint8_t flow_two[256] = {
	[0x05] = FLOW_END, [0x07] = FLOW_END, [0x0b] = FLOW_END,	/* SYSCALL, SYSRET, UD2 */
	[0x34] = FLOW_END, [0x35] = FLOW_END,			/* SYSENTER, SYSEXIT */
	[0x80 ... 0x8f] = FLOW_BOTH,	/* Jcc */
	[0xb9] = FLOW_END, [0xff] = FLOW_END,			/* UD1, UD0 */
};

struct step {
	unsigned length;	/* 0: not decodable, or not whole on this page */
	enum flow flow;
	unsigned target;	/* FLOW_BOTH, FLOW_TARGET; PAGE_SIZE: not on this page */
	bool sensitive;		/* PUSHF, POPF or CPUID */
	unsigned opcode;	/* where its opcode begins, from the page's start */
	bool push, pop;			/* of anything but flags */
	bool follows;			/* what comes behind PUSHF: CLI, or MOV r, CS and PUSH imm, as for the frame of IRET */
};

static bool bit_set(uint64_t *map, unsigned offset)
{
	bool is_new = !code_bit(map, offset);

	map[offset / 64] |= 1ull << offset % 64;
	return is_new;
}

static bool is_sensitive(const struct insn *in, const uint8_t *opcode, unsigned left)
{
	switch (in->id) {
	case X86_INS_PUSHF: case X86_INS_PUSHFD: case X86_INS_PUSHFQ: case X86_INS_POPF: case X86_INS_POPFD: case X86_INS_POPFQ:
		return left == 1 && (opcode[0] | 1) == 0x9d && !in->lock;
	case X86_INS_CPUID:
		return left == 2 && opcode[0] == 0x0f && opcode[1] == 0xa2 && !in->lock;
	default:
		return false;
	}
}

static enum flow flow_of(const uint8_t *opcode, unsigned left)
{
	if (opcode[0] == 0x0f)
		return left > 1 ? (enum flow)flow_two[opcode[1]] : FLOW_END;
	if (opcode[0] == 0xff && left > 1) {	/* group 5: JMP near and far, CALL far are 4, 5 and 3 */
		unsigned reg = opcode[1] >> 3 & 7;

		return reg >= 3 && reg <= 5 ? FLOW_END : FLOW_ON;
	}
	return (enum flow)flow_one[opcode[0]];
}

/*
 * SERIALIZE and other newer instructions of group 7, which capstone does not know: with a register form of ModRM none of that
 * group has an operand behind it (SDM vol. 2D table A-6). 0: it is something else.
 */
static unsigned group7_length(const uint8_t *bytes, unsigned n, unsigned prefixes)
{
	return prefixes + 3 <= n && bytes[prefixes] == 0x0f && bytes[prefixes + 1] == 0x01 && bytes[prefixes + 2] >= 0xc0 ? prefixes + 3 : 0;
}

static void step_read(const struct code_scan *s, const uint8_t *page, unsigned offset, struct step *out)
{
	unsigned left = PAGE_SIZE - offset < STARTS ? (unsigned)PAGE_SIZE - offset : STARTS;
	struct insn_prefix prefix;
	struct insn in;

	*out = (struct step){ .target = PAGE_SIZE };
	insn_prefix_read(page + offset, left, s->bits, &prefix);
	if (insn_decode(page + offset, left, s->bits, SCAN_BASE + offset, &in)) {
		out->length = group7_length(page + offset, left, prefix.length);
		return;
	}
	if (prefix.length >= in.length)
		return;
	out->length = in.length;
	out->flow = flow_of(page + offset + prefix.length, in.length - prefix.length);
	if ((out->flow == FLOW_BOTH || out->flow == FLOW_TARGET) && in.op[0].type == OPERAND_IMM &&
	    in.op[0].imm - SCAN_BASE < PAGE_SIZE)
		out->target = (unsigned)(in.op[0].imm - SCAN_BASE);
	out->opcode = offset + prefix.length;
	out->sensitive = is_sensitive(&in, page + out->opcode, in.length - prefix.length);
	out->push = in.id == X86_INS_PUSH && !in.op[0].is_sreg;
	out->pop = in.id == X86_INS_POP && !in.op[0].is_sreg;
	out->follows = in.id == X86_INS_CLI || (in.id == X86_INS_PUSH && in.op[0].type == OPERAND_IMM) ||
		       (in.id == X86_INS_MOV && in.op[0].type == OPERAND_REG && in.op[1].is_sreg && in.op[1].reg == SREG_CS);
}

/* Is a site also a byte of another instruction that control reaches, and not its opcode? Then it is no site. */
static bool site_is_disputed(const struct code_scan *s, const uint8_t *page, unsigned site)
{
	unsigned first = site < STARTS - 1 ? 0 : site - (STARTS - 1);

	for (unsigned o = first; o <= site; o++) {
		struct step i;

		if (!code_bit(s->visited, o))
			continue;
		step_read(s, page, o, &i);
		if (o + i.length > site && !(i.sensitive && i.opcode == site))
			return true;
	}
	return false;
}

/*
 * Take back the sites that are disputed. More instructions only dispute more sites, so a site that was taken back does not
 * return.
 */
static bool sites_settle(struct code_scan *s, const uint8_t *page, const struct code_scan *before)
{
	for (unsigned word = 0; word < PAGE_SIZE / 64; word++)
		for (uint64_t left = s->site[word]; left; left &= left - 1) {
			unsigned site = word * 64 + (unsigned)__builtin_ctzll(left);

			if (site_is_disputed(s, page, site))
				s->site[word] &= ~(1ull << site % 64);
		}
	return memcmp(s->site, before->site, sizeof(s->site));
}

void code_scan_init(struct code_scan *s, unsigned bits)
{
	memset(s, 0, sizeof(*s));
	s->bits = (uint8_t)bits;
}

bool code_scan_flow(struct code_scan *s, const uint8_t page[PAGE_SIZE], unsigned offset)
{
	const struct code_scan before = *s;
	uint64_t wanted[PAGE_SIZE / 64] = { 0 };
	bool more = true;

	bit_set(wanted, offset);
	/* The target of a branch backwards is followed in another round. */
	while (more) {
		more = false;
		for (unsigned o = 0; o < PAGE_SIZE; o++) {
			struct step i;

			if (!code_bit(wanted, o) || !bit_set(s->visited, o))
				continue;
			step_read(s, page, o, &i);
			if (!i.length)
				continue;
			if (i.sensitive)
				bit_set(s->site, i.opcode);
			if (i.flow != FLOW_END && i.target < PAGE_SIZE) {
				bit_set(wanted, i.target);
				more |= i.target <= o;
			}
			if ((i.flow == FLOW_ON || i.flow == FLOW_BOTH) && o + i.length < PAGE_SIZE)
				bit_set(wanted, o + i.length);
		}
	}
	return sites_settle(s, page, &before);
}

/* Does decoding from each of the STARTS bytes RUN_UP bytes in front lead to the byte at offset? */
static bool is_boundary(const struct code_scan *s, const uint8_t *page, unsigned offset)
{
	unsigned first = offset > RUN_UP ? offset - RUN_UP : 0;
	uint8_t ways[RUN_UP + 1] = { 0 };

	if (offset < first + STARTS)
		return false;
	memset(ways, 1, STARTS);
	for (unsigned o = first; o < offset; o++) {
		struct step i;

		if (!ways[o - first])
			continue;
		step_read(s, page, o, &i);
		if (!i.length)
			continue;	/* an undefined opcode: this start is not the beginning of an instruction */
		if (o + i.length > offset)
			return false;
		ways[o + i.length - first] = (uint8_t)(ways[o + i.length - first] + ways[o - first]);
	}
	return ways[offset - first] >= MANY;
}

/* PUSHF in front of POP, of CLI, or of what makes a frame. */
static bool pushf_pair(const struct code_scan *s, const uint8_t *page, unsigned site)
{
	struct step i;

	if (site + 1 == PAGE_SIZE)
		return false;
	step_read(s, page, site + 1, &i);
	return (i.pop || i.follows) && is_boundary(s, page, site);
}

/* POPF behind PUSH. */
static bool popf_pair(const struct code_scan *s, const uint8_t *page, unsigned site)
{
	for (unsigned n = 1; n < STARTS && n <= site; n++) {
		struct step i;

		step_read(s, page, site - n, &i);
		if (i.push && i.length == n && is_boundary(s, page, site - n))
			return true;
	}
	return false;
}

static bool cpuid_pair(const struct code_scan *s, const uint8_t *page, unsigned site)
{
	return site + 1 < PAGE_SIZE && page[site + 1] == 0xa2 && is_boundary(s, page, site);
}

bool code_scan_pairs(struct code_scan *s, const uint8_t page[PAGE_SIZE])
{
	const struct code_scan before = *s;

	s->paired = true;
	for (unsigned site = 0; site < PAGE_SIZE; site++)
		if ((page[site] == 0x9c && pushf_pair(s, page, site)) || (page[site] == 0x9d && popf_pair(s, page, site)) ||
		    (page[site] == 0x0f && cpuid_pair(s, page, site)))
			bit_set(s->site, site);
	return sites_settle(s, page, &before);
}

bool code_scan_add(struct code_scan *s, unsigned offset)
{
	return bit_set(s->site, offset);
}

unsigned code_scan_count(const struct code_scan *s)
{
	unsigned n = 0;

	for (unsigned word = 0; word < PAGE_SIZE / 64; word++)
		n += (unsigned)__builtin_popcountll(s->site[word]);
	return n;
}
