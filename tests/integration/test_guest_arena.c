/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody but the pool library writes shadow entries: guests run under daemons whose poold traces every call; afterwards
 * the tables that the guest left behind are what the library makes of the same calls offline.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(guest_arena);

static void is_the_librarys(const char *image, const char *pool, const char *cmdline)
{
	const char *trace = sp_path("trace");
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = image, .pool = pool, .pool_pages = "4k", .cmdline = cmdline, .trace = trace,
	});
	struct sp_process *p;

	sp_expect_exit(vm, 0, 100);
	sp_daemons_end(vm->daemons);
	p = sp_call("shadowctl", "replay", "--check", trace);
	sp_expect(!p->code, "%s: the arena is not the library's: %s%s", image, sp_out(p), sp_err(p));
}

sp_test(guest_arena, after_tour)
{
	is_the_librarys("tour", "16M", NULL);
}

sp_test(guest_arena, after_churn)
{
	is_the_librarys("churn", "2M", "edits=600");
}
