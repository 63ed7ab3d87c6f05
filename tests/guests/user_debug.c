/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.elf: single-stepping and breakpoints, in user mode and in the kernel, and a data breakpoint held back by MOV SS.
 * 64-bit code, the guest's kernel.
 * Source: SDM vol. 3B 17.2 and 17.3, vol. 3A 6.8.3 (masking exceptions when switching stacks).
 */
#include "tests/guests/user.h"

#define CODE64		SEL_USER_CODE64
#define DR7_WRITE2	(DR7_FIXED | 1 | 1ull << 16 | 1ull << 18)	/* L0, data writes, 2 bytes */
#define DR7_ACCESS2	(DR7_FIXED | 1 | 3ull << 16 | 1ull << 18)	/* L0, data reads and writes, 2 bytes */
#define DR7_EXECUTE	(DR7_FIXED | 1)					/* L0, instruction */
#define DR6_B0		1ul
#define MAX_EVENTS	64u

extern char user_steps[], user_steps_popf[], user_store[], user_store_next[], user_mov_ss[], user_mov_ss_int3[],
	    user_mov_ss_int80[], user_mov_ss_int80_at[], trap_stubs[], kernel_steps[], kernel_steps_first[];
extern const uint16_t user_steps_offsets[], user_steps_popf_offsets[], kernel_steps_offsets[];
void kernel_steps_run(void);

static struct { unsigned long vector, ip, cs, dr6; } events[MAX_EVENTS];
static unsigned nevents;

/* Records #DB and the exceptions that the MOV SS programs raise, then lets go on. */
static bool debug_hook(struct trap_regs *regs)
{
	if (regs->vector != VEC_DB && regs->vector != VEC_BP)
		return user_hook(regs);
	if (nevents == MAX_EVENTS)
		panic("more than %u debug exceptions, the last at 0x%lx", MAX_EVENTS, regs->ip);
	events[nevents].vector = regs->vector;
	events[nevents].ip = regs->ip;
	events[nevents].cs = regs->cs;
	events[nevents].dr6 = 0;
	if (regs->vector == VEC_DB) {
		events[nevents].dr6 = dr6_read();
		dr6_write(DR6_FIXED);
		if (dr7_read() == DR7_EXECUTE)
			regs->flags |= RFLAGS_RF;	/* or the breakpoint would come again and again */
	}
	nevents++;
	return true;
}

static void steps_expect(const char *what, const char *program, const uint16_t *offsets)
{
	unsigned i;

	for (i = 0; offsets[i] != 0xffff; i++) {
		if (i >= nevents)
			break;
		EXPECT_EQ(events[i].vector, VEC_DB, "vector of a single step");
		EXPECT_EQ(events[i].dr6 & (DR6_BS | 15), DR6_BS, "BS and B0 to B3 of DR6 at a single step");
		EXPECT_EQ(events[i].ip - (unsigned long)program, offsets[i], what);
	}
	while (offsets[i] != 0xffff)
		i++;
	EXPECT_EQ(nevents, i, "number of single steps");
}

static void steps_check(const struct user_machine *m)
{
	unsigned steps;

	m->demand_table[0] = 0;
	page_invalidate((void *)m->demand_va);
	nevents = user_demand_faults = 0;
	user_run((unsigned long)user_steps, CODE64, (unsigned long)user_stack + sizeof(user_stack), RFLAGS_TF, 0, m->demand_va);
	EXPECT_EQ(fault.vector, VECTOR_END, "vector that ended the stepped program");
	EXPECT_EQ(user_demand_faults, 1, "demand faults while single-stepping");
	steps_expect("offset of a single step", user_steps, user_steps_offsets);
	steps = nevents;
	nevents = 0;
	program_run(CODE64, user_steps_popf, 0, 0);
	steps_expect("offset of a single step after POPF", user_steps_popf, user_steps_popf_offsets);
	steps += nevents;
	nevents = 0;
	kernel_steps_run();
	steps_expect("offset of a single step in the kernel", kernel_steps, kernel_steps_offsets);
	print("user: 64-bit: %u single steps\n", steps + nevents);
}

static void breakpoint_set(const void *at, unsigned long dr7)
{
	nevents = 0;
	dr6_write(DR6_FIXED);
	dr0_write((unsigned long)at);
	dr7_write(dr7);
}

static void event_expect(unsigned n, unsigned long vector, unsigned long ip, const char *what)
{
	EXPECT_EQ(events[n].vector, vector, what);
	EXPECT_EQ(events[n].ip, ip, what);
	if (vector == VEC_DB)
		EXPECT_EQ(events[n].dr6 & 15, DR6_B0, "B0 to B3 of DR6 at a breakpoint");
}

static void breakpoints_check(void)
{
	breakpoint_set(user_page, DR7_WRITE2);
	program_run(CODE64, user_store, 0, (unsigned long)user_page);
	dr7_write(DR7_FIXED);
	EXPECT_EQ(nevents, 1, "debug exceptions at a data breakpoint");
	event_expect(0, VEC_DB, (unsigned long)user_store_next, "data breakpoint");

	breakpoint_set(user_store_next, DR7_EXECUTE);
	program_run(CODE64, user_store, 0, (unsigned long)user_page);
	dr7_write(DR7_FIXED);
	EXPECT_EQ(nevents, 1, "debug exceptions at an instruction breakpoint");
	event_expect(0, VEC_DB, (unsigned long)user_store_next, "instruction breakpoint");
}

/*
 * MOV SS holds the breakpoint on its own operand back until after the next instruction, which enters the kernel: the #DB
 * comes at the first instruction of that handler. CPUs without that shadow (emulators) raise it in between.
 */
static void mov_ss_check(void)
{
	unsigned long handler = (unsigned long)trap_stubs + VEC_BP * 16;
	bool held;

	*(volatile uint16_t *)user_page = SEL_USER_DATA;
	breakpoint_set(user_page, DR7_ACCESS2);
	program_run(CODE64, user_mov_ss, 0, (unsigned long)user_page);
	dr7_write(DR7_FIXED);
	EXPECT_EQ(nevents, 2, "exceptions of MOV SS, INT3");
	held = !(events[0].cs & 3);
	event_expect(0, VEC_DB, held ? handler : (unsigned long)user_mov_ss_int3, "breakpoint of MOV SS before INT3");
	event_expect(1, VEC_BP, (unsigned long)user_mov_ss_int3 + 1, "INT3 after MOV SS");

	breakpoint_set(user_page, DR7_ACCESS2);
	EXPECT_EQ(program_run(CODE64, user_mov_ss_int80, 4, (unsigned long)user_page), 13, "AX after MOV SS, INT 80");
	dr7_write(DR7_FIXED);
	EXPECT_EQ(nevents, 1, "debug exceptions of MOV SS, INT 80");
	handler = (unsigned long)trap_stubs + VECTOR_COMPUTE * 16;
	event_expect(0, VEC_DB, events[0].cs & 3 ? (unsigned long)user_mov_ss_int80_at : handler, "breakpoint of MOV SS before INT 80");
	print("user: 64-bit: breakpoint of MOV SS before INT3 %s\n", held ? "held back into the handler" :
	      "came before INT3 (no MOV SS shadow here)");
}

void user_debug(const struct user_machine *m)
{
	trap_hook = debug_hook;
	steps_check(m);
	breakpoints_check();
	mov_ss_check();
	trap_hook = user_hook;
}
