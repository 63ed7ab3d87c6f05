// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction prefixes. Process trapd, any thread, pure. Read here and not taken from capstone, which keeps one byte of a
 * group and depends on their order: 66 F3 AB and 66 66 F3 AB are REP STOSW, capstone says STOSD.
 */
#include "trapd/insn/insn_prefix.h"

enum { GROUP_NONE, GROUP_LOCK, GROUP_REPEAT, GROUP_SEGMENT, GROUP_OPSIZE, GROUP_ADDRSIZE, GROUP_COUNT };

static unsigned prefix_group(uint8_t byte)
{
	switch (byte) {
	case 0xf0:
		return GROUP_LOCK;
	case 0xf2: case 0xf3:
		return GROUP_REPEAT;
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
		return GROUP_SEGMENT;
	case 0x66:
		return GROUP_OPSIZE;
	case 0x67:
		return GROUP_ADDRSIZE;
	default:
		return GROUP_NONE;
	}
}

void insn_prefix_read(const uint8_t *bytes, unsigned n, unsigned code_bits, struct insn_prefix *out)
{
	bool seen[GROUP_COUNT] = { false };
	unsigned i;

	*out = (struct insn_prefix){ 0 };
	for (i = 0; i < n; i++) {
		uint8_t byte = bytes[i];
		unsigned group = prefix_group(byte);

		if (code_bits == 64 && (byte & 0xf0) == 0x40) {
			out->redundant |= out->rex != 0;
			out->rex = byte;
			continue;
		}
		if (group == GROUP_NONE)
			break;
		/* A REX that is not the last prefix has no effect. */
		out->redundant |= seen[group] || out->rex;
		out->rex = 0;
		seen[group] = true;
		if (group == GROUP_REPEAT)
			out->repeat = byte;
		if (group == GROUP_SEGMENT && code_bits == 64 && byte < 0x64)
			out->redundant = true;
		else if (group == GROUP_SEGMENT)
			out->segment = byte;
	}
	out->lock = seen[GROUP_LOCK];
	out->opsize = seen[GROUP_OPSIZE];
	out->addrsize = seen[GROUP_ADDRSIZE];
	out->length = (uint8_t)i;
}

unsigned insn_prefix_canonical(const struct insn_prefix *p, bool escape, uint8_t out[6])
{
	uint8_t opsize = p->opsize ? 0x66 : 0;
	const uint8_t all[6] = {
		p->lock ? 0xf0 : 0, p->segment, p->addrsize ? 0x67 : 0, escape ? opsize : p->repeat, escape ? p->repeat : opsize,
		p->rex,
	};
	unsigned n = 0;

	for (unsigned i = 0; i < 6; i++)
		if (all[i])
			out[n++] = all[i];
	return n;
}
