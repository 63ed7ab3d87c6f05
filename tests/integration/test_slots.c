/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest may use the whole address space, also the slot that stub and pool are in: they move, under a fresh pool. */
#include <string.h>

#include "tests/integration/harness/harness.h"

sp_suite_kvm(slots);

/* One kind of host cannot hold slot 256 (doc/hosts.md): there that one alone is left out. */
static const char *what_this_host_can(void)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "slots" }, 30);

	if (!strcmp(vm->end->stop_reason, "exit") && !vm->end->exit_code)
		return NULL;
	sp_assert(strstr(vm->end->message, "this host cannot hold the address 0xffff8000"), "%s", vm->end->message);
	return "skip=256";
}

sp_test(slots, stub_and_pool_make_room)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "slots", .audit = "cheap", .cmdline = what_this_host_can() }, 30);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "trapd.recoveries", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
