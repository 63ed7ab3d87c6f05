/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a decoded instruction, for messages of tests. */
#ifndef SHADOWPOOL_TESTS_INSN_SAID_H
#define SHADOWPOOL_TESTS_INSN_SAID_H

#include "trapd/insn/insn.h"

/* Valid until the next call. */
static inline const char *insn_said(const struct insn *in, unsigned code_bits)
{
	static char text[INSN_TEXT];

	insn_text(in, code_bits, 0, text, sizeof(text));
	return text;
}

#endif
