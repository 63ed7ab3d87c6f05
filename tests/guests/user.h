/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: what its parts share. The kernel's half of every test runs as the guest's kernel, the user's half (user_*.S) at
 * CPL 3. user_common.c is compiled as 32- and as 64-bit code, the rest is 64-bit only.
 */
#ifndef GUEST_USER_H
#define GUEST_USER_H

#include "tests/guests/traps.h"

#define VECTOR_COMPUTE	0x80u		/* DPL 3: the kernel triples AX, adds one and returns */
#define VECTOR_END	0x81u		/* DPL 3: the program has ended */
#define VECTOR_KERNEL	0x82u		/* DPL 0 */
#define VECTOR_WRONG	0x83u		/* DPL 3: the program found something wrong */

/* The machine of one half: user code selector, a last-level table of user pages that the kernel fills on demand. */
struct user_machine {
	const char *name;
	unsigned long code_selector;
	unsigned long *demand_table;	/* entries of the width of the code */
	unsigned long demand_va;	/* what its first entry maps; below 4 GiB */
	unsigned demand_pages;		/* even */
	unsigned int_loops, trips;
	uint8_t *trap_stack_top;
};

/* Gates, TSS and everything that 32- and 64-bit user mode have in common. Prints one line. */
void user_common(const struct user_machine *m);
/* Run a user program to its INT 81; stops the guest when it ends in another way. Returns its AX. */
unsigned long program_run(unsigned long code_selector, const char *program, unsigned long ax, unsigned long di);
/* Run a user program that must end in an exception at its first instruction. */
void program_fails(unsigned long code_selector, const char *program, unsigned long di, unsigned vector, unsigned long error,
		   const char *what);
/* The hook that serves INT 80 and demand faults. */
bool user_hook(struct trap_regs *regs);
extern unsigned user_demand_faults;

/* 64-bit only. */
void user_syscall(unsigned loops);
void user_debug(const struct user_machine *m);

extern uint8_t user_stack[4096], user_page[4096];	/* user.data */

#endif
