/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command lines and configuration files of both daemons: exit codes, also those of -n, and one line that names what is wrong.
 * 2: the configuration; 1: what the start ran into.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

sp_suite(trapd_config);
sp_suite(poold_config);

/* Exit code, at most one line on standard error, and a word of that line; "" asks for none. */
static void expect(int code, const char *word, const char *const argv[])
{
	const struct sp_process *p = sp_call_argv(argv);
	const char *line = sp_err(p);

	sp_expect(p->code == code, "%s %s: exit code %d, not %d: %s", argv[0], argv[1], p->code, code, line);
	sp_expect(strstr(line, word), "%s %s: no '%s' in: %s", argv[0], argv[1], word, line);
	sp_expect(sp_count_lines(line) <= 1, "%s %s: more than one line: %s", argv[0], argv[1], line);
}

#define expect_trapd(code, word, ...) expect(code, word, (const char *const[]){ "trapd", __VA_ARGS__, NULL })
#define expect_poold(code, word, ...) expect(code, word, (const char *const[]){ "poold", __VA_ARGS__, NULL })

/* A longer path than any socket may have, in the test's folder. */
static const char *long_path(void)
{
	return sp_path(sp_text("%0120d", 0));
}

static const char *trapd_good(void)
{
	mkdir(sp_path("vm.d"), 0700);
	return sp_write_text("good",
			     "# all keys\n"
			     "control-socket = %s\n"
			     "attach-socket = %s\n"
			     "vm-dir = %s\n"
			     "log-level = debug\n"
			     "max-vms = 3\n"
			     "allow-inject = no\n", sp_path("control.sock"), sp_path("attach.sock"), sp_path("vm.d"));
}

sp_test(trapd_config, all_keys_are_known)
{
	expect_trapd(0, "", "-n", "-c", trapd_good());
}

sp_test(trapd_config, a_file_that_is_not_there_is_named)
{
	expect_trapd(2, "none", "-n", "-c", sp_path("none"));
}

sp_test(trapd_config, an_unknown_key_is_answered_with_the_nearest_and_the_line)
{
	const char *unknown = sp_write_text("unknown", "control-sockt = x\n");

	expect_trapd(2, "control-socket", "-n", "-c", unknown);
	expect_trapd(2, "unknown:1", "-n", "-c", unknown);
}

sp_test(trapd_config, bad_values_and_options_are_named)
{
	expect_trapd(2, "max-vms", "-n", "-o", "max-vms=0");
	expect_trapd(2, "KEY=VALUE", "-n", "-o", "max-vms");
	expect_trapd(2, "log-level", "-n", "-o", "log-level=loud");
	expect_trapd(2, "unknown option", "--nothing");
	expect_trapd(2, "needs a value", "-c");
	expect_trapd(2, "no arguments", "-n", "something");
	expect_trapd(2, "descriptor", "--console-in", "x");
}

sp_test(trapd_config, what_the_start_runs_into_is_named)
{
	expect_trapd(1, "descriptor", "--runtime-dir", sp_path("."), "--console-out", "77");
	expect_trapd(1, "directory does not exist", "--runtime-dir", sp_path("none"));
	expect_trapd(1, "longer than a socket address", "--runtime-dir", long_path());
}

sp_test(trapd_config, a_file_in_the_place_of_the_socket_stays)
{
	const char *file = sp_write_text("trapd-control.sock", "%s", "");

	expect_trapd(1, "no socket", "--runtime-dir", sp_path("."));
	sp_expect(sp_exists(file), "trapd removed a file that is no socket");
	unlink(file);
}

sp_test(trapd_config, files_of_vms_are_tested_and_no_others)
{
	const char *good = trapd_good();

	sp_write_text("vm.d/good.conf", "image = /x\n");
	expect_trapd(0, "", "-n", "-c", good);
	sp_write_text("vm.d/README", "nonsense\n");
	sp_write_text("vm.d/Bad_Name.conf", "nonsense\n");
	sp_write_text("vm.d/a.conf.old", "nonsense\n");
	expect_trapd(0, "", "-n", "-c", good);
}

sp_test(trapd_config, a_bad_file_of_a_vm_is_named)
{
	static const char *const bad[] = {
		"mem = 16M\n", "image =\n", "image = /x\nmem = 3G7\n", "image = /x\nmem = 4097K\npool = 64G\n",
		"image = /x\naudit = maybe\n", "image = /x\nmemory = 4M\n",
	};
	const char *good = trapd_good();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sp_write_text("vm.d/bad.conf", "%s", bad[i]);
		expect_trapd(2, "bad.conf", "-n", "-c", good);
	}
}

sp_test(poold_config, all_keys_are_known)
{
	const char *good = sp_write_text("good",
					 "# all keys\n"
					 "attach-socket = %s\n"
					 "control-socket = %s\n"
					 "log-level = debug\n"
					 "pool-pages = 4k\n"
					 "max-vm-pool = 256M\n"
					 "max-vm-ram = 8G\n"
					 "max-vms = 3\n"
					 "allow-inject = yes\n", sp_path("a.sock"), sp_path("c.sock"));

	expect_poold(0, "", "-n", "-c", good);
}

sp_test(poold_config, an_empty_file_and_options_on_top_are_fine)
{
	const char *empty = sp_write_text("empty", "%s", "");

	expect_poold(0, "", "-n", "-c", empty);
	expect_poold(0, "", "--test", "--runtime-dir", sp_path("."));
	expect_poold(0, "", "-n", "-c", empty, "-o", "max-vm-pool=64M", "-o", "log-level=error");
}

sp_test(poold_config, an_unknown_key_is_answered_with_the_nearest_and_the_file)
{
	const char *unknown = sp_write_text("unknown", "pool-page = 4k\n");

	expect_poold(2, "pool-pages", "-n", "-c", unknown);
	expect_poold(2, "unknown", "-n", "-c", unknown);
}

sp_test(poold_config, bad_values_and_options_are_named)
{
	const char *empty = sp_write_text("empty", "%s", "");

	expect_poold(2, "max-vm-pool", "-n", "-c", sp_write_text("value", "max-vm-pool = many\n"));
	expect_poold(2, "4k", "-n", "-c", sp_write_text("enum", "pool-pages = 1g\n"));
	expect_poold(2, sp_path("absent"), "-n", "-c", sp_path("absent"));
	expect_poold(2, "KEY=VALUE", "-n", "-c", empty, "-o", "max-vms");
	expect_poold(2, "max-vms", "-n", "-c", empty, "-o", "max-vms=0");
	expect_poold(2, "--frobnicate", "--frobnicate");
	expect_poold(2, "-c", "-c");
	expect_poold(2, "surplus", "-n", "-c", empty, "surplus");
}

sp_test(poold_config, what_the_start_runs_into_is_named)
{
	expect_poold(1, sp_path("nowhere"), "--runtime-dir", sp_path("nowhere"));
	expect_poold(1, "trace", "--runtime-dir", sp_path("."), "--trace", sp_path("no/trace"));
}

sp_test(poold_config, a_file_in_the_place_of_the_socket_stays)
{
	const char *file = sp_write_text("poold-attach.sock", "%s", "");

	expect_poold(1, "poold-attach.sock", "--runtime-dir", sp_path("."));
	sp_expect(sp_exists(file), "poold removed a file that is no socket");
	unlink(file);
}
