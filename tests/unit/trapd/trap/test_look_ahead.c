/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ahead: what is emulated behind an emulated instruction, what ends it, and the plain instructions only it runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"
#include "trapd/link/pool_link.h"
#include "trapd/link/world.h"
#include "trapd/trap/look_ahead.h"
#include "trapd/trap/vcpu_priv.h"

#define RAM	(1ull << 20)
#define TABLES	0x10000ull
#define CODE	0x8000ull
#define STACK	0x7000ull
#define DATA	0x6000ull

static struct fake_vcpu f;
static struct vcpu_priv priv;
static struct pool_link pool;

/* In place of world.c. */
bool world_wants_state(struct vcpu *v) { return v->flush_demanded; }

static void setup(void)
{
	struct cpu_state *c = &f.v.cpu;

	fake_vcpu_init(&f, RAM);
	fake_vcpu_long_mode(&f, TABLES, false);
	memset(&priv, 0, sizeof(priv));
	memset(&pool, 0, sizeof(pool));
	f.v.priv = &priv;
	f.v.pool = &pool;
	f.v.link_up = true;
	c->rip = CODE;
	c->gpr[GPR_RSP] = STACK;
	c->gpr[GPR_RBX] = DATA;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(look_ahead, .init = setup, .fini = teardown);

/* Run from CODE; the result and how far it got. */
static enum next run(const char *bytes, unsigned n, unsigned *done)
{
	enum next next;

	memset(fake_ram(&f, CODE, 64), 0xcc, 64);
	memcpy(fake_ram(&f, CODE, n), bytes, n);
	f.v.cpu.rip = CODE;
	next = look_ahead(&f.v);
	*done = (unsigned)(f.v.cpu.rip - CODE);
	return next;
}
#define RUN(bytes, done) run(bytes, sizeof(bytes) - 1, done)

#define UD2 "\x0f\x0b"

static uint64_t privileged(void) { return f.stat[TRAP_STAT_ahead_privileged]; }
static uint64_t simple(void) { return f.stat[TRAP_STAT_ahead_simple]; }

/* PUSHF and POPF are worth it where they trap (code_pages.h), and only there. */
Test(look_ahead, flags_count_where_they_trap)
{
	unsigned done;

	cr_assert_eq(RUN("\x9c\x58\x50\x9d" UD2, &done), 0);
	cr_assert_eq(done, 4);
	cr_assert_eq(privileged(), 0);
	f.machine.code = (struct code_pages *)(void *)&f;	/* never looked into */
	memset(priv.barren, 0, sizeof(priv.barren));
	cr_assert_eq(RUN("\x9c\x58\x50\x9d" UD2, &done), 0);
	cr_assert_eq(done, 4);
	cr_assert_eq(privileged(), 2);
	f.machine.if_native_64 = true;
	memset(priv.barren, 0, sizeof(priv.barren));
	cr_assert_eq(RUN("\x9c\x58\x50\x9d" UD2, &done), 0);
	cr_assert_eq(privileged(), 2);
	f.machine.code = NULL;
}

Test(look_ahead, privileged_and_simple_ones_are_done_up_to_one_that_is_neither)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RAX] = 0x123;
	/* cli; mov rdx, rax; mov [rbx], rdx; add qword [rbx], 1; clts; ud2 */
	cr_assert_eq(RUN("\xfa\x48\x89\xc2\x48\x89\x13\x48\x83\x03\x01\x0f\x06" UD2, &done), 0);
	cr_assert(done == 13, "RIP is at +%u", done);
	cr_assert(privileged() == 2 && simple() == 3, "%lu and %lu", (unsigned long)privileged(), (unsigned long)simple());
	cr_assert_eq(fake_get64(&f, DATA), 0x124);
	cr_assert_not(f.v.exc.pending, "UD2 is the real CPU's");
}

Test(look_ahead, exception_of_a_later_instruction_is_raised_there)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RCX] = 0x12345;
	cr_assert_eq(RUN("\xfa\x0f\x30" UD2, &done), NEXT_EXCEPTION, "WRMSR of an unknown MSR");
	cr_assert(done == 1 && f.v.exc.vector == VEC_GP && privileged() == 1);
}

Test(look_ahead, shadow_of_sti_covers_the_next_instruction_and_ends_with_it)
{
	unsigned done;

	cr_assert_eq(RUN("\xfb" UD2, &done), 0);
	cr_assert(done == 1 && f.v.cpu.inhibit, "UD2 is not done yet");
	memset(priv.barren, 0, sizeof(priv.barren));
	f.v.cpu.rflags &= ~RFLAGS_IF;
	cr_assert_eq(RUN("\xfb\x90" UD2, &done), 0);
	cr_assert(done == 2 && !f.v.cpu.inhibit, "NOP is done");
	f.v.cpu.rflags &= ~RFLAGS_IF;
	cr_assert_eq(RUN("\xfb\x89\xc0" UD2, &done), 0);
	cr_assert(done == 3 && !f.v.cpu.inhibit, "MOV is done");
}

Test(look_ahead, nothing_under_single_step_breakpoints_user_mode_or_after_halt)
{
	struct cpu_state *c = &f.v.cpu;
	unsigned done;

	c->rflags |= RFLAGS_TF;
	cr_assert(!RUN("\xfa", &done) && !done, "TF");
	c->rflags &= ~RFLAGS_TF;
	c->dr7 = 1;
	cr_assert(!RUN("\xfa", &done) && !done, "breakpoint");
	c->dr7 = 0;
	c->cpl = 3;
	cr_assert(!RUN("\xfa", &done) && !done, "user mode");
	c->cpl = 0;
	c->halted = true;
	cr_assert(!RUN("\xfa", &done) && !done, "halt");
	c->halted = false;
	priv.step.active = true;
	cr_assert(!RUN("\xfa", &done) && !done, "step");
	priv.step.active = false;
	cr_assert(!RUN("\xfa" UD2, &done) && done == 1, "none of them");
}

Test(look_ahead, popf_that_sets_tf_ends_it)
{
	unsigned done;

	fake_put64(&f, STACK, RFLAGS_FIXED | RFLAGS_TF);
	cr_assert(!RUN("\x9d\xfa\xfa", &done), "POPF, CLI, CLI");
	cr_assert(done == 1 && (f.v.cpu.rflags & RFLAGS_TF), "at +%u", done);
}

Test(look_ahead, whoever_waits_for_the_vcpu_ends_it)
{
	unsigned done;

	f.v.irq_request = 1;
	cr_assert(!RUN("\xfa", &done) && !done, "interrupt");
	f.v.irq_request = 0;
	f.machine.stop.requested = 1;
	cr_assert(!RUN("\xfa", &done) && !done, "stop");
	f.machine.stop.requested = 0;
	pool.lost = 1;
	cr_assert(!RUN("\xfa", &done) && !done, "no link");
	pool.lost = 0;
	f.v.link_up = false;
	cr_assert(!RUN("\xfa", &done) && !done, "no link yet");
}

Test(look_ahead, store_to_a_watched_page_is_left_to_its_trap)
{
	unsigned done;

	f.page_state[DATA >> PAGE_SHIFT] = PAGE_STATE_MONITORED;
	cr_assert(!RUN("\xfa\x48\x89\x03\xfa", &done) && done == 1, "mov [rbx], rax: at +%u", done);
	cr_assert_eq(f.nposts, 0);
	cr_assert(!RUN("\xfa\x48\x8b\x03\xfa" UD2, &done) && done == 5, "a load is not");
	f.page_state[(STACK - 8) >> PAGE_SHIFT] = PAGE_STATE_TRACKED;
	cr_assert(!RUN("\xfa\x50\xfa", &done) && done == 1, "push rax");
	cr_assert(!RUN("\xfa\xe8\0\0\0\0\xfa", &done) && done == 1, "call");
}

Test(look_ahead, what_is_not_mapped_is_left_to_its_trap)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RBX] = 0x50000000;	/* not mapped */
	cr_assert(!RUN("\xfa\x48\x8b\x03\xfa", &done) && done == 1 && !f.v.exc.pending, "not mapped");
}

Test(look_ahead, code_that_cannot_be_fetched_raises_nothing)
{
	f.v.cpu.rip = 0x40000000;
	cr_assert(!look_ahead(&f.v) && f.v.cpu.rip == 0x40000000 && !f.v.exc.pending);
	f.v.cpu.rip = 0x800000000000;
	cr_assert(!look_ahead(&f.v) && f.v.cpu.rip == 0x800000000000 && !f.v.exc.pending);
}

Test(look_ahead, loop_without_end_is_left_after_a_while)
{
	unsigned done;

	cr_assert(!RUN("\xfa\xeb\xfd", &done) && done <= 1, "cli; jmp");
	cr_assert(privileged() > 4 && privileged() + simple() < 100);
}

Test(look_ahead, place_without_anything_to_save_is_left_alone_the_second_time)
{
	unsigned done;

	cr_assert(!RUN("\x90\x90\x90" UD2, &done) && done == 3);
	cr_assert(!RUN("\x90\x90\x90" UD2, &done) && done == 0);
	cr_assert_eq(simple(), 3);
}

/* The write to CR3 asks poold; without an answer nothing of it is done. */
Test(look_ahead, lost_link_leaves_the_instruction_to_its_trap)
{
	unsigned done;

	f.v.cpu.gpr[GPR_RAX] = TABLES;
	f.set_modes_result = -ENOTCONN;
	cr_assert(!RUN("\xfa\x0f\x22\xd8\xfa", &done) && done == 1, "mov cr3, rax: at +%u", done);
	f.set_modes_result = 0;
	cr_assert(!RUN("\xfa\x0f\x22\xd8\xfa" UD2, &done) && done == 5 && f.set_modes_calls == 2);
}

static int plain(const char *bytes, unsigned n, unsigned bits)
{
	struct insn in;

	cr_assert(!insn_decode((const uint8_t *)bytes, n, bits, f.v.cpu.rip, &in) && in.length == n);
	return emulate_plain(&f.v, &in);
}
#define PLAIN(bytes) plain(bytes, sizeof(bytes) - 1, 64)

Test(look_ahead, jumps_follow_every_condition)
{
	struct cpu_state *c = &f.v.cpu;

	for (unsigned cc = 0; cc < 16; cc++) {
		const uint64_t taken[8] = { RFLAGS_OF, RFLAGS_CF, RFLAGS_ZF, RFLAGS_ZF, RFLAGS_SF, RFLAGS_PF, RFLAGS_SF, RFLAGS_ZF };
		char near_jump[] = { 0x70, 0x10 }, far_jump[] = { 0x0f, (char)0x80, 0, 1, 0, 0 };

		near_jump[0] = (char)(0x70 + cc);
		far_jump[1] = (char)(0x80 + cc);
		c->rip = CODE;
		c->rflags = RFLAGS_FIXED | (cc & 1 ? 0 : taken[cc / 2]);
		cr_assert(!plain(near_jump, 2, 64) && c->rip == CODE + 2 + 0x10, "condition %u is met", cc);
		c->rip = CODE;
		c->rflags = RFLAGS_FIXED | (cc & 1 ? taken[cc / 2] : 0);
		cr_assert(!plain(far_jump, 6, 64) && c->rip == CODE + 6, "condition %u is not met", cc);
	}
}

Test(look_ahead, call_and_return)
{
	struct cpu_state *c = &f.v.cpu;

	cr_assert(!PLAIN("\xe8\x10\0\0\0") && c->rip == CODE + 0x15 && c->gpr[GPR_RSP] == STACK - 8);
	cr_assert_eq(fake_get64(&f, STACK - 8), CODE + 5);
	cr_assert(!PLAIN("\xc3") && c->rip == CODE + 5 && c->gpr[GPR_RSP] == STACK);
	fake_put64(&f, STACK, 0x800000000000);
	cr_assert(PLAIN("\xc3") == -EOPNOTSUPP && c->rip == CODE + 5 && c->gpr[GPR_RSP] == STACK, "the CPU raises #GP");
	fake_put64(&f, STACK, CODE + 0x30);
	cr_assert(!PLAIN("\xc2\x18\0") && c->rip == CODE + 0x30 && c->gpr[GPR_RSP] == STACK + 0x20, "ret 0x18");
	c->gpr[GPR_RAX] = CODE + 5;
	cr_assert(!PLAIN("\xff\xe0") && c->rip == CODE + 5, "jmp rax");
	fake_put64(&f, DATA, CODE + 0x40);
	cr_assert(!PLAIN("\xff\x13") && c->rip == CODE + 0x40 && c->gpr[GPR_RSP] == STACK + 0x18, "call [rbx]");
	cr_assert_eq(fake_get64(&f, STACK + 0x18), CODE + 7);
	c->rip = CODE + 5;
	/* A fault on the stack leaves RIP at the call. */
	c->gpr[GPR_RSP] = 0x50000000;
	cr_assert(PLAIN("\xe8\x10\0\0\0") == -EFAULT && c->rip == CODE + 5 && f.v.exc.vector == VEC_PF);
}

Test(look_ahead, jump_beyond_the_code_segment_is_left_to_the_cpu)
{
	struct cpu_state *c = &f.v.cpu;

	c->seg[SREG_CS].l = false;
	c->seg[SREG_CS].db = true;
	c->seg[SREG_CS].limit = CODE + 0xff;
	cr_assert(!plain("\xe9\x00\0\0\0", 5, 32) && c->rip == CODE + 5);
	cr_assert(plain("\xe9\x00\x10\0\0", 5, 32) == -EOPNOTSUPP && c->rip == CODE + 5);
}
