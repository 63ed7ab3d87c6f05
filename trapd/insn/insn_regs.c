// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capstone's register numbers translated to ours: a constant table. Process trapd, any thread.
 */
#include "trapd/insn/insn_regs.h"

#define GPR(name, number, high)		[X86_REG_##name] = { INSN_REG_GPR, number, high }
#define OTHER(name, kind, number)	[X86_REG_##name] = { kind, number, false }

/* Whatever is not listed (x87, MMX, SSE, AVX, mask registers) is of kind 0: not reachable by the emulator. */
static const struct insn_reg registers[X86_REG_ENDING] = {
	GPR(EAX, GPR_RAX, false), GPR(AX, GPR_RAX, false), GPR(RAX, GPR_RAX, false), GPR(ECX, GPR_RCX, false),
	GPR(CX, GPR_RCX, false), GPR(RCX, GPR_RCX, false), GPR(EDX, GPR_RDX, false), GPR(DX, GPR_RDX, false),
	GPR(RDX, GPR_RDX, false), GPR(EBX, GPR_RBX, false), GPR(BX, GPR_RBX, false), GPR(RBX, GPR_RBX, false),
	GPR(ESP, GPR_RSP, false), GPR(SP, GPR_RSP, false), GPR(RSP, GPR_RSP, false), GPR(EBP, GPR_RBP, false),
	GPR(BP, GPR_RBP, false), GPR(RBP, GPR_RBP, false), GPR(ESI, GPR_RSI, false), GPR(SI, GPR_RSI, false),
	GPR(RSI, GPR_RSI, false), GPR(EDI, GPR_RDI, false), GPR(DI, GPR_RDI, false), GPR(RDI, GPR_RDI, false),
	GPR(AL, GPR_RAX, false), GPR(AH, GPR_RAX, true), GPR(CL, GPR_RCX, false), GPR(CH, GPR_RCX, true),
	GPR(DL, GPR_RDX, false), GPR(DH, GPR_RDX, true), GPR(BL, GPR_RBX, false), GPR(BH, GPR_RBX, true),
	GPR(SPL, GPR_RSP, false), GPR(BPL, GPR_RBP, false), GPR(SIL, GPR_RSI, false), GPR(DIL, GPR_RDI, false),
	GPR(R8, GPR_R8, false), GPR(R8D, GPR_R8, false), GPR(R8W, GPR_R8, false), GPR(R8B, GPR_R8, false),
	GPR(R9, GPR_R9, false), GPR(R9D, GPR_R9, false), GPR(R9W, GPR_R9, false), GPR(R9B, GPR_R9, false),
	GPR(R10, GPR_R10, false), GPR(R10D, GPR_R10, false), GPR(R10W, GPR_R10, false), GPR(R10B, GPR_R10, false),
	GPR(R11, GPR_R11, false), GPR(R11D, GPR_R11, false), GPR(R11W, GPR_R11, false), GPR(R11B, GPR_R11, false),
	GPR(R12, GPR_R12, false), GPR(R12D, GPR_R12, false), GPR(R12W, GPR_R12, false), GPR(R12B, GPR_R12, false),
	GPR(R13, GPR_R13, false), GPR(R13D, GPR_R13, false), GPR(R13W, GPR_R13, false), GPR(R13B, GPR_R13, false),
	GPR(R14, GPR_R14, false), GPR(R14D, GPR_R14, false), GPR(R14W, GPR_R14, false), GPR(R14B, GPR_R14, false),
	GPR(R15, GPR_R15, false), GPR(R15D, GPR_R15, false), GPR(R15W, GPR_R15, false), GPR(R15B, GPR_R15, false),
	OTHER(ES, INSN_REG_SEGMENT, SREG_ES), OTHER(CS, INSN_REG_SEGMENT, SREG_CS),
	OTHER(SS, INSN_REG_SEGMENT, SREG_SS), OTHER(DS, INSN_REG_SEGMENT, SREG_DS),
	OTHER(FS, INSN_REG_SEGMENT, SREG_FS), OTHER(GS, INSN_REG_SEGMENT, SREG_GS), OTHER(CR0, INSN_REG_CONTROL, 0),
	OTHER(CR1, INSN_REG_CONTROL, 1), OTHER(CR2, INSN_REG_CONTROL, 2), OTHER(CR3, INSN_REG_CONTROL, 3),
	OTHER(CR4, INSN_REG_CONTROL, 4), OTHER(CR5, INSN_REG_CONTROL, 5), OTHER(CR6, INSN_REG_CONTROL, 6),
	OTHER(CR7, INSN_REG_CONTROL, 7), OTHER(CR8, INSN_REG_CONTROL, 8), OTHER(CR9, INSN_REG_CONTROL, 9),
	OTHER(CR10, INSN_REG_CONTROL, 10), OTHER(CR11, INSN_REG_CONTROL, 11), OTHER(CR12, INSN_REG_CONTROL, 12),
	OTHER(CR13, INSN_REG_CONTROL, 13), OTHER(CR14, INSN_REG_CONTROL, 14), OTHER(CR15, INSN_REG_CONTROL, 15),
	OTHER(DR0, INSN_REG_DEBUG, 0), OTHER(DR1, INSN_REG_DEBUG, 1), OTHER(DR2, INSN_REG_DEBUG, 2),
	OTHER(DR3, INSN_REG_DEBUG, 3), OTHER(DR4, INSN_REG_DEBUG, 4), OTHER(DR5, INSN_REG_DEBUG, 5),
	OTHER(DR6, INSN_REG_DEBUG, 6), OTHER(DR7, INSN_REG_DEBUG, 7), OTHER(DR8, INSN_REG_DEBUG, 8),
	OTHER(DR9, INSN_REG_DEBUG, 9), OTHER(DR10, INSN_REG_DEBUG, 10), OTHER(DR11, INSN_REG_DEBUG, 11),
	OTHER(DR12, INSN_REG_DEBUG, 12), OTHER(DR13, INSN_REG_DEBUG, 13), OTHER(DR14, INSN_REG_DEBUG, 14),
	OTHER(DR15, INSN_REG_DEBUG, 15), OTHER(RIP, INSN_REG_IP, 0), OTHER(EIP, INSN_REG_IP, 0),
};

struct insn_reg insn_register(unsigned capstone_reg)
{
	if (capstone_reg >= X86_REG_ENDING)
		return (struct insn_reg){ INSN_REG_OTHER, 0, false };
	return registers[capstone_reg];
}
