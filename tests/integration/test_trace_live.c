/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace of a VM that runs: the guest does not notice, the trace starts from an empty pool and replays bit by bit, however it ends;
 * what cannot be traced is refused and the VM goes on.
 */
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

/* More than head and first blocks: calls of a VM that goes on. */
#define RECORDED 200000

sp_suite_kvm(trace_live);

static struct sp_vm *churn_for_ever(void)
{
	struct sp_vm *vm = sp_boot(NULL, &(struct sp_guest){
		.image = "churn", .audit = "cheap", .pool = "4M", .pool_pages = "4k", .cmdline = "edits=100000000",
	});

	sp_must(20, sp_counter(vm, "pool.map_requests") > 500);
	return vm;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

static void replays(const char *path, unsigned calls)
{
	struct sp_process *p = sp_call("shadowctl", "replay", "--check", "--json", path);

	sp_expect(!p->code, "%s does not replay: %s%s", path, sp_out(p), sp_err(p));
	sp_expect_json(sp_out(p), "complete=true", "checked=true", "difference=null", sp_text("calls>%u", calls), "unknown_words=0");
}

/* The guest is sound, and its poold was not started anew but as often as said. */
static void goes_on(struct sp_vm *vm)
{
	const uint64_t before = sp_counter(vm, "pool.map_requests");

	sp_must(20, sp_counter(vm, "pool.map_requests") > before);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}

/* shadowctl trace in the background, when it has begun. Further arguments are its own. */
#define trace_begun(vm, path, ...) trace_begun_argv((vm), \
	sp_spawn("shadowctl", "trace", (vm)->name, "--socket", (vm)->daemons->dir, "--out", (path), __VA_ARGS__))
static struct sp_process *trace_begun_argv(struct sp_vm *vm, struct sp_process *p)
{
	sp_must(10, strstr(sp_err(p), "shadowctl: recording") || sp_ended(p));
	sp_assert(strstr(sp_err(p), "shadowctl: recording"), "it does not begin");
	return p;
}

sp_test(trace_live, for_a_time_and_meanwhile_for_nobody_else)
{
	const char *a = sp_path("a"), *b = sp_path("b");
	struct sp_vm *vm = churn_for_ever();
	struct sp_process *first = trace_begun(vm, a, "--duration", "1");
	struct sp_process *second = sp_call("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", b);

	sp_expect(second->code == 1 && strstr(sp_err(second), "traced already"), "two at a time: %s", sp_err(second));
	sp_expect(!sp_exists(b), "a refused trace leaves its file");
	sp_expect(!sp_reap(first, 20), "code %d", first->code);
	sp_expect(strstr(sp_out(first), "ended by: duration"), "%s", sp_out(first));
	replays(a, 100);
	sp_expect_counter(vm, "trapd.recoveries", ==, 1);	/* a trace is one attach */
	goes_on(vm);
}

/* What was in the file is replaced. */
static void ends_by(int sig)
{
	static const char zeroes[3000000];
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_write("b", zeroes, sizeof(zeroes));
	struct sp_process *p = trace_begun(vm, path, "--timeout", "60");

	sp_must(20, size_of(path) > RECORDED);
	sp_signal(p, sig);
	sp_expect(!sp_reap(p, 20), "code %d", p->code);
	sp_expect(strstr(sp_out(p), "ended by: signal"), "%s", sp_out(p));
	replays(path, 100);
	goes_on(vm);
}

sp_test(trace_live, until_sigint)
{
	ends_by(SIGINT);
}

sp_test(trace_live, until_sigterm)
{
	ends_by(SIGTERM);
}

sp_test(trace_live, the_report_as_json)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("b");
	struct sp_process *p = sp_call("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path, "--duration", "0.2",
				       "--json");

	sp_expect(!p->code, "code %d", p->code);
	sp_expect_json(sp_out(p), "name=vm", "ended_by=duration", "calls>0", "records>0", sp_text("bytes=%" PRIu64, size_of(path)));
	goes_on(vm);
}

/* It ends with the call that makes the number (its pages and words before it), digest and end mark. */
sp_test(trace_live, a_number_of_records)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("n");
	const Shadowpool__TraceReply *end = sp_trace_wait(sp_trace_begin(vm, path, 3000), 60);

	cr_expect_str_eq(end->reason, "count");
	sp_expect(end->records >= 3000 && end->records <= 4000 && end->calls > 100, "%" PRIu64 " records, %" PRIu64 " calls",
		  end->records, end->calls);
	sp_expect(end->bytes == size_of(path), "%" PRIu64 " bytes", end->bytes);
	replays(path, 100);
	goes_on(vm);
}

/* Fewer than the VM makes before it has attached. */
sp_test(trace_live, a_single_record)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("n");
	struct sp_process *p = sp_call("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path, "--count", "1");

	sp_expect(!p->code && strstr(sp_out(p), "ended by: count"), "code %d: %s%s", p->code, sp_out(p), sp_err(p));
	replays(path, 0);
	p = sp_call("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path, "--count", "3000", "--json");
	sp_expect_json(sp_out(p), "ended_by=count", "records>2999", sp_text("bytes=%" PRIu64, size_of(path)));
	goes_on(vm);
}

/* A client that asks for the end gets it. */
sp_test(trace_live, until_it_is_told_to_end)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("t");
	struct sp_trace *trace = sp_trace_begin(vm, path, 0);
	const Shadowpool__TraceReply *end;

	sp_must(20, size_of(path) > RECORDED);
	end = sp_trace_end(trace);
	cr_expect_str_eq(end->reason, "requested");
	replays(path, 100);
	goes_on(vm);
}

sp_test(trace_live, a_client_that_is_killed_leaves_an_end_mark)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("c");
	struct sp_process *p = trace_begun(vm, path, "--timeout", "60");

	sp_must(20, size_of(path) > RECORDED);
	sp_signal(p, SIGKILL);
	sp_reap(p, 10);
	sp_must(20, sp_json(sp_out(sp_call("shadowctl", "replay", "--json", path)), "complete=true"));
	replays(path, 100);
	goes_on(vm);
}

static void expect_refused(struct sp_vm *vm, int code, const char *word, const char *const arguments[])
{
	const char *argv[16] = { "shadowctl", "trace", "--socket", vm->daemons->dir };
	struct sp_process *p;
	unsigned n = 4;

	while (*arguments)
		argv[n++] = *arguments++;
	p = sp_call_argv(argv);
	sp_expect(p->code == code && strstr(sp_err(p), word), "'%s': code %d: %s", word, p->code, sp_err(p));
}
#define refused(vm, code, word, ...) expect_refused(vm, code, word, (const char *const[]){ __VA_ARGS__, NULL })

sp_test(trace_live, what_cannot_be_traced_is_refused)
{
	static const char *const counts[] = { "0", "-1", "x", "99999999999999999999", "" };
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("n");

	refused(vm, 3, "not attached", "nobody", "--out", path);
	refused(vm, 2, "regular", vm->name, "--out", "/dev/null");
	refused(vm, 1, "cannot write", vm->name, "--out", sp_path("no/such"));
	refused(vm, 2, "out", vm->name);
	refused(vm, 2, "duration", vm->name, "--out", path, "--duration", "-1");
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		refused(vm, 2, "count", vm->name, "--out", path, sp_text("--count=%s", counts[i]));
	sp_expect(!sp_exists(path), "a refused trace leaves its file");
	goes_on(vm);
}

/* A file system of 128 KiB, which only this process and its children see. */
static const char *small_folder(void)
{
	const char *dir = sp_path("small");

	sp_need_root();
	if (mkdir(dir, 0700) || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "tmpfs", 0, "size=128k"))
		sp_skip("no tmpfs here");
	return dir;
}

sp_test(trace_live, a_full_disk_ends_the_trace_and_not_the_vm)
{
	struct sp_vm *vm = churn_for_ever();
	const char *dir = small_folder(), *path = sp_text("%s/t", dir);
	struct sp_process *p = sp_call("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path);

	sp_expect(p->code == 1 && strstr(sp_err(p), "No space left"), "code %d: %s", p->code, sp_err(p));
	p = sp_call("shadowctl", "replay", "--check", path);
	sp_expect(!p->code, "what fits does not replay: %s%s", sp_out(p), sp_err(p));
	sp_expect_counter(vm, "pool.trace_dropped", >, 0);
	umount2(dir, MNT_DETACH);
	goes_on(vm);
}

/* Whoever traces is told as well, and the end mark is there. */
sp_test(trace_live, poold_is_told_to_end)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("e");
	struct sp_process *p = sp_spawn("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path, "--json");

	sp_must(20, size_of(path) > RECORDED);
	sp_poold_replace(vm->daemons, SIGTERM);
	sp_expect(!sp_reap(p, 20), "code %d", p->code);
	sp_expect_json(sp_out(p), "ended_by=detached", "calls>100");
	replays(path, 100);
	sp_must(20, sp_counter(vm, "pool.map_requests") > 500);
	goes_on(vm);
}

sp_test(trace_live, the_end_of_the_vm_is_the_end_of_the_trace)
{
	struct sp_vm *vm = churn_for_ever();
	const char *path = sp_path("d");
	struct sp_process *p = sp_spawn("shadowctl", "trace", vm->name, "--socket", vm->daemons->dir, "--out", path, "--json");

	sp_must(20, size_of(path) > RECORDED);
	sp_vm_stop(vm);
	sp_expect(!sp_reap(p, 20), "code %d", p->code);
	sp_expect_json(sp_out(p), "ended_by=detached", "calls>100");
	replays(path, 100);
	sp_expect_counter(vm, "audit_violations", ==, 0);
}
