/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a VM ends: which reason counts, who hears of it, who leaves the report. Unit tests. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trapd/cpu/machine.h"
#include "trapd/cpu/vcpu.h"

static struct machine machine;
static struct vcpu cpu[2];
static unsigned kicks;

static void kick(void *ctx)
{
	cr_assert_eq(ctx, &machine);
	cr_assert(stop_is_requested(&machine.stop), "who is kicked sees nothing");
	kicks++;
}

static void setup(void)
{
	stop_init(&machine.stop, kick, &machine);
	cpu[0].machine = cpu[1].machine = &machine;
}

static void teardown(void)
{
	stop_destroy(&machine.stop);
}

TestSuite(stop, .init = setup, .fini = teardown);

Test(stop, first_reason_wins_and_each_kicks)
{
	struct vm_stop why;

	stop_why(&machine.stop, &why);
	cr_assert_eq(why.reason, VM_RUNNING);
	cr_assert_not(stop_is_requested(&machine.stop));
	cr_assert_eq(stop_exit(&machine.stop, 7), -ECANCELED);
	cr_assert_eq(vcpu_stop(&cpu[0], VM_STOP_FAULT, "later"), -ECANCELED);
	cr_assert_eq(kicks, 2);
	stop_why(&machine.stop, &why);
	cr_assert_eq(why.reason, VM_STOP_GUEST_EXIT);
	cr_assert_eq(why.exit_code, 7);
	cr_assert_str_eq(why.message, "the guest exited with code 7");
	cr_assert_null(why.report);
}

Test(stop, only_the_vcpu_that_stopped_the_vm_reports_and_once)
{
	struct vm_stop why;

	cr_assert_eq(vcpu_stop(&cpu[1], VM_STOP_FAULT, "ring %u", 1u), -ECANCELED);
	vcpu_stop(&cpu[0], VM_STOP_ERROR, "later");
	cr_assert_not(stop_wants_report(&cpu[0]));
	cr_assert(stop_wants_report(&cpu[1]));
	stop_set_report(&machine.stop, strdup("registers"));
	cr_assert_not(stop_wants_report(&cpu[1]));
	stop_why(&machine.stop, &why);
	cr_assert_str_eq(why.message, "ring 1");
	cr_assert_str_eq(why.report, "registers");
	free(why.report);
}

Test(stop, nobody_reports_what_lies_outside_the_vcpus)
{
	stop_vm(&machine.stop, VM_STOP_REQUESTED, "it was asked to end");
	cr_assert_not(stop_wants_report(&cpu[0]));
	cr_assert_not(stop_wants_report(&cpu[1]));
}

Test(stop, overruled_keeps_exit_code_and_report)
{
	struct vm_stop why;

	stop_exit(&machine.stop, 3);
	stop_set_report(&machine.stop, strdup("text"));
	stop_overrule(&machine.stop, VM_STOP_ERROR, "%u violations", 2u);
	stop_why(&machine.stop, &why);
	cr_assert_eq(why.reason, VM_STOP_ERROR);
	cr_assert_eq(why.exit_code, 3);
	cr_assert_str_eq(why.message, "2 violations");
	cr_assert_str_eq(why.report, "text");
	free(why.report);
}
