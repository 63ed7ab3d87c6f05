/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether IF is trapped or native makes no difference to what a guest sees: parts of faults and of the matrix print the same, byte for
 * byte, in both modes. The exits by IN and OUT show that the modes do differ.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

sp_suite_kvm(if_modes);

static void need_native_if(void)
{
	const char *why;

	if (sp_try_boot(NULL, &(struct sp_guest){ .image = "hello", .interrupt_flag = "native" }, &why))
		return;
	sp_assert(strstr(why, "ignores IOPL 3"), "%s", why);
	sp_skip("this host has no native IF");
}

static void same_in_both_modes(const char *image, const char *cmdline)
{
	struct sp_guest guest = { .image = image, .cmdline = cmdline, .interrupt_flag = "trap" };
	struct sp_vm *trap, *native;

	need_native_if();
	trap = sp_run(&guest, 60);
	sp_expect_exit(trap, 0, 0);
	sp_expect_verdict(trap, sp_text("%s: ok", image));
	sp_expect_counter(trap, "trapd.exit_io", ==, 0);
	sp_expect_counter(trap, "trapd.trap_gp", >, 100);
	guest.interrupt_flag = "native";
	native = sp_run(&guest, 60);
	sp_expect_exit(native, 0, 0);
	sp_expect_counter(native, "trapd.exit_io", >, 100);
	sp_expect_same_console(native, sp_console_raw(trap));
}

sp_test(if_modes, faults_prints_the_same)
{
	same_in_both_modes("faults", "one_in=100");
}

sp_test(if_modes, matrix_prints_the_same)
{
	same_in_both_modes("matrix", "slices=400");
}
