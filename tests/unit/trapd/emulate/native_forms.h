/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruction forms that the emulator is compared with the real CPU on, and random instances of them. */
#ifndef SHADOWPOOL_TESTS_NATIVE_FORMS_H
#define SHADOWPOOL_TESTS_NATIVE_FORMS_H

#include <stdbool.h>
#include <stdint.h>

enum form_kind { KIND_PLAIN, KIND_SHIFT, KIND_ROTATE, KIND_BIT_REG, KIND_CMPXCHG, KIND_CMPXCHG8B, KIND_CMPXCHG16B, KIND_STRING,
		 KIND_MOFFS, KIND_ALIGNED };
enum form_size { SIZE_8, SIZE_V, SIZE_D, SIZE_DQ, SIZE_FIXED };	/* byte; 16, 32, 64; 32; 32, 64; by the opcode alone */

struct form {
	const char *name;
	uint8_t opcode[3], opcode_bytes;
	int8_t digit;			/* ModRM.reg, -1: a register operand */
	uint8_t size;			/* enum form_size */
	uint8_t imm;			/* 0, 1: one byte, 4: operand size but at most 4 */
	bool lockable;
	uint64_t undefined;		/* flags that the manual leaves undefined */
	uint8_t kind;
	uint8_t mem_bytes;		/* memory operand if it differs from the operand size (MOVZX) */
	uint8_t prefix;			/* that the opcode demands, 0: none */
};

extern const struct form native_forms[];
extern const unsigned native_forms_count;

struct native_state { uint64_t gpr[16]; uint64_t rflags; };

/*
 * bits: 64 or 32, the width of the code. memory: its content before the instruction, base is below 2 GiB. rex_is_last: no REX in
 * front of other prefixes, where it is without effect.
 */
struct scratch { unsigned bits; uint64_t base, bytes, fs_base; const uint8_t *memory; bool rex_is_last; };

struct instance {
	const struct form *form;
	uint8_t bytes[32];
	unsigned length;
	unsigned opsize;
	bool lock;
	uint64_t ea;			/* first byte of memory touched; strings: lowest */
	unsigned touched;		/* bytes from ea */
	uint64_t undefined;
	struct native_state in;
};

uint64_t native_random(uint64_t *seed);
/* Fill *out with a random instance that touches only the scratch memory. code: where it will run. */
void native_generate(uint64_t *seed, const struct scratch *s, uint64_t code, struct instance *out);
/* The same of one form, which need not be among native_forms and must exist in code of this width. */
void native_generate_form(uint64_t *seed, const struct scratch *s, uint64_t code, const struct form *f, struct instance *out);

void native_run(struct native_state *s, const void *code);
void native_run32(struct native_state *s, const void *code);
void native_return(void);

#endif
