/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: what 32- and 64-bit user mode have in common: U/S, INT n, privileged instructions, stack switch, demand paging,
 * alignment checks.
 * 32- and 64-bit code, the guest's kernel.
 * Source: SDM vol. 3A 4.6, 6.12 (gates), 6.13 (error codes), 5.9 (privileged instructions), 7.
 */
#include "tests/guests/user.h"

#define PRIVILEGED_SIZE	16
#define RET_FLAGS	0

extern char user_read[], user_write[], user_int_loop[], user_int_kernel_gate[], user_int3[], user_touch[], user_sum[],
	    user_end[], user_jump[], user_privileged[];

uint8_t user_stack[4096] __attribute__((section(".user.data"), aligned(4096)));
uint8_t user_page[4096] __attribute__((section(".user.data"), aligned(4096)));
unsigned user_demand_faults;

static const struct user_machine *machine;
static const struct trap_regs *trap_at;		/* where the last frame of INT 80 lay */

static const char *const privileged_names[] = {
	"cli", "sti", "hlt", "clts", "mov from CR0", "mov to CR0", "mov from CR3", "mov to CR3", "mov from DR7", "mov to DR7",
	"invlpg", "lgdt", "lidt", "lldt", "ltr", "lmsw", "rdmsr", "wrmsr", "wbinvd", "invd", "in", "out", "out dx",
};

bool user_hook(struct trap_regs *regs)
{
	unsigned long n;

	if (regs->vector == VECTOR_COMPUTE) {
		trap_at = regs;
		regs->ax = regs->ax * 3 + 1;
		return true;
	}
	if (regs->vector != VEC_PF || !(regs->cs & 3))
		return false;
	n = (cr2_read() - machine->demand_va) / PAGE_BYTES;
	if (cr2_read() < machine->demand_va || n >= machine->demand_pages || regs->error & PF_P)
		return false;
	EXPECT_EQ(regs->error & ~(unsigned long)PF_W, PF_U, "#PF error code of a demand fault");
	machine->demand_table[n] = (unsigned long)frame_alloc() | PTE_P | PTE_W | PTE_U;
	user_demand_faults++;
	return true;
}

unsigned long program_run(unsigned long code_selector, const char *program, unsigned long ax, unsigned long di)
{
	user_run((unsigned long)program, code_selector, (unsigned long)user_stack + sizeof(user_stack), RET_FLAGS, ax, di);
	if (fault.vector != VECTOR_END)
		panic("user program at 0x%lx ended with vector %u, error code 0x%lx, CR2 0x%lx, at 0x%lx", (unsigned long)program,
		      fault.vector, fault.error, fault.cr2, fault.ip);
	return user_after.ax;
}

void program_fails(unsigned long code_selector, const char *program, unsigned long di, unsigned vector, unsigned long error,
		   const char *what)
{
	user_run((unsigned long)program, code_selector, (unsigned long)user_stack + sizeof(user_stack), RET_FLAGS, 99, di);
	if (fault.vector != vector || fault.error != error || fault.ip != (unsigned long)program)
		panic("%s in user mode: expected vector %u, error code 0x%lx at 0x%lx, got %u, 0x%lx at 0x%lx", what, vector, error,
		      (unsigned long)program, fault.vector, fault.error, fault.ip);
}

static void us_check(void)
{
	unsigned long cs = machine->code_selector, kernel = (unsigned long)&user_demand_faults;
	unsigned long fetch = sizeof(long) == 8 && cpu_has_nx() ? PF_I : 0;
	volatile uint32_t *word = (volatile uint32_t *)user_page;

	*word = 0x12345678;
	EXPECT_EQ((uint32_t)program_run(cs, user_read, 0, (unsigned long)word), 0x12345678, "word of a user page read by the user");
	program_run(cs, user_write, 0x87654321, (unsigned long)word);
	EXPECT_EQ(*word, 0x87654321, "word of a user page written by the user");
	program_fails(cs, user_read, kernel, VEC_PF, PF_P | PF_U, "read of a kernel page");
	EXPECT_EQ(fault.cr2, kernel, "CR2 of a user's read of a kernel page");
	program_fails(cs, user_write, kernel, VEC_PF, PF_P | PF_U | PF_W, "write of a kernel page");
	EXPECT_EQ(user_demand_faults, 0, "kernel word that the user tried to write");
	user_run((unsigned long)user_jump, cs, (unsigned long)user_stack + sizeof(user_stack), RET_FLAGS, 0, (unsigned long)guest_exit);
	EXPECT_EQ(fault.vector, VEC_PF, "vector of a user's jump into kernel code");
	EXPECT_EQ(fault.error, PF_P | PF_U | fetch, "error code of a user's jump into kernel code");
	EXPECT_EQ(fault.ip, (unsigned long)guest_exit, "address in the frame after a user's jump into kernel code");
	/* doc/hosts.md says why an IRET to there is not looked at with these selectors */
	if (cs != SEL_USER_CODE64_LINUX)
		program_fails(cs, (const char *)(unsigned long)guest_exit, 0, VEC_PF, PF_P | PF_U | fetch, "IRET into kernel code");
	program_run(cs, user_write, 1, (unsigned long)word);	/* the user's own pages are still his */
}

static void int_check(void)
{
	/* the error code's index counts by 8 in every mode; QEMU 7.2 counts by the gate's size in long mode */
	unsigned long cs = machine->code_selector, i, index = sizeof(long) == 8 && cpu_is_tcg() ? 16 : 8;
	uint32_t expected = 7;

	for (i = 0; i < machine->int_loops; i++)
		expected = expected * 3 + 1;
	EXPECT_EQ((uint32_t)program_run(cs, user_int_loop, 7, machine->int_loops), expected, "AX after INT 80 in a loop");
	EXPECT_EQ((unsigned long)(&trap_at->ss + 1), (unsigned long)machine->trap_stack_top, "top of the stack that the TSS gives");
	EXPECT_EQ(trap_at->sp, (unsigned long)user_stack + sizeof(user_stack), "user stack pointer in the frame");
	program_fails(cs, user_int_kernel_gate, 0, VEC_GP, VECTOR_KERNEL * index + 2, "INT through a gate with DPL 0");
	user_run((unsigned long)user_int3, cs, (unsigned long)user_stack + sizeof(user_stack), RET_FLAGS, 0, 0);
	EXPECT_EQ(fault.vector, VEC_BP, "vector of INT3");
	EXPECT_EQ(fault.ip, (unsigned long)user_int3 + 1, "address after INT3");
}

static void privileged_check(void)
{
	unsigned i;

	for (i = 0; i < sizeof(privileged_names) / sizeof(privileged_names[0]); i++)
		program_fails(machine->code_selector, user_privileged + i * PRIVILEGED_SIZE, (unsigned long)user_page, VEC_GP, 0,
			      privileged_names[i]);
}

/* The user walks over pages that are not there; each must fault once, keep its word, and fault again once it is taken away. */
static void demand_check(void)
{
	unsigned long cs = machine->code_selector, n = machine->demand_pages, va = machine->demand_va, i;

	user_demand_faults = 0;
	program_run(cs, user_touch, n, va);
	EXPECT_EQ(user_demand_faults, n, "demand faults of the first walk");
	EXPECT_EQ(program_run(cs, user_sum, n, va), n * (n + 1) / 2, "sum of the words written");
	EXPECT_EQ(user_demand_faults, n, "demand faults after the second walk");
	for (i = 0; i < n; i += 2) {
		EXPECT_EQ(machine->demand_table[i] & (PTE_A | PTE_D), PTE_A | PTE_D, "A and D of a page that the user wrote");
		machine->demand_table[i] = 0;
		page_invalidate((void *)(va + i * PAGE_BYTES));
	}
	EXPECT_EQ(program_run(cs, user_sum, n, va), (n / 2) * (n / 2), "sum with every other page fresh");
	EXPECT_EQ(user_demand_faults, n + n / 2, "demand faults after the third walk");
}

/* The kernel's own read of a misaligned word with AC set. */
static uint32_t unaligned_read(const uint8_t *at)
{
	unsigned long flags = flags_read();
	uint32_t value;

	flags_write(flags | RFLAGS_AC);
	value = *(const volatile uint32_t *)(const volatile void *)at;
	EXPECT_EQ(flags_read() & RFLAGS_AC, RFLAGS_AC, "AC of the kernel behind a misaligned read");
	flags_write(flags);
	return value;
}

/* Alignment is checked where all of CR0.AM, AC and CPL 3 say so, and nowhere else. SDM vol. 3A 2.3, 6.15 #AC. */
static void alignment_check(void)
{
	unsigned long cr0 = cr0_read(), top = (unsigned long)user_stack + sizeof(user_stack), at = (unsigned long)user_page + 1;
	unsigned am, ac;

	/* An emulated processor may make no checks, and hosts that emulate 32-bit code make none there (doc/hosts.md). */
	bool checked = machine->code_selector != SEL_USER_CODE32 && cmdline_number("alignment", 0);

	*(uint64_t *)(void *)user_page = 0x8877665544332211;
	for (am = 0; am < 2; am++) {
		cr0_write(am ? cr0 | CR0_AM : cr0 & ~(unsigned long)CR0_AM);
		EXPECT_EQ(unaligned_read(user_page + 1), 0x55443322, "the kernel's misaligned word");
		for (ac = 0; ac < 2; ac++) {
			user_run((unsigned long)user_read, machine->code_selector, top, ac ? RFLAGS_AC : 0, 0, at);
			if (am && ac && (checked || fault.vector == VEC_AC)) {
				EXPECT_EQ(fault.vector, VEC_AC, "vector of the user's misaligned read with alignment checks");
				EXPECT_EQ(fault.error, 0, "error code of #AC");
				EXPECT_EQ(fault.ip, (unsigned long)user_read, "address of the instruction that is misaligned");
				continue;
			}
			EXPECT_EQ(fault.vector, VECTOR_END, "end of the user's misaligned read without alignment checks");
			EXPECT_EQ((uint32_t)user_after.ax, 0x55443322, "the user's misaligned word");
		}
	}
	cr0_write(cr0);
}

static void trips_check(void)
{
	unsigned i;

	for (i = 0; i < machine->trips; i++)
		EXPECT_EQ(program_run(machine->code_selector, user_end, i, 0), i, "AX carried to user mode and back");
}

void user_common(const struct user_machine *m)
{
	machine = m;
	user_demand_faults = 0;
	trap_hook = user_hook;
	traps_gate_dpl(VEC_BP, 3);
	traps_gate_dpl(VECTOR_COMPUTE, 3);
	traps_gate_dpl(VECTOR_END, 3);
	traps_gate_dpl(VECTOR_WRONG, 3);
	us_check();
	int_check();
	privileged_check();
	demand_check();
	alignment_check();
	trips_check();
	print("user: %s: U/S, %u INT round trips, %u privileged instructions, %u demand faults, %u trips\n", m->name, m->int_loops,
	      (unsigned)(sizeof(privileged_names) / sizeof(privileged_names[0])), user_demand_faults, m->trips);
}
