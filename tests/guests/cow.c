/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cow.elf: forks, writes, exits and switches at random, compared with what each process must see. 64-bit code, the guest's
 * kernel; the processes' accesses run at CPL 3. steps=N (4000), processes=N (300), seed=N.
 * Source: SDM vol. 3A 4.7 (error codes), 4.10.4 (what must be invalidated: a page that lost W; not one that got it).
 */
#include "tests/guests/cow.h"

#define SYSTEM_VECTOR	0x80u

extern char cow_user_read[], cow_user_write[];
extern char user_text_start[], user_text_end[];

static struct process process[PROCESS_MAX];
static struct process *current;
static uint8_t trap_stack[16384] __attribute__((aligned(16)));
static uint64_t random_state;
static unsigned live, forks, exits, faults, copies, writes, reads;

static unsigned random_below(unsigned below)
{
	return (unsigned)((random_next(&random_state) >> 33) % below);
}

static bool on_trap(struct trap_regs *regs)
{
	unsigned long at;
	unsigned page;

	if (regs->vector != VEC_PF)
		return false;
	at = cr2_read();
	page = (unsigned)((at - PROCESS_VA) / PAGE_BYTES);
	if (at < PROCESS_VA || page >= PROCESS_PAGES || regs->error != (PF_P | PF_W | PF_U))
		panic("cow: page fault at 0x%lx with error code 0x%lx", at, regs->error);
	copies += !space_page_is_own(current, page);
	if (!space_write_fault(current, page))
		panic("cow: page %u of process %u faults though it is writable", page, (unsigned)(current - process));
	/* A page that lost W in a fork and gets another frame must be invalidated. */
	page_invalidate((void *)at);
	faults++;
	return true;
}

static void switch_to(struct process *p)
{
	current = p;
	cr3_write((unsigned long)p->root);
}

static uint32_t *address(unsigned page)
{
	return (uint32_t *)(PROCESS_VA + page * PAGE_BYTES + page * 128);
}

static uint32_t user_access(const char *code, unsigned page, uint32_t value)
{
	user_run((unsigned long)code, SEL_USER_CODE64, 0, 0, value, (unsigned long)address(page));
	if (fault.vector != SYSTEM_VECTOR)
		panic("cow: exception %u, error code 0x%lx, CR2 0x%lx in a process", fault.vector, fault.error, fault.cr2);
	return (uint32_t)user_after.ax;
}

static void process_write(struct process *p, unsigned page)
{
	uint32_t value = (uint32_t)random_next(&random_state);

	user_access(cow_user_write, page, value);
	p->word[page] = value;
	writes++;
}

static void process_check(struct process *p, unsigned page)
{
	EXPECT_EQ(user_access(cow_user_read, page, 0), p->word[page], "word in a process's page");
	reads++;
}

static struct process *pick(bool used, unsigned n)
{
	unsigned i, at = random_below(n);

	for (i = 0; i < n; i++)
		if (process[(at + i) % n].used == used)
			return &process[(at + i) % n];
	return NULL;
}

static void step_fork(struct process *p, unsigned n)
{
	struct process *child = pick(false, n);

	if (!child || spaces_frames_free() < 64 || !space_fork(p, child))
		return;
	cr3_write((unsigned long)p->root);	/* the parent's pages have lost W */
	live++;
	forks++;
}

static void step_exit(struct process *p, unsigned n)
{
	struct process *next;

	p->used = false;
	next = pick(true, n);
	p->used = true;
	if (!next)
		return;
	switch_to(next);
	space_destroy(p);
	live--;
	exits++;
}

static void check_all(unsigned n)
{
	unsigned i, page;

	for (i = 0; i < n; i++) {
		if (!process[i].used)
			continue;
		switch_to(&process[i]);
		for (page = 0; page < PROCESS_PAGES; page++)
			process_check(&process[i], page);
	}
}

static void run(unsigned steps, unsigned n)
{
	unsigned i, highest = 1;

	for (i = 0; i < steps; i++) {
		unsigned what = random_below(16);

		if (what < 4)
			switch_to(pick(true, n));
		if (what == 4 && live > n / 2)
			step_exit(current, n);
		else if (what < 9)
			step_fork(current, n);
		else if (what < 14)
			process_write(current, random_below(PROCESS_PAGES));
		else
			process_check(current, random_below(PROCESS_PAGES));
		if (live > highest)
			highest = live;
	}
	print("cow: %u processes at most\n", highest);
}

void guest_main64(void)
{
	unsigned steps = (unsigned)cmdline_number("steps", 4000), n = (unsigned)cmdline_number("processes", 300), i;
	uint64_t seed = cmdline_number("seed", 1);

	if (!n || n > PROCESS_MAX)
		panic("cow: 1 to %u processes", PROCESS_MAX);
	random_state = seed * 0x9e3779b97f4a7c15ull | 1;
	print("cow: seed %llu\n", (unsigned long long)seed);
	traps_init();
	traps_stack_set(trap_stack + sizeof(trap_stack));
	traps_gate_dpl(SYSTEM_VECTOR, 3);
	trap_hook = on_trap;
	identity_open_user(user_text_start, user_text_end);
	spaces_init(n * 12 + 128);
	i = spaces_frames_free();
	if (!space_create(&process[0]))
		panic("cow: no first process");
	live = 1;
	switch_to(&process[0]);
	run(steps, n);
	check_all(n);
	print("cow: %u forks, %u exits, %u writes, %u reads, %u write faults, %u copies\n", forks, exits, writes, reads, faults, copies);
	/* Everything that is let go comes back. */
	while (live > 1)
		step_exit(current, n);
	EXPECT_EQ(i - spaces_frames_free() <= 5 + PROCESS_PAGES, 1, "frames of the last process");
	check_all(n);
	print("cow: ok\n");
	guest_exit(0);
}
