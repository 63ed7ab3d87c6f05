/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtual CPU: the registers as the guest believes them to be. General registers, RIP, RFLAGS, DS, ES, FS and GS are taken
 * from the real CPU at each trap and are not valid while guest code runs. CS and SS are virtual: their selectors carry the
 * virtual RPL, while the real ones have RPL 3.
 */
#ifndef SHADOWPOOL_TRAPD_CPU_STATE_H
#define SHADOWPOOL_TRAPD_CPU_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/x86.h"
#include "trapd/kvm/registers.h"

struct desc_table { uint64_t base; uint16_t limit; };

struct cpu_state {
	uint64_t gpr[GPR_COUNT];
	uint64_t rip;
	uint64_t rflags;	/* with the virtual IF and IOPL */
	struct segment seg[SREG_COUNT];
	struct segment ldtr, tr;
	struct desc_table gdtr, idtr;
	uint8_t cpl;		/* virtual: 0 or 3 */
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t pdpte[4];
	uint64_t dr[4], dr6, dr7;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, apic_base, misc_enable, tsc_aux;
	bool inhibit;		/* STI, MOV SS or POP SS was emulated: no interrupt before the next instruction is done */
	bool halted;		/* HLT is done, RIP is behind it; nothing runs until an interrupt is delivered */
};

/*
 * Set the state after INIT: real-address mode with CS:IP 0 (SDM vol. 3A table 9-1); registers that have no effect on a virtual
 * CPU are left out. bootstrap: this is the processor that boots the guest, as IA32_APIC_BASE.BSP will say.
 */
void cpu_reset(struct cpu_state *c, bool bootstrap);

static inline bool cpu_long_mode(const struct cpu_state *c)
{
	return c->efer & EFER_LMA;
}

/* 64-bit code: long mode and CS.L. */
static inline bool cpu_code64(const struct cpu_state *c)
{
	return cpu_long_mode(c) && c->seg[SREG_CS].l;
}

/* Default operand size of the current code segment in bytes: 2 or 4 (64-bit code: 4). */
static inline unsigned cpu_operand_size(const struct cpu_state *c)
{
	return cpu_code64(c) || c->seg[SREG_CS].db ? 4 : 2;
}

/* Bytes of the stack pointer that a push uses: 8, 4 or 2. */
static inline unsigned cpu_stack_size(const struct cpu_state *c)
{
	return cpu_code64(c) ? 8 : c->seg[SREG_SS].db ? 4 : 2;
}

/* Mask for rIP, linear addresses and the stack pointer of the current mode. */
static inline uint64_t cpu_linear_mask(const struct cpu_state *c)
{
	return cpu_code64(c) ? ~0ull : 0xffffffffull;
}

#endif
