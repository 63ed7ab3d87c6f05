/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadowctl as scripts see it: usage errors, exit codes, the same error as JSON, help and completion from one table; with no
 * daemon, with daemons that misbehave, and with a real trapd that has no VM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

#define MAX_ARGS 32

sp_suite(cli);

/* The words of a line, in static memory. */
static const char *const *words(const char *line)
{
	static const char *list[MAX_ARGS + 1];
	char *copy = (char *)(uintptr_t)sp_text("%s", line), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w && n < MAX_ARGS; w = strtok_r(NULL, " ", &save))
		list[n++] = w;
	list[n] = NULL;
	return list;
}

/* shadowctl VERB [--json] REST. */
static struct sp_process *call(const char *verb, bool json, const char *const rest[])
{
	const char *argv[MAX_ARGS + 4] = { "shadowctl", verb };
	size_t n = 2;

	if (json)
		argv[n++] = "--json";
	while (*rest)
		argv[n++] = *rest++;
	argv[n] = NULL;
	return sp_call_argv(argv);
}

/* The exit code; on an error one line on standard error and nothing on standard output; the same with --json. */
static void expect_list(int code, const char *verb, const char *const rest[])
{
	const struct sp_process *p = call(verb, false, rest);
	const char *what = sp_text("shadowctl %s %s", verb, *rest ? *rest : "");

	sp_expect(p->code == code, "%s: exit code %d, not %d: %s", what, p->code, code, sp_err(p));
	if (code) {
		sp_expect(sp_count_lines(sp_err(p)) == 1, "%s: not one line on standard error: %s", what, sp_err(p));
		sp_expect(!*sp_out(p), "%s: an error wrote to standard output", what);
	}
	p = call(verb, true, rest);
	sp_expect(p->code == code, "%s --json: exit code %d, not %d: %s", what, p->code, code, sp_err(p));
	if (code)
		sp_expect_json(sp_out(p), sp_text("error.code=%d", code), "error.message=*", "error.hint=*");
	else
		sp_expect_json(sp_out(p), NULL);
}

#define expect(code, verb, ...) expect_list(code, verb, (const char *const[]){ __VA_ARGS__, NULL })
static void expect_line(int code, const char *line)
{
	const char *const *list = words(line);

	expect_list(code, list[0], list + 1);
}

static const char *verbs(void)
{
	return sp_out(sp_call("sh", "-c", sp_text("'%s/ctl/shadowctl' --help | sed -n '/^verbs:/,/^common/s/^  \\([a-z]*\\) .*/\\1/p'",
						  sp_builddir())));
}

/* Call each(verb) for every verb of --help. */
static void each_verb(void (*each)(const char *verb))
{
	char *copy = (char *)(uintptr_t)sp_text("%s", verbs()), *save = NULL;
	unsigned n = 0;

	for (char *v = strtok_r(copy, "\n", &save); v; v = strtok_r(NULL, "\n", &save), n++)
		each(v);
	sp_assert(n >= 13, "only %u verbs", n);
}

/* ---- one table: --help, help --json, completion, manual page */

sp_test(cli, help_and_its_json_list_the_same_verbs)
{
	const char *names = verbs(), *json = sp_out(sp_call("shadowctl", "help", "--json"));
	char *copy = (char *)(uintptr_t)sp_text("%s", names), *save = NULL;
	unsigned n = 0;

	for (char *v = strtok_r(copy, "\n", &save); v; v = strtok_r(NULL, "\n", &save))
		sp_expect_json(json, sp_text("verbs.%u.name=%s", n++, v));
	sp_expect_json(json, sp_text("verbs=[%u]", n));
}

sp_test(cli, the_verbs_are_there_and_each_once)
{
	static const char *const wanted[] = { "run", "start", "stop", "list", "show", "screen", "stats", "walk", "pool", "verify", "flush",
					      "cache", "trace",
					      "replay", "version", "help" };
	const char *names = verbs();

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sp_expect(sp_match(names, sp_text("^%s$", wanted[i])), "no verb %s", wanted[i]);
	sp_write_text("verbs", "%s", names);
	sp_expect(!*sp_out(sp_call("sh", "-c", "sort \"$1\" | uniq -d", "-", sp_path("verbs"))), "a verb is listed twice");
}

/* What bash completes when word is typed behind "shadowctl BEFORE"; script: the completion's. */
static const char *completed(const char *script, const char *line, unsigned at)
{
	return sp_out(sp_call("bash", "-c", sp_text(". '%s'; COMP_WORDS=(shadowctl %s); COMP_CWORD=%u; compopt() { :; }; _shadowctl; "
						    "printf '%%s\\n' \"${COMPREPLY[@]}\"", script, line, at)));
}

sp_test(cli, bash_completes_verbs_and_options)
{
	const char *script = sp_write_text("completion", "%s", sp_out(sp_call("shadowctl", "completion", "bash")));
	const char *options = completed(script, "run --po", 2);

	sp_expect(sp_call("bash", "-n", script)->code == 0, "completion is no bash");
	sp_write_text("all", "%s", completed(script, "''", 1));
	sp_expect(!strcmp(sp_out(sp_call("grep", "-v", "^--", sp_path("all"))), verbs()), "completion offers other verbs: %s",
		  sp_read(sp_path("all"), NULL));
	sp_expect(!strcmp(options, "--pool=\n--pool-pages=\n--policy=\n"), "completion of options: %s", options);
}

static const char *manual;

static void manual_has(const char *verb)
{
	const char *help = sp_out(call("help", false, words(verb)));
	char *copy = (char *)(uintptr_t)sp_text("%s", help), *save = NULL;

	sp_expect(sp_match(manual, sp_text("^\\.It Cm %s", verb)), "shadowctl(1) lacks %s", verb);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *option = sp_match_group(line, "^  --([a-z-]*)");

		sp_expect(!option || strstr(manual, sp_text("Fl -%s", option)), "shadowctl(1) lacks --%s of %s", option, verb);
	}
}

sp_test(cli, the_manual_page_knows_every_verb_and_option)
{
	manual = sp_read(sp_text("%s/man/shadowctl.1", sp_srcdir()), NULL);
	each_verb(manual_has);
}

/* ---- what every verb has in common */

sp_test(cli, an_unknown_verb_is_a_usage_error)
{
	expect(2, "no-such-verb", NULL);
	sp_expect(sp_call("shadowctl")->code == 2, "no verb: not a usage error");
}

static void has_help(const char *verb)
{
	const struct sp_process *p = sp_call("shadowctl", verb, "--help");

	sp_expect(p->code == 0, "%s --help: exit code %d", verb, p->code);
	sp_expect(sp_match(sp_out(p), sp_text("^usage: shadowctl %s ", verb)), "%s --help has no usage", verb);
	sp_expect(!strcmp(sp_out(sp_call("shadowctl", "help", verb)), sp_out(p)), "help %s differs from %s --help", verb, verb);
}

sp_test(cli, every_verb_has_help)
{
	each_verb(has_help);
}

static void refuses_bad_options(const char *verb)
{
	const int code = strcmp(verb, "run") ? 2 : 125;
	static const char *const need_more[] = { "run", "start", "stop", "wait", "show", "screen", "stats", "walk", "pool", "verify", "flush", "cache",
						 "replay", "completion" };

	expect(code, verb, "--no-such-option");
	expect(code, verb, "--sock", "/tmp/x");
	expect(code, verb, "--timeout");
	expect(code, verb, "--timeout", "0");
	expect(code, verb, "--timeout", "1x");
	expect_list(code, verb, words("a b c d e f g h i j k l m n o p q r s t"));
	for (size_t i = 0; i < sizeof(need_more) / sizeof(need_more[0]); i++)
		if (!strcmp(verb, need_more[i]))
			expect(code, verb, NULL);
}

sp_test(cli, every_verb_refuses_bad_options)
{
	each_verb(refuses_bad_options);
}

sp_test(cli, a_full_disk_is_no_success)
{
	const char *ctl = sp_text("%s/ctl/shadowctl", sp_builddir());

	sp_expect(sp_call("sh", "-c", "\"$1\" list >/dev/full", "-", ctl)->code, "list");
	sp_expect(sp_call("sh", "-c", "\"$1\" help >/dev/full", "-", ctl)->code, "help");
}

/* ---- no daemon */

sp_test(cli, without_a_daemon_verbs_say_so)
{
	static const char *const lines[] = { "list", "show x", "screen x", "stats x", "start x", "stop x", "wait x", "walk x 0x1000",
					     "verify x", "flush x", "cache x on", "pool x" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(4, sp_text("%s --socket %s", lines[i], sp_path("none.sock")));
	expect_line(0, sp_text("version --socket %s", sp_path("none.sock")));
	expect_line(0, "help");
	expect_line(0, "completion bash");
}

sp_test(cli, bad_arguments_are_usage_errors)
{
	expect_line(2, "completion tcsh");
	expect_line(2, "help no-such-verb");
	expect_line(2, "walk x nonsense");
	expect_line(2, "walk x 0x1 --view sideways");
	expect_line(2, "walk x 0x1 --vcpu -1");
	expect_line(2, "walk x 0x10000000000000000");
	expect_line(2, sp_text("list --socket %0200d", 0));
}

sp_test(cli, replay_of_what_is_no_trace)
{
	expect_line(2, sp_text("replay %s --check --pool 4M", sp_path("none")));
	expect_line(2, sp_text("replay %s --pool 3M", sp_path("none")));
	expect_line(1, sp_text("replay %s", sp_path("none")));
	expect_line(1, sp_text("replay %s", sp_path(".")));
	expect_line(1, sp_text("replay %s", sp_write_text("text", "no trace\n")));
}

sp_test(cli, the_socket_comes_from_the_environment)
{
	setenv("SHADOWCTL_SOCKET", sp_path("elsewhere"), 1);
	sp_expect(strstr(sp_err(sp_call("shadowctl", "list")), sp_path("elsewhere")), "SHADOWCTL_SOCKET is not used");
}

/* ---- daemons that misbehave */

/* shadowctl against a daemon that misbehaves in this way; what it says on standard error. */
static const char *with_odd(const char *mode, int code, const char *line)
{
	const char *odd = sp_text("%s/tests/integration/odd_daemon", sp_builddir()), *where = sp_path("odd.sock"), *err;
	struct sp_process *daemon = sp_spawn(odd, where, mode), *p;
	const char *const *list = words(sp_text("%s --socket %s --timeout 0.5", line, where));

	sp_must(10, strstr(sp_out(daemon), "ready"));
	p = call(list[0], true, list + 1);
	sp_expect(p->code == code, "%s daemon: exit code %d, not %d", mode, p->code, code);
	sp_expect_json(sp_out(p), sp_text("error.code=%d", code));
	err = sp_err(p);
	sp_reap(daemon, 20);
	return err;
}

sp_test(cli, a_daemon_of_another_version_is_named_with_both_numbers)
{
	const char *err = with_odd("version", 8, "list");

	sp_expect(sp_match(err, "speaks control protocol 42.*speaks 1"), "%s", err);
}

sp_test(cli, a_daemon_that_says_nothing)
{
	with_odd("silent", 6, "list");
}

sp_test(cli, a_daemon_that_hangs_up)
{
	with_odd("close", 4, "list");
}

sp_test(cli, a_daemon_that_answers_garbage)
{
	with_odd("garbage", 8, "list");
}

sp_test(cli, control_characters_of_a_daemon_do_not_reach_the_terminal)
{
	const char *err = with_odd("error", 1, "show x");

	for (const char *c = err; *c; c++)
		sp_assert((unsigned char)*c >= ' ' || *c == '\n', "character 0x%02x", *c);
}

sp_test(cli, a_daemon_that_answers_something_else)
{
	with_odd("other", 8, "show x");
}

/* ---- a trapd without VMs */

/* Alone in the test's folder, which is its folder of VM files too. */
static struct sp_process *lonely_trapd(void)
{
	struct sp_process *trapd = sp_spawn("trapd", "--runtime-dir", sp_path("."), "-o", sp_text("vm-dir=%s", sp_path(".")));

	setenv("SHADOWCTL_SOCKET", sp_path("."), 1);
	sp_must(10, sp_call("shadowctl", "list")->code == 0);
	return trapd;
}

static void end_well(struct sp_process *trapd)
{
	sp_signal(trapd, SIGTERM);
	sp_expect(sp_reap(trapd, 20) == 0, "SIGTERM: exit code %d of trapd", trapd->code);
	sp_expect(!sp_exists(sp_path("trapd-control.sock")), "the control socket is left behind");
}

sp_test(cli, an_empty_list_is_a_list)
{
	struct sp_process *trapd = lonely_trapd();

	expect_line(0, "list");
	expect_line(0, "list --all");
	sp_expect_json(sp_out(sp_call("shadowctl", "list", "--json")), "vms=[0]");
	end_well(trapd);
}

sp_test(cli, versions_of_all_programs)
{
	struct sp_process *trapd = lonely_trapd();

	expect_line(0, "version");
	sp_expect_json(sp_out(sp_call("shadowctl", "version", "--json")), "trapd.program=trapd", "trapd.protocol=1", "poold=null",
		       "shadowctl.protocol=1");
	end_well(trapd);
}

sp_test(cli, a_vm_that_is_not_there)
{
	static const char *const lines[] = { "show x", "screen x", "stats x", "stop x", "wait x", "start x" };
	struct sp_process *trapd = lonely_trapd();

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		expect_line(3, lines[i]);
	expect_line(4, "walk x 0x1000");
	end_well(trapd);
}

sp_test(cli, bad_files_of_vms)
{
	struct sp_process *trapd = lonely_trapd();
	const char *bad = sp_write_text("bad.conf", "imag = x\n"), *line;

	expect_line(2, "start Bad_Name");
	expect_line(2, sp_text("start x --config %s", sp_path("none.conf")));
	expect_line(2, sp_text("start x --config %s", bad));
	line = sp_err(sp_call("shadowctl", "start", "x", "--config", bad));
	sp_expect(strstr(line, "image"), "an unknown key without the nearest one: %s", line);
	expect_line(1, "start bad");
	sp_expect(sp_call("trapd", "-n", "-o", sp_text("vm-dir=%s", sp_path(".")))->code, "trapd -n does not see a bad file of a VM");
	unlink(bad);
	sp_expect(!sp_call("trapd", "-n", "-o", sp_text("vm-dir=%s", sp_path(".")))->code, "trapd -n");
	sp_write_text("noimage.conf", "image = %s\n", sp_path("none"));
	expect_line(1, "start noimage");
	end_well(trapd);
}

sp_test(cli, a_second_trapd_leaves_the_socket_to_the_first)
{
	struct sp_process *trapd = lonely_trapd(), *second = sp_call("trapd", "--runtime-dir", sp_path("."));

	sp_expect(second->code == 1 && strstr(sp_err(second), "another daemon"), "exit code %d: %s", second->code, sp_err(second));
	expect_line(0, "list");
	end_well(trapd);
}

sp_test(cli, a_stale_socket_is_taken_over)
{
	struct sp_process *trapd = lonely_trapd();

	sp_signal(trapd, SIGKILL);
	sp_reap(trapd, 20);
	expect_line(4, "list");
	end_well(lonely_trapd());
}
