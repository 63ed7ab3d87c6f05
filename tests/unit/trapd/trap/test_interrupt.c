/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a vCPU that could be entered again as it stands is left instead, or asks KVM for the interrupt window. Unit tests. */
#include <criterion/criterion.h>

#include "trapd/trap/interrupt.h"
#include "trapd/trap/vcpu_priv.h"

static struct kvm_run run;
static struct vcpu_priv priv;
static struct machine machine;
static struct vcpu v;

/* 64-bit kernel code whose IF is the real one, an interrupt pending. */
static void setup(void)
{
	machine.if_native_64 = true;
	priv.kcpu.run = &run;
	v.machine = &machine;
	v.priv = &priv;
	v.cpu.efer = EFER_LME | EFER_LMA;
	v.cpu.seg[SREG_CS].l = true;
	v.irq_request = 1;
}

TestSuite(interrupt, .init = setup);

Test(interrupt, kick_in_the_tail_with_if_0_does_not_lose_the_window)
{
	/* The notification comes once: whoever finds IF 0 must ask for the window, wherever the kick has found the vCPU. */
	priv.kcpu.in_tail = true;
	v.cpu.rflags = RFLAGS_FIXED;
	cr_expect_not(interrupt_wants_state(&v));
	cr_expect_eq(run.request_interrupt_window, 1);
}

Test(interrupt, kick_in_the_tail_with_if_1_takes_the_return_back)
{
	priv.kcpu.in_tail = true;
	v.cpu.rflags = RFLAGS_FIXED | RFLAGS_IF;
	cr_expect(interrupt_wants_state(&v));
	cr_expect_eq(run.request_interrupt_window, 0);
}

Test(interrupt, kick_in_guest_code_goes_by_the_real_flag)
{
	v.cpu.rflags = RFLAGS_FIXED | RFLAGS_IF;	/* as it was at the last trap */
	cr_expect_not(interrupt_wants_state(&v));
	cr_expect_eq(run.request_interrupt_window, 1);
	run.ready_for_interrupt_injection = 1;
	cr_expect(interrupt_wants_state(&v));
}

Test(interrupt, trapped_if_needs_no_window)
{
	machine.if_native_64 = false;
	v.cpu.rflags = RFLAGS_FIXED;
	cr_expect_not(interrupt_wants_state(&v));
	cr_expect_eq(run.request_interrupt_window, 0);
}

Test(interrupt, nothing_pending_nothing_asked)
{
	v.irq_request = 0;
	run.ready_for_interrupt_injection = 1;
	cr_expect_not(interrupt_wants_state(&v));
	cr_expect_eq(run.request_interrupt_window, 0);
}
