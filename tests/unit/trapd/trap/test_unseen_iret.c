/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An IRET to user code that did not trap, and that an interrupt finds before the first fetch does, and a SYSCALL likewise.
 * trapd/trap/unseen_iret.c, trapd/trap/before_event.c.
 */
#include <criterion/criterion.h>

#include "common/counters.h"
#include "tests/unit/fakes/fake_tables.h"
#include "trapd/cpu/trap_stats.h"
#include "trapd/trap/vcpu_priv.h"

#define USER_RIP 0x100123ull
#define USER_RSP 0x200ff8ull

static struct fake_vcpu f;
static struct vcpu_priv priv;
static struct cpu_state *const c = &f.v.cpu;

/* The CPU stands behind IRETQ, the frame that it has popped still lies at the top of the stack of ring 0. */
static void setup(void)
{
	fake_tables_long(&f);
	f.v.priv = &priv;
	/* The kernel's CS may not be the one that user code gets. */
	fake_put64(&f, FAKE_GDT + FAKE_SPARE, fake_descriptor(0, 0xfffff, 0x9b, 0xa));
	c->seg[SREG_CS] = fake_load(&f, FAKE_SPARE);
	fake_put64(&f, FAKE_GDT + 0x28, fake_descriptor(0, 0xfffff, 0xf3, 0xc));
	fake_put64(&f, FAKE_GDT + 0x30, fake_descriptor(0, 0xfffff, 0xfb, 0xa));
	fake_put64(&f, FAKE_STACK0 - 40, USER_RIP);
	fake_put64(&f, FAKE_STACK0 - 32, 0x33);
	fake_put64(&f, FAKE_STACK0 - 24, RFLAGS_FIXED | RFLAGS_IF);
	fake_put64(&f, FAKE_STACK0 - 16, USER_RSP);
	fake_put64(&f, FAKE_STACK0 - 8, 0x2b);
	c->rip = USER_RIP;
	c->gpr[GPR_RSP] = USER_RSP;
}

static void teardown(void)
{
	fake_vcpu_fini(&f);
}

TestSuite(unseen_iret, .init = setup, .fini = teardown);

Test(unseen_iret, is_made_up_for_before_an_interrupt)
{
	enum next next = unseen_iret_before_event(&f.v);

	cr_assert_eq(next, NEXT_GO_ON, "%d, vector %u, error code 0x%x", next, f.v.exc.vector, f.v.exc.error);
	cr_assert_eq(c->cpl, 3);
	cr_assert_eq(c->seg[SREG_CS].selector, 0x33);
	cr_assert(c->rip == USER_RIP && c->gpr[GPR_RSP] == USER_RSP);
	cr_assert(c->rflags & RFLAGS_IF, "the frame's");
	cr_assert_eq(f.stat[TRAP_STAT_iret_unseen], 1);
	cr_assert_eq(unseen_iret_before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(f.stat[TRAP_STAT_iret_unseen], 1, "once only");
}

Test(unseen_iret, kernel_code_is_the_kernels)
{
	fake_vcpu_long_mode(&f, FAKE_TABLES, false);
	c->rip = USER_RIP;
	c->gpr[GPR_RSP] = USER_RSP;
	cr_assert_eq(unseen_iret_before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->cpl, 0, "a frame that looks so proves nothing");
	cr_assert_eq(f.stat[TRAP_STAT_iret_unseen], 0);
}

Test(unseen_iret, without_its_frame_it_was_none)
{
	fake_put64(&f, FAKE_STACK0 - 16, USER_RSP + 8);
	cr_assert_eq(unseen_iret_before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->cpl, 0);
	cr_assert(!priv.runs_user_pages, "a fetch has to show that");
}

Test(unseen_iret, hosts_where_it_traps_have_none)
{
	f.machine.facts.iret_traps = true;
	cr_assert_eq(unseen_iret_before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->cpl, 0);
}

/* The interrupt comes before the SYSCALL, which is executed once more. */
Test(unseen_iret, syscall_that_has_not_trapped_yet_is_taken_back)
{
	static struct stub stub = { .va = 0x7f8000000000 };

	priv.kcpu.stub = &stub;
	f.machine.facts.iret_traps = f.machine.facts.syscall_faults_at_lstar = true;
	c->cpl = 3;
	c->rip = stub.va + STUB_SYSCALL_PAGE;
	c->gpr[GPR_RCX] = USER_RIP + 2;
	cr_assert_eq(before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->rip, USER_RIP);
	cr_assert_eq(before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->rip, USER_RIP);
	f.machine.facts.syscall_faults_at_lstar = false;
	c->rip = stub.va + STUB_SYSCALL_PAGE;
	cr_assert_eq(before_event(&f.v), NEXT_GO_ON);
	cr_assert_eq(c->rip, stub.va + STUB_SYSCALL_PAGE, "elsewhere it is an address like any other");
}
