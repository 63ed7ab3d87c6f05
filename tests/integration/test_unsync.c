/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables left out of step under real guests, every request audited: the guest must not notice, also through a trace, in
 * which its unannounced stores show as changes of guest memory.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

sp_suite_kvm(unsync);

static void replays(const char *trace)
{
	/* The same guest with a pool that leaves nothing out of step, and with a single slot. */
	static const char *const others[] = { "unsync=0", "unsync=1" };
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", trace);

	sp_expect(!p->code, "the trace does not replay: %s%s", sp_out(p), sp_err(p));
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		p = sp_call("shadowctl", "replay", "--json", "--policy", others[i], trace);
		sp_expect(!p->code, "%s: code %d: %s", others[i], p->code, sp_err(p));
		sp_expect_json(sp_out(p), "complete=true", "pool.errors_corrupt=0", "pool.errors_inval=0", "pool.audit_violations=0");
	}
}

sp_test(unsync, sixteen_tables_under_churn_and_through_its_trace)
{
	const char *trace = sp_path("trace");
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "churn", .audit = "cheap", .pool = "2M", .pool_pages = "4k", .policy = "unsync=16", .cmdline = "edits=600",
		.trace = trace,
	});

	sp_expect_exit(vm, 0, 60);
	sp_expect_verdict(vm, "churn: ok");
	sp_expect_counter(vm, "pool.unsync_grants", >, 0);
	sp_expect_counter(vm, "pool.unsync_now_high", >, 0);
	sp_expect_counter(vm, "pool.unsync_role_conflict", >, 0);
	sp_expect_counter(vm, "pool.resync_tables", >, 0);
	sp_expect_counter(vm, "pool.resync_scanned", >, 0);
	sp_expect_counter(vm, "pool.resync_kept", >, 0);
	sp_expect_counter(vm, "pool.audit_runs", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
	sp_expect_counter(vm, "pool.unsync_now", ==, 0);
	sp_daemons_end(vm->daemons);
	replays(trace);
}

sp_test(unsync, a_single_table_under_user)
{
	struct sp_vm *vm = sp_run(&(struct sp_guest){ .image = "user", .audit = "cheap", .policy = "unsync=1", .cmdline = "loops=50" }, 60);

	sp_expect_exit(vm, 0, 0);
	sp_expect_counter(vm, "pool.unsync_grants", >, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(unsync, a_number_that_is_none_is_refused_by_its_name)
{
	struct sp_process *p = sp_call("shadowctl", "run", "--policy", "unsync=many", sp_image("hello"));

	sp_expect(p->code == 125, "code %d", p->code);
	sp_expect(strstr(sp_err(p), "policy unsync: not a number: many"), "%s", sp_err(p));
}
