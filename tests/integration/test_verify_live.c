/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify --full of a guest that writes its page tables at full speed: it stands for the audit, is found sound each time, and goes on.
 * That a broken entry is found: test_poold_verify.c.
 */
#include "tests/integration/harness/harness.h"

#define ROUNDS 40

sp_suite_kvm(verify_live);

static struct sp_vm *churn_for_ever(void)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "churn", .pool = "2M", .pool_pages = "4k", .cmdline = "edits=100000000",
	});

	sp_must(20, sp_counter(vm, "trapd.write_events") > 1000);
	return vm;
}

sp_test(verify_live, a_guest_at_full_speed_is_sound_each_time_and_goes_on)
{
	struct sp_vm *vm = churn_for_ever();

	for (unsigned i = 0; i < ROUNDS; i++) {
		const Shadowpool__VerifyReply *r = sp_verify(vm, true);
		uint64_t before;

		sp_assert(r->audits == 1 && !r->total, "round %u, full: %u audits, %u violations", i, r->audits, r->total);
		r = sp_verify(vm, false);
		sp_assert(!r->total, "round %u, cheap: %u violations", i, r->total);
		if (i % 10)
			continue;
		before = sp_counter(vm, "trapd.write_events");
		sp_must(20, sp_counter(vm, "trapd.write_events") > before);
	}
	sp_vm_stop(vm);
	sp_expect_counter(vm, "trapd.audit_requests", ==, ROUNDS);
	sp_expect_counter(vm, "trapd.recoveries", ==, 0);
	sp_expect_counter(vm, "pool.audit_violations", ==, 0);
}

sp_test(verify_live, shadowctl_tells_what_was_verified)
{
	struct sp_vm *vm = churn_for_ever();
	struct sp_process *p = sp_call("shadowctl", "verify", vm->name, "--full", "--json", "--socket", vm->daemons->dir);

	sp_expect(!p->code, "code %d", p->code);
	sp_expect_json(sp_out(p), "audits=1", "full=true", "violations_total=0");
	p = sp_call("shadowctl", "verify", vm->name, "--socket", vm->daemons->dir);
	sp_expect(!p->code, "cheap: code %d", p->code);
}
