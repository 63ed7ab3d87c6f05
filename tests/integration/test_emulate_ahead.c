/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest sees does not depend on who emulates its code: guests end well with emulate=ahead, and faults prints the same. */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(emulate_ahead);

sp_test(emulate_ahead, irq32)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "irq32", .emulate = "ahead", .audit = "cheap",
		.cmdline = sp_text("exact=0 tcg=%d", sp_tcg()) }, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_verdict(vm, "irq32: ok");
	sp_expect_counter(vm, "trapd.irqs_delivered", >, 100);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(emulate_ahead, user)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "user", .emulate = "ahead", .audit = "cheap", .cmdline = "loops=300" }, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(emulate_ahead, faults_prints_the_same)
{
	struct sp_guest guest = { .image = "faults", .cmdline = "one_in=100" };
	struct sp_vm *traps = sp_run(&guest, 60), *vm;

	sp_expect_exit(traps, 0, 0);
	guest.emulate = "ahead";
	guest.audit = "cheap";
	vm = sp_run(&guest, 60);
	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
	sp_expect_same_console(vm, sp_console_raw(traps));
}
