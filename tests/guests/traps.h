/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exceptions, probes that survive a fault, and trips to user mode, for guest code of 32 and 64 bits. All gates are
 * interrupt gates on the kernel's code segment. Runs as the guest's kernel; one fault is recorded at a time.
 * Source: SDM vol. 3A 6.10 to 6.15 (IDT, frames), 7.7 (TSS), 6.14 (64-bit mode).
 */
#ifndef GUEST_TRAPS_H
#define GUEST_TRAPS_H

#include "tests/guests/lib.h"

/* What the handlers save (traps32.S, traps64.S), lowest address first; sp and ss of the 32-bit one only from user mode. */
#ifdef __x86_64__
struct trap_regs {
	unsigned long r15, r14, r13, r12, r11, r10, r9, r8, di, si, bp, dx, cx, bx, ax;
	unsigned long vector, error, ip, cs, flags, sp, ss;
};
#else
struct trap_regs {
	unsigned long es, ds, di, si, bp, pusha_sp, bx, dx, cx, ax;
	unsigned long vector, error, ip, cs, flags, sp, ss;
};
#endif

#define FAULT_NONE	0x100u		/* vector when nothing came */

/* The last exception that a probe or a trip to user mode ended with. */
struct fault {
	unsigned vector;
	unsigned long error, cr2, ip, cs, flags;
};
extern struct fault fault;

/* Asked first at every exception; true: handled, resume with *regs. NULL: nobody. */
extern bool (*trap_hook)(struct trap_regs *regs);

/* Load an IDT whose every gate leads here. Gates have DPL 0. */
void traps_init(void);
/* Change one gate's DPL. */
void traps_gate_dpl(unsigned vector, unsigned dpl);
/* Point one gate elsewhere: a handler of the guest's own. */
void traps_gate_set(unsigned vector, void (*handler)(void), unsigned dpl);
#ifdef __x86_64__
/* The same, on a stack of its own (IST 1). */
void traps_ist_set(unsigned vector, void (*handler)(void), void *stack_top);
#endif
/* TSS with RSP0 or ESP0 = stack_top, loaded into TR. */
void traps_stack_set(void *stack_top);

/*
 * Accesses by the kernel that may fault. 0: done; otherwise -1 and *fault* says what happened. flags is or-ed into the
 * flags register for the access alone (RFLAGS_AC, for SMAP).
 */
int probe_read(const volatile void *at, unsigned long *value, unsigned long flags);
int probe_write(volatile void *at, unsigned long value, unsigned long flags);
/* Calls at, where a RET must lie. */
int probe_fetch(const volatile void *at, unsigned long flags);

/*
 * One instruction of the kernel that may fault and does not move the stack pointer: fault.vector is FAULT_NONE afterwards
 * if it did not. Operands as in extended asm.
 */
#ifdef __x86_64__
#define PROBE_SUFFIX "q"
#else
#define PROBE_SUFFIX "l"
#endif
#define PROBE_INSN(text, ...)								\
	do {										\
		fault.vector = FAULT_NONE;						\
		__asm__ volatile("mov" PROBE_SUFFIX " $1f, trap_recover\n\t" text		\
				 "\n1:\tmov" PROBE_SUFFIX " $0, trap_recover" __VA_ARGS__);	\
	} while (0)

/*
 * Run user code at ip with stack sp and registers AX, DI as given until it enters the kernel by any exception that the
 * hook does not take; then *fault* holds it and *after* its registers. cs is one of the user selectors. Needs
 * traps_stack_set. user_flags: RFLAGS, FIXED is added.
 */
void user_run(unsigned long ip, unsigned long cs, unsigned long sp, unsigned long user_flags, unsigned long ax,
	      unsigned long di);
extern struct trap_regs user_after;

/* For the assembler part only. */
void trap_dispatch(struct trap_regs *regs);
void user_enter(const unsigned long frame[5], unsigned long ax, unsigned long di);
void user_leave(void) __attribute__((noreturn));

#endif
