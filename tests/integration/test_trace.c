/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace of a real guest, from poold to `shadowctl replay`: it replays bit by bit without KVM or daemons; a flipped byte
 * anywhere is noticed; other pools run the same guest.
 */
#include <string.h>

#include "tests/integration/harness/harness.h"

#define FLIPS 60

sp_suite_kvm(trace);

/* Pages of 4 KiB: the test must not depend on free hugepages. Ends when the trace is complete. */
static const char *record(struct sp_guest guest)
{
	struct sp_vm *vm;

	guest.pool_pages = "4k";
	guest.trace = sp_path("trace");
	vm = sp_boot(NULL, &guest);
	sp_expect_exit(vm, 0, 60);
	if (!strcmp(guest.image, "churn")) {
		sp_expect_counter(vm, "pool.trace_records", >, 1000);
		sp_expect_counter(vm, "pool.trace_dropped", ==, 0);
	}
	sp_daemons_end(vm->daemons);
	return guest.trace;
}

static const char *record_churn(void)
{
	return record((struct sp_guest){ .image = "churn", .pool = "2M", .cmdline = "edits=150" });
}

sp_test(trace, of_churn_replays_bit_by_bit)
{
	const char *trace = record_churn();
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", trace);

	sp_expect(!p->code, "the trace does not replay: %s%s", sp_out(p), sp_err(p));
	p = sp_call("shadowctl", "replay", "--check", "--json", trace);
	sp_expect(!p->code, "code %d", p->code);
	sp_expect_json(sp_out(p), "calls>500", "complete=true", "checked=true", "difference=null", "other_answers=0", "unknown_words=0");
}

/* What differs is told with code 7, what is damaged with code 1 and where. */
static void expect_noticed(const char *damaged, size_t at)
{
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", damaged);

	sp_expect(p->code == 7 || p->code == 1, "byte %zu: the flip is not noticed: code %d", at, p->code);
	if (p->code == 1)
		sp_expect(sp_match(sp_err(p), "offset|not a trace|version"), "byte %zu: %s", at, sp_err(p));
}

sp_test(trace, a_flipped_byte_anywhere_is_noticed)
{
	size_t size;
	const char *trace = record_churn();
	char *bytes = (char *)(uintptr_t)sp_read(trace, &size);

	for (size_t i = 0; i < FLIPS; i++) {
		const size_t at = i < 40 ? i * 3 : (i - 40) * (size / 20) + i * 31;
		const char bit = (char)(1 << i % 8);

		bytes[at % size] = (char)(bytes[at % size] ^ bit);
		expect_noticed(sp_write("damaged", bytes, size), at % size);
		bytes[at % size] = (char)(bytes[at % size] ^ bit);
	}
}

sp_test(trace, half_a_block_is_refused_with_its_offset)
{
	size_t size;
	const char *bytes = sp_read(record_churn(), &size);
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", sp_write("half", bytes, size / 2));

	sp_expect(p->code && strstr(sp_err(p), "offset"), "code %d: %s", p->code, sp_err(p));
}

/* Each other pool says what the recorded one says, and what the guest's tables say. */
static void replays_with(const char *option, const char *trace, unsigned calls, unsigned comparisons)
{
	struct sp_process *p = sp_call("shadowctl", "replay", "--json", option, trace);

	sp_expect(!p->code, "%s: code %d: %s", option, p->code, sp_err(p));
	sp_expect_json(sp_out(p), sp_text("calls>%u", calls), "complete=true", "pool.audit_violations=0", "pool.errors_corrupt=0",
		       "pool.errors_inval=0", sp_text("comparisons>%u", comparisons), sp_text("compared_addresses>%u", comparisons),
		       "difference=null", "around=null");
}

sp_test(trace, other_pools_run_the_same_churn)
{
	const char *trace = record_churn();

	replays_with("--pool=2M", trace, 500, 20);
	replays_with("--policy=prefetch=1", trace, 500, 20);
	replays_with("--policy=cache=off", trace, 500, 20);
	replays_with("--policy=hot-limit=4,cached-roots=2", trace, 500, 20);
}

/* 32-bit, PAE, 64-bit and unpaged, all in one. */
sp_test(trace, other_pools_run_the_same_tour)
{
	static const char *const others[] = {
		"--pool=2M", "--pool=64M", "--policy=prefetch=1", "--policy=cache=off", "--policy=hot-limit=4,cached-roots=2",
		"--policy=format=f32", "--policy=unsync=0", "--policy=large-leaves=on",
	};
	const char *trace = record((struct sp_guest){ .image = "tour", .pool = "4M" });
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", trace);

	sp_expect(!p->code, "the tour does not replay: %s%s", sp_out(p), sp_err(p));
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		replays_with(others[i], trace, 100, 3);
}

/* As it was recorded it replays; side by side with another pool it shows, with both ways to it. */
sp_test(trace, a_broken_entry_shows_beside_another_pool)
{
	const char *trace = sp_path("trace");
	struct sp_vm *vm = sp_run(&(struct sp_guest){
		.image = "churn", .cmdline = "edits=150", .poison = 20, .pool = "2M", .pool_pages = "4k", .trace = trace,
	}, 60);
	struct sp_process *p;

	sp_daemons_end(vm->daemons);
	p = sp_call("shadowctl", "replay", "--check", trace);
	sp_expect(!p->code, "as recorded: %s%s", sp_out(p), sp_err(p));
	p = sp_call("shadowctl", "replay", "--policy", "prefetch=1", trace);
	sp_expect(p->code == 7 && sp_match(sp_out(p), "^call [0-9]+ \\("), "code %d: %s%s", p->code, sp_out(p), sp_err(p));
	p = sp_call("shadowctl", "replay", "--json", "--policy", "prefetch=1", trace);
	sp_expect_json(sp_out(p), "difference=*", "around.calls_agree>0", "around.call=*");
}

sp_test(trace, an_unknown_policy_is_a_usage_error)
{
	struct sp_process *p = sp_call("shadowctl", "replay", "--policy", "colour=red", record_churn());

	sp_expect(p->code == 2, "code %d", p->code);
}
