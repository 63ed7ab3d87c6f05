/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * poold is killed again and again under a guest that checks every access: the guest goes on and ends well.
 * RECOVERY_KILLS: how often.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(recovery);

sp_test(recovery, a_guest_does_not_notice_that_poold_was_killed)
{
	struct sp_guest guest = { .image = "churn", .pool = "2M", .cmdline = "edits=500 seed=3" };
	struct sp_vm *quiet = sp_run(&guest, 50), *vm;
	unsigned killed;

	sp_expect_exit(quiet, 0, 0);
	guest.audit = "cheap";
	vm = sp_boot(NULL, &guest);
	killed = sp_kill_poold(vm, (unsigned)sp_knob("RECOVERY_KILLS", 5), 200);
	sp_expect(killed >= 2, "the guest ended before poold could be killed twice");
	sp_expect_exit(vm, 0, 50);
	sp_expect_same_console(vm, sp_console_raw(quiet));
	sp_expect_counter(vm, "trapd.recoveries", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
