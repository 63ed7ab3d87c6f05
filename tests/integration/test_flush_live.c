/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that edits its page tables at full speed, while its pool is flushed, cleared, listed, and its cache switched off and
 * on: it comes to its end as ever, each audit is clean, and the counters say that it happened. FLUSH_EDITS: how many edits.
 */
#include "tests/integration/harness/harness.h"

#define ROUNDS 12

sp_suite_kvm(flush_live);

static const char *const wishes[][4] = {
	{ "flush" }, { "flush", "--leaves" }, { "cache", NULL, "off" }, { "flush", "--gpa", "0x1000" }, { "flush" }, { "cache", NULL, "on" },
	{ "pool", "--pages" },
};

/* shadowctl VERB VM, with an option and a second operand. The VM may end meanwhile. */
static bool wish(struct sp_vm *vm, const char *const w[4])
{
	const char *argv[8] = { "shadowctl", w[0], "--socket", vm->daemons->dir };
	struct sp_process *p;
	unsigned n = 4;

	if (w[1])
		argv[n++] = w[1];
	if (w[1] && w[2])
		argv[n++] = w[2];
	argv[n++] = vm->name;
	if (!w[1] && w[2])
		argv[n++] = w[2];
	p = sp_call_argv(argv);
	/* A VM that is ending has no pool any more, and is not there as ended yet. */
	if (sp_vm_ended(vm) || (p->code && sp_await(10, sp_vm_ended(vm))))
		return false;
	sp_assert(!p->code, "%s: code %d: %s", w[0], p->code, sp_err(p));
	return true;
}

/* All wishes again and again, an audit after each, ROUNDS times or until the guest has ended. Returns how many were carried out. */
static unsigned disturb(struct sp_vm *vm)
{
	const unsigned n = sizeof(wishes) / sizeof(wishes[0]);
	unsigned done = 0;

	while (!sp_vm_ended(vm) && done < ROUNDS * n && wish(vm, wishes[done % n]))
		done++;
	return done;
}

static void churn(const char *policy)
{
	const uint64_t edits = sp_knob("FLUSH_EDITS", sp_tcg() ? 4000 : 60000);
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "churn", .audit = "cheap", .pool = "2M", .cmdline = sp_text("edits=%" PRIu64, edits), .policy = policy,
	});
	unsigned done;

	sp_must(60, sp_counter(vm, "trapd.write_events") > 20);
	done = disturb(vm);
	sp_say("%u disturbances", done);
	sp_assert(done >= sizeof(wishes) / sizeof(wishes[0]), "the guest has ended after %u disturbances: FLUSH_EDITS", done);
	sp_expect_exit(vm, 0, 120 + (double)edits / 50);
	sp_expect_verdict(vm, "churn: ok");
	sp_expect_counter(vm, "pool.flush_all", >, 1);
	sp_expect_counter(vm, "pool.clear_all", >, 0);
	sp_expect_counter(vm, "pool.cache_uncacheable", >, 0);
	sp_expect_counter(vm, "pool.cache_cacheable", >, 0);
	sp_expect_counter(vm, "trapd.recoveries", ==, 0);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

sp_test(flush_live, a_guest_at_full_speed_does_not_notice)
{
	churn(NULL);
}

sp_test(flush_live, nor_with_tables_out_of_step)
{
	churn("unsync=16");
}
