/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PUSHF, POPF and CPUID where IF is trapped: the guest that checks them prints what it prints with native IF, under audit, with other
 * policies, from a trace, and while poold is killed. Where IF is native in all code, nothing is watched.
 */
#include "tests/integration/harness/harness.h"

sp_suite_kvm(flags);

static struct sp_vm *trapped(const char *policy)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){
		.image = "flags", .interrupt_flag = "trap", .cmdline = "cpuid=1", .audit = "cheap", .policy = policy,
	}, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
	return vm;
}

static void replays(const char *trace)
{
	static const char *const policies[] = { "prefetch=1", "cache=off", "format=f32", "large-leaves=on", "unsync=16" };
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", trace);

	sp_expect(!p->code, "the trace does not replay: %s%s", sp_out(p), sp_err(p));
	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		p = sp_call("shadowctl", "replay", "--json", "--policy", policies[i], trace);
		sp_expect(!p->code, "%s: code %d: %s", policies[i], p->code, sp_err(p));
		sp_expect_json(sp_out(p), "complete=true", "difference=null", "pool.errors_corrupt=0", "pool.errors_inval=0",
			       "pool.audit_violations=0");
	}
}

sp_test(flags, trapped_under_full_audit_and_through_its_trace)
{
	const char *trace = sp_path("trace");
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "flags", .interrupt_flag = "trap", .cmdline = "cpuid=1", .audit = "full", .pool = "2M", .pool_pages = "4k",
		.trace = trace,
	});

	sp_expect_exit(vm, 0, 60);
	sp_expect_verdict(vm, "flags: ok");
	sp_expect_counter(vm, "trapd.code_copies", >, 20);
	sp_expect_counter(vm, "trapd.code_sites", >, 100);
	sp_expect_counter(vm, "trapd.code_drops", >, 20);
	sp_expect_counter(vm, "trapd.code_loose", >, 0);
	sp_expect_counter(vm, "trapd.flags_emulated", >, 200);
	sp_expect_counter(vm, "trapd.cpuid_emulated", >, 20);
	sp_expect_counter(vm, "trapd.exit_io", ==, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
	sp_daemons_end(vm->daemons);
	replays(trace);
}

sp_test(flags, other_policies_print_the_same)
{
	static const char *const policies[] = { "large-leaves=on", "unsync=16,leaf-limit=4" };
	struct sp_vm *plain = trapped(NULL);

	for (unsigned i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct sp_vm *vm = trapped(policies[i]);

		sp_expect_counter(vm, "trapd.code_copies", >, 20);
		sp_expect_same_console(vm, sp_console_raw(plain));
	}
}

/* A host may have native IF in 32-bit code alone: the rest of the guest is watched there. */
sp_test(flags, native_prints_the_same_and_nothing_is_watched)
{
	struct sp_vm *vm, *plain;
	const char *why;

	vm = sp_try_boot(NULL, &(struct sp_guest){ .image = "flags", .interrupt_flag = "native", .cmdline = "cpuid=1" }, &why);
	if (!vm)
		sp_skip("%s", why);
	sp_expect_exit(vm, 0, 60);
	if (sp_counter(vm, "facts.iopl_native_64")) {
		sp_expect_counter(vm, "trapd.code_requests", ==, 0);
		sp_expect_counter(vm, "trapd.code_pages", ==, 0);
	} else {
		sp_expect_counter(vm, "trapd.code_copies", >, 20);
	}
	plain = trapped(NULL);
	sp_expect_same_console(vm, sp_console_raw(plain));
}

/* A fresh pool knows of no page: each is looked at again. */
sp_test(flags, poold_is_killed)
{
	struct sp_guest guest = { .image = "flags", .interrupt_flag = "trap", .cmdline = "loops=150 cpuid=1" };
	struct sp_vm *quiet = sp_run(&guest, 60), *vm;
	unsigned killed;

	sp_expect_exit(quiet, 0, 0);
	guest.audit = "cheap";
	vm = sp_boot(NULL, &guest);
	killed = sp_kill_poold(vm, 3, 20);
	sp_expect(killed >= 1, "the guest ended before poold could be killed");
	sp_expect_exit(vm, 0, 90);
	sp_expect_same_console(vm, sp_console_raw(quiet));
	sp_expect_counter(vm, "trapd.recoveries", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
