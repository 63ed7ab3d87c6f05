/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of emulate_plain() whose faults, stacks and flags the comparison with the CPU (test_emulate_cpu.c) does not reach. */
#include <criterion/criterion.h>
#include <errno.h>

#include "tests/unit/fakes/fake_vcpu.h"
#include "trapd/emulate/emulate.h"
#include "trapd/insn/insn.h"

#define RAM	(1ull << 20)
#define RIP	0x8000ull
#define STACK	0x7000ull

static struct fake_vcpu f;
static struct cpu_state *const c = &f.v.cpu;

static void setup(void)
{
	fake_vcpu_init(&f, RAM);
	fake_vcpu_long_mode(&f, 0x10000, true);
	c->rip = RIP;
	c->rflags = RFLAGS_FIXED;
	c->gpr[GPR_RSP] = STACK;
}

/* Unpaged 32-bit code. */
static void setup32(void)
{
	fake_vcpu_init(&f, RAM);
	c->rip = RIP;
	c->rflags = RFLAGS_FIXED;
	c->gpr[GPR_RSP] = STACK;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(plain, .init = setup, .fini = teardown);
TestSuite(plain32, .init = setup32, .fini = teardown);

static int run(const char *bytes, unsigned n)
{
	struct insn in;

	f.v.exc.pending = false;
	cr_assert(!insn_decode((const uint8_t *)bytes, n, cpu_code64(c) ? 64 : 32, c->rip, &in) && in.length == n);
	return emulate_plain(&f.v, &in);
}
#define RUN(bytes) run(bytes, sizeof(bytes) - 1)

Test(plain, carry_and_direction)
{
	cr_assert(!RUN("\xf5") && c->rflags == (RFLAGS_FIXED | RFLAGS_CF), "cmc");
	cr_assert(!RUN("\xf5") && c->rflags == RFLAGS_FIXED, "cmc");
	cr_assert(!RUN("\xf9") && c->rflags == (RFLAGS_FIXED | RFLAGS_CF), "stc");
	cr_assert(!RUN("\xfd") && c->rflags == (RFLAGS_FIXED | RFLAGS_CF | RFLAGS_DF), "std");
	cr_assert(!RUN("\xf8") && c->rflags == (RFLAGS_FIXED | RFLAGS_DF), "clc");
	cr_assert(!RUN("\xfc") && c->rflags == RFLAGS_FIXED, "cld");
	cr_expect_eq(c->rip, RIP + 6);
}

Test(plain, branches_clear_rf_and_trap_under_tf)
{
	c->rflags |= RFLAGS_RF;
	cr_assert(!RUN("\xeb\x10") && c->rip == RIP + 0x12 && c->rflags == RFLAGS_FIXED);
	c->rflags |= RFLAGS_TF;
	cr_assert(RUN("\xe8\x10\0\0\0") == -EFAULT && f.v.exc.vector == VEC_DB && f.v.exc.dr6 == DR6_BS, "a trap, behind the call");
	cr_expect_eq(c->rip, RIP + 0x12 + 0x15);
	cr_expect_eq(fake_get64(&f, STACK - 8), RIP + 0x12 + 5);
}

Test(plain, call_without_a_stack_stays_where_it_is)
{
	c->gpr[GPR_RSP] = 0x8000000000;
	cr_assert(RUN("\xe8\x10\0\0\0") == -EFAULT && f.v.exc.vector == VEC_PF);
	cr_expect_eq(c->rip, RIP);
	cr_expect_eq(c->gpr[GPR_RSP], 0x8000000000);
}

Test(plain, return_releases_what_it_says)
{
	fake_put64(&f, STACK, 0x9000);
	cr_assert(!RUN("\xc2\x18\0") && c->rip == 0x9000 && c->gpr[GPR_RSP] == STACK + 0x20);
}

Test(plain, pop_of_the_stack_pointer_keeps_what_was_popped)
{
	fake_put64(&f, STACK, 0x1234);
	cr_assert(!RUN("\x5c") && c->gpr[GPR_RSP] == 0x1234);
	c->gpr[GPR_RSP] = STACK;
	cr_assert(!RUN("\x54") && fake_get64(&f, STACK - 8) == STACK, "push rsp: as it was before");
}

Test(plain, leave_undoes_a_frame)
{
	c->gpr[GPR_RBP] = STACK - 0x100;
	fake_put64(&f, STACK - 0x100, 0x5678);
	cr_assert(!RUN("\xc9") && c->gpr[GPR_RBP] == 0x5678 && c->gpr[GPR_RSP] == STACK - 0xf8);
}

Test(plain32, pusha_and_popa_pass_the_stack_pointer_over)
{
	for (unsigned i = 0; i < 8; i++)
		if (i != GPR_RSP)
			c->gpr[i] = 0x100 + i;
	cr_assert(!RUN("\x60") && c->gpr[GPR_RSP] == STACK - 32);
	for (unsigned i = 0; i < 8; i++)
		cr_expect_eq(fake_get32(&f, STACK - 4 - 4 * i), i == GPR_RSP ? STACK : 0x100 + i);
	fake_put32(&f, STACK - 4 - 4 * GPR_RSP, 0xdead);
	fake_put32(&f, STACK - 4, 0x777);
	cr_assert(!RUN("\x61") && c->gpr[GPR_RSP] == STACK && c->gpr[GPR_RAX] == 0x777 && c->gpr[GPR_RDI] == 0x107);
}

Test(plain, exchange_with_r8_is_no_nop)
{
	cr_assert(!RUN("\x90") && c->rip == RIP + 1);
	cr_assert(!RUN("\xf3\x90") && c->rip == RIP + 3, "pause");
	cr_assert(RUN("\x41\x90") == -EOPNOTSUPP && c->rip == RIP + 3);
}
