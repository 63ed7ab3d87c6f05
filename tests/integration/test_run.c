/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl run: exit codes, what goes to which stream, files, signals, deaths of its daemons, bad input. That nothing is left behind,
 * however it ends, is what the end of every test looks at: no process, no folder, no socket.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/memfd.h"
#include "tests/integration/harness/harness.h"

sp_suite_kvm(run);

/* What the daemons may say beside what is asked for: small pages, a sanitizer build. */
static const char *without_noise(const char *text)
{
	char *rest = (char *)(uintptr_t)sp_text("%s", ""), *line;

	for (; *text; text += strlen(line)) {
		line = (char *)(uintptr_t)sp_text("%.*s", (int)strcspn(text, "\n") + 1, text);
		if (!sp_match(line, "^poold: warning: .*using pages of 4 KiB|warning: built with a sanitizer"))
			rest = (char *)(uintptr_t)sp_text("%s%s", rest, line);
	}
	return rest;
}

#define run(...) sp_call("shadowctl", "run", __VA_ARGS__)
static struct sp_process *expect_code(struct sp_process *p, int code)
{
	sp_expect(p->code == code, "exit code %d, not %d", p->code, code);
	return p;
}

/* One in the background, when its guest has printed something. */
#define start(...) started(sp_spawn("shadowctl", "run", "--verbose", __VA_ARGS__))
static struct sp_process *started(struct sp_process *p)
{
	sp_must(20, *sp_out(p) || sp_ended(p));
	sp_assert(p->pid, "it has ended");
	return p;
}

static const char *runtime_of(const struct sp_process *p)
{
	const char *dir = sp_match_group(sp_err(p), "^shadowctl: runtime directory (.*)$");

	sp_assert(dir, "it does not tell its runtime directory");
	return dir;
}

/* ---- how a guest ends ---- */

sp_test(run, a_guest_that_exits)
{
	struct sp_process *p = expect_code(run(sp_image("hello")), 0);

	sp_expect(sp_match(sp_out(p), "^hello: ok"), "no console on standard output");
	sp_expect(!*without_noise(sp_err(p)), "something on standard error");
}

sp_test(run, a_triple_fault)
{
	struct sp_process *p = expect_code(run(sp_image("triple")), 126);

	sp_expect(strstr(sp_err(p), "triple fault"), "no reason");
}

sp_test(run, a_guest_that_loses_its_way)
{
	struct sp_process *p = expect_code(run(sp_image("wild")), 126);

	sp_expect(sp_match(sp_err(p), "^code at rip"), "no report");
}

sp_test(run, a_timeout)
{
	expect_code(run("--timeout", "1", "--status", sp_path("status"), sp_image("spin")), 124);
	sp_expect_json(sp_read("status", NULL), "exit_code=124", "reason=timeout");
}

sp_test(run, a_run_that_fails_leaves_no_old_status)
{
	const char *status = sp_write_text("status", "stale\n");

	expect_code(run("--status", status, sp_write_text("text", "no image\n")), 125);
	sp_expect_json(sp_read(status, NULL), "exit_code=125", "reason=error", "message=*");
}

sp_test(run, a_run_without_an_image_leaves_no_old_status)
{
	const char *status = sp_write_text("status", "stale\n");

	expect_code(run("--status", status, sp_path("none")), 125);
	sp_expect_json(sp_read(status, NULL), "exit_code=125", "message=*");
}

/* ---- files and JSON ---- */

sp_test(run, stats_and_status_files)
{
	const char *stats = sp_path("stats"), *status = sp_path("status");
	struct sp_process *p = run("--stats", stats, "--status", status, "--mem", "64M", "--pool-pages", "4k", "--audit=full",
				   sp_image("hello"));

	expect_code(p, 0);
	sp_expect_json(sp_read(stats, NULL), "audit_violations=0", "pool.map_requests=*", "trapd.exits=*", "pool_page_size=4k",
		       "vm.stop_reason=exit", "vm.mem_bytes=67108864", "vm.state=stopped", "durations.unit=ns",
		       "durations.map.samples>0", "durations.audit.samples>0", "durations.request.p99>0");
	sp_expect_json(sp_read(status, NULL), "exit_code=0", "reason=exit", "poold_restarts=0");
	sp_expect(!strstr(sp_err(p), "hugepages"), "asked for 4k pages, was told about hugepages");
}

sp_test(run, json_is_one_document_and_the_console_goes_elsewhere)
{
	struct sp_process *p = expect_code(run("--json", sp_image("hello")), 0);

	sp_expect_json(sp_out(p), "exit_code=0");
	sp_expect(sp_match(sp_err(p), "^hello: ok"), "no console on standard error");
}

sp_test(run, json_of_a_fault)
{
	struct sp_process *p = expect_code(run("--json", sp_image("triple")), 126);

	sp_expect_json(sp_out(p), "exit_code=126", "reason=fault");
}

sp_test(run, nothing_is_timed_if_so_asked)
{
	expect_code(run("--stats", sp_path("stats"), "--time=off", "--audit", sp_image("hello")), 0);
	sp_expect_json(sp_read("stats", NULL), "pool.map_requests>0", "durations.map.samples=0", "durations.audit.samples=0",
		       "durations.request.samples=0");
}

sp_test(run, stats_to_standard_error)
{
	struct sp_process *p = expect_code(run("--stats", "-", sp_image("hello")), 0);

	sp_expect(strstr(sp_err(p), "\"audit_violations\""), "no counters");
}

/* ---- signals ---- */

/* It ends as the signal would have ended it. */
static void ends_by(int sig)
{
	struct sp_process *p = start(sp_image("spin"));

	sp_signal(p, sig);
	sp_reap(p, 20);
	expect_code(p, 128 + sig);
}

sp_test(run, sigterm)
{
	ends_by(SIGTERM);
}

sp_test(run, sighup)
{
	ends_by(SIGHUP);
}

sp_test(run, sigint)
{
	ends_by(SIGINT);
}

sp_test(run, sigkill_leaves_nothing_either)
{
	ends_by(SIGKILL);
}

/* ---- against the daemons of an embedded run ---- */

#define on(p, ...) sp_call("shadowctl", "--socket", runtime_of(p), __VA_ARGS__)

sp_test(run, its_vm_can_be_looked_at)
{
	struct sp_process *p = start(sp_image("spin"));

	sp_expect_json(sp_out(on(p, "list", "--json")), "vms.0.name=vm", "vms.0.state=running", "vms.0.pool=up");
	sp_expect_json(sp_out(on(p, "stats", "vm", "--json")), "name=vm", "pool.map_requests=*");
	sp_expect_json(sp_out(on(p, "walk", "vm", "0x100000", "--json")), "paging=4-level", "guest.gpa=0x100000",
		       "shadow.gpa=0x100000");
	expect_code(on(p, "walk", "nosuch", "0x100000"), 3);
}

sp_test(run, its_vm_answers_the_harness)
{
	struct sp_vm *vm = sp_vm_at(sp_daemons_at(runtime_of(start(sp_image("spin")))), "vm");
	const Shadowpool__WalkReply *walk = sp_walk(vm, 0x100000, 0, 0);

	cr_expect_str_eq(sp_show(vm)->state, "running");
	cr_expect_str_eq(walk->paging, "4-level");
	cr_expect(walk->guest_ok && walk->guest_gpa == 0x100000);
	cr_expect(walk->shadow_ok && walk->shadow_gpa == 0x100000);
	sp_expect_counter(vm, "pool.map_requests", >, 0);
}

sp_test(run, verify_finds_its_vm_sound)
{
	struct sp_process *p = start("--pool", "2M", "--pool-pages", "4k", sp_image("spin"));

	expect_code(on(p, "verify", "vm"), 0);
	sp_expect_json(sp_out(expect_code(on(p, "verify", "vm", "--full", "--json"), 0)), "violations_total=0", "full=true");
}

sp_test(run, a_running_vm_is_not_started_again)
{
	struct sp_process *p = start(sp_image("spin"));

	sp_expect(on(p, "start", "vm", "--config", "/dev/null")->code, "start of a running VM without an image");
}

sp_test(run, waiting_for_a_running_vm_times_out)
{
	struct sp_process *p = start(sp_image("spin"));

	expect_code(on(p, "wait", "vm", "--timeout", "0.2"), 6);
}

sp_test(run, a_vm_that_is_stopped_from_outside)
{
	struct sp_process *p = start(sp_image("spin"));

	sp_expect_json(sp_out(on(p, "stop", "vm", "--wait", "--json")), "state=stopped", "stop_reason=requested");
	sp_reap(p, 20);
	expect_code(p, 125);
}

/* ---- its daemons die ---- */

static unsigned attachments(const struct sp_process *p)
{
	unsigned n = 0;

	for (const char *at = sp_err(p); (at = strstr(at, "attached by")); at++)
		n++;
	return n;
}

/* Under a guest that runs without traps. */
sp_test(run, a_poold_that_dies_is_replaced)
{
	struct sp_process *p = start("--status", sp_path("status"), sp_image("spin"));

	for (unsigned i = 0; i < 3; i++) {
		const unsigned before = attachments(p);

		kill(sp_child_of(p->pid, "poold"), SIGKILL);
		sp_must(10, attachments(p) > before);
	}
	sp_expect_json(sp_out(on(p, "show", "vm", "--json")), "state=running", "pool=up");
	on(p, "stop", "vm");
	sp_reap(p, 20);
	sp_expect_json(sp_read("status", NULL), "reason=requested", "poold_restarts=3");
}

/* The poold of the run, if it is another one than before; 0 if there is none at this moment. */
static pid_t new_poold(const struct sp_process *p, pid_t before)
{
	pid_t pid = sp_child_of(p->pid, "poold");

	return pid == before ? 0 : pid;
}

/* Each one as soon as it is there, under a guest that edits its tables all the time. */
sp_test(run, a_guest_outlives_many_pools)
{
	struct sp_process *p = start("--status", sp_path("status"), "--audit", "--cmdline", "edits=1000", sp_image("churn"));
	pid_t poold = 0;

	for (unsigned i = 0; i < 5; i++) {
		const pid_t before = poold;

		if (!sp_await(10, (poold = new_poold(p, before)) || sp_ended(p)) || !poold)
			break;
		kill(poold, SIGKILL);
	}
	sp_reap(p, 60);
	expect_code(p, 0);
	sp_expect_json(sp_read("status", NULL), "exit_code=0", "poold_restarts>0");
}

/* Signals, deaths and recoveries are counted by who starts poold again: shadowctl. */
sp_test(run, restarts_of_poold_are_counted)
{
	struct sp_process *p = start("--stats", sp_path("stats"), "--audit", "--pool", "2M", "--cmdline", "edits=500 seed=3",
				     sp_image("churn"));
	const unsigned before = attachments(p);

	kill(sp_child_of(p->pid, "poold"), SIGKILL);
	sp_must(30, attachments(p) > before || sp_ended(p));
	sp_reap(p, 50);
	expect_code(p, 0);
	sp_expect_json(sp_read("stats", NULL), "trapd.recoveries>0", "poold_restarts=1", "audit_violations=0");
}

sp_test(run, a_trapd_that_dies_is_the_end)
{
	struct sp_process *p = start(sp_image("spin"));

	kill(sp_child_of(p->pid, "trapd"), SIGKILL);
	sp_reap(p, 20);
	expect_code(p, 125);
	sp_expect(strstr(sp_err(p), "trapd ended with signal 9"), "no reason");
}

/* ---- bad input ---- */

/* Within seconds: code 125, nothing on standard output, and one line that has the word and, behind a comma, a remedy. */
#define expect_bad(word, ...) bad(word, sp_limit(3), run(__VA_ARGS__))
static void bad(const char *word, struct sp_limit limit, struct sp_process *p)
{
	const char *lines = without_noise(sp_err(p));

	sp_expect(p->code == 125, "'%s': exit code %d, not 125", word, p->code);
	sp_expect(sp_limit_left_ms(&limit), "'%s': it took more than three seconds", word);
	sp_expect(sp_count_lines(lines) == 1, "'%s': not one line: %s", word, lines);
	sp_expect(sp_match(lines, word), "no '%s' in: %s", word, lines);
	sp_expect(sp_match(lines, "[;,].* "), "no remedy in: %s", lines);
	sp_expect(!*sp_out(p), "'%s': an error wrote to standard output", word);
}

sp_test(run, an_image_that_is_none)
{
	size_t size;
	const char *hello = sp_read(sp_image("hello"), &size);

	expect_bad("No such file", sp_path("none.elf"));
	expect_bad("regular file", sp_path("."));
	expect_bad("ultiboot", sp_write_text("text", "no image\n"));
	expect_bad("short.elf", sp_write("short.elf", hello, 5000));
	expect_bad("No such file", sp_image("hello"), "--", sp_path("none.mod"));
}

sp_test(run, memory_that_cannot_be)
{
	const char *hello = sp_image("hello");

	expect_bad("out of range", "--mem", "0", hello);
	expect_bad("not valid", "--mem", "12q", hello);
	expect_bad("more than this machine", "--mem", "1000G", hello);
	expect_bad("whole number of 4 KiB", "--mem", "67108865", hello);
	expect_bad("RAM|memory", "--mem", "1M", hello);
}

sp_test(run, a_pool_that_cannot_be)
{
	expect_bad("out of range", "--pool", "1000G", sp_image("hello"));
	expect_bad("pool-pages", "--pool-pages", "3m", sp_image("hello"));
}

sp_test(run, an_audit_that_there_is_not)
{
	expect_bad("audit", "--audit=sometimes", sp_image("hello"));
}

sp_test(run, files_that_cannot_be_written)
{
	expect_bad("cannot write", "--status", sp_path("none/status"), sp_image("hello"));
	expect_bad("cannot write", "--stats", sp_path("none/stats"), sp_image("hello"));
}

sp_test(run, hugepages_that_are_not_there)
{
	uint64_t nfree = 0, total;

	memfd_hugepages(&nfree, &total);
	if (nfree >= 8)
		sp_skip("this machine has free hugepages");
	expect_bad("vm.nr_hugepages", "--pool-pages", "2m", sp_image("hello"));
}

/* A copy of shadowctl, with no daemons beside it. */
sp_test(run, daemons_that_are_not_there)
{
	const char *copy = sp_path("alone/ctl/shadowctl");
	struct sp_limit limit;

	if (sp_exists("/usr/local/libexec/poold"))
		sp_skip("poold is installed");
	mkdir(sp_path("alone"), 0700);
	mkdir(sp_path("alone/ctl"), 0700);
	sp_call("cp", sp_text("%s/ctl/shadowctl", sp_builddir()), copy);
	limit = sp_limit(3);
	bad("cannot run poold", limit, sp_call(copy, "run", sp_image("hello")));
}

sp_test(run, no_permission_for_kvm)
{
	const char *shadowctl = sp_text("%s/ctl/shadowctl", sp_builddir());
	struct sp_process *p;

	sp_need_root();
	if (sp_call("setpriv", "--reuid", "65534", "--clear-groups", "test", "-x", shadowctl)->code)
		sp_skip("an ordinary user cannot reach the build, or there is no setpriv");
	p = sp_call("setpriv", "--reuid", "65534", "--clear-groups", "env", "-u", "XDG_RUNTIME_DIR", shadowctl, "run", sp_image("hello"));
	expect_code(p, 125);
	sp_expect(sp_match(sp_err(p), "/dev/kvm.*group kvm"), "%s", sp_err(p));
}
