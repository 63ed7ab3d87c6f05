// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which x87 instructions there are, and one of them on this thread's FPU. Process trapd, a vCPU's thread; no guest memory.
 * Sources: SDM vol. 2D A.5 (escape opcodes), vol. 1 8.3.11 (instructions that do not wait), 8.1.8 (pointers).
 */
#include "trapd/emulate/x87.h"

#include <stddef.h>
#include <string.h>

#include "common/x86.h"

#define FLAGS_OF_X87	(RFLAGS_CF | RFLAGS_PF | RFLAGS_ZF)	/* FCMOVcc, FCOMI */
#define FLAGS_COMPARED	(FLAGS_OF_X87 | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF)	/* FCOMI clears the other three */
#define MXCSR_DEFAULT	0x1f80u

struct x87_run {
	struct x87_image guest;
	uint8_t guest_rest[512 - sizeof(struct x87_image)];
	uint8_t host[512];
	uint8_t memory[128];
	uint64_t rax, rflags;
} __attribute__((aligned(16)));

_Static_assert(offsetof(struct x87_run, host) == 512, "x87_run.S");
_Static_assert(offsetof(struct x87_run, memory) == 1024, "x87_run.S");
_Static_assert(offsetof(struct x87_run, rax) == 1152, "x87_run.S");
_Static_assert(offsetof(struct x87_run, rflags) == 1160, "x87_run.S");

/* Bytes of the memory operand by opcode and the reg field of ModRM: negative ones are stored, 0 is not defined. */
static const int8_t operand_bytes[8][8] = {
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, 0, -4, -4, 28, 2, -28, -2 },
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, -4, -4, -4, 0, 10, 0, -10 },
	{ 8, 8, 8, 8, 8, 8, 8, 8 },
	{ 8, -8, -8, -8, 108, 0, -108, -2 },
	{ 2, 2, 2, 2, 2, 2, 2, 2 },
	{ 2, -2, -2, -2, 10, 8, -10, -8 },
};

/* By opcode, bit n: ModRM C0 + n is defined. Aliases that the manual does not list are left out. */
static const uint64_t register_forms[8] = {
	0xffffffffffffffff, 0xffff7f330001ffff, 0x00000200ffffffff, 0x00ffff1fffffffff,
	0xffffffff0000ffff, 0x0000ffffffff00ff, 0xffffffff0200ffff, 0x00ffff0100000000,
};

static bool is_memory(uint8_t modrm)
{
	return modrm < 0xc0;
}

/* FNENI, FNDISI, FNCLEX, FNINIT, FNSETPM; FNSTSW AX; FNSTENV, FNSTCW, FNSAVE, FNSTSW */
static bool never_waits(uint8_t opcode, uint8_t modrm)
{
	unsigned reg = modrm >> 3 & 7;

	if (!is_memory(modrm))
		return (opcode == 0xdb && modrm >= 0xe0 && modrm <= 0xe4) || (opcode == 0xdf && modrm == 0xe0);
	return (opcode == 0xd9 || opcode == 0xdd) && reg >= 6;
}

/* FLDENV, FLDCW, FRSTOR, and those that never wait. */
static bool is_control(uint8_t opcode, uint8_t modrm)
{
	unsigned reg = modrm >> 3 & 7;

	if (is_memory(modrm) && ((opcode == 0xd9 && (reg == 4 || reg == 5)) || (opcode == 0xdd && reg == 4)))
		return true;
	return never_waits(opcode, modrm);
}

bool x87_form(uint8_t opcode, uint8_t modrm, struct x87_form *out)
{
	int bytes;

	if ((opcode & 0xf8) != 0xd8)
		return false;
	*out = (struct x87_form){ .opcode = opcode, .modrm = modrm, .waits = !never_waits(opcode, modrm),
				  .control = is_control(opcode, modrm) };
	if (!is_memory(modrm))
		return register_forms[opcode & 7] >> (modrm & 0x3f) & 1;
	bytes = operand_bytes[opcode & 7][modrm >> 3 & 7];
	out->size = (uint8_t)(bytes < 0 ? -bytes : bytes);
	out->stores = bytes < 0;
	return bytes;
}

void x87_execute(const struct x87_form *form, struct x87_image *image, void *memory, uint64_t *rax, uint64_t *rflags)
{
	unsigned row = is_memory(form->modrm) ? form->modrm >> 3 & 7 : 8u + (form->modrm & 0x3f);
	struct x87_image before = *image;
	struct x87_run run = { .guest = *image };

	/* SSE is not touched, but its control bits may hold no reserved ones. */
	run.guest.mxcsr = MXCSR_DEFAULT;
	run.rax = *rax;
	run.rflags = RFLAGS_FIXED | (*rflags & FLAGS_COMPARED);
	if (form->size)
		memcpy(run.memory, memory, form->size);
	x87_run(&run, x87_code[form->opcode & 7][row]);
	*image = run.guest;
	image->mxcsr = before.mxcsr;
	image->mxcsr_mask = before.mxcsr_mask;
	if (!form->control) {	/* the FPU has noted addresses of ours: the caller puts in the guest's */
		image->ip = before.ip;
		image->data = before.data;
		image->opcode = before.opcode;
	}
	if (form->stores)
		memcpy(memory, run.memory, form->size);
	*rax = run.rax;
	*rflags = (*rflags & ~(uint64_t)FLAGS_COMPARED) | (run.rflags & FLAGS_COMPARED);
}
