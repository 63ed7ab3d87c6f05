/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The harness itself: what sp_check() looks for is found when it is there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/harness.h"

sp_suite(harness);

sp_test(harness, a_test_that_does_nothing_leaves_nothing)
{
	cr_assert(!sp_leftovers(0), "%s", sp_leftovers(0));
}

/* Its parent is gone, so it is nobody's but the subreaper's. */
sp_test(harness, a_process_that_is_left_is_found)
{
	struct sp_process *p = sp_call("sh", "-c", "sleep 1000 & echo $!");
	const char *left = sp_leftovers(0);

	cr_expect(left && strstr(left, sp_text("process %d:", atoi(sp_out(p)))), "%s", left);
	cr_assert(!kill(atoi(sp_out(p)), SIGKILL));
}

sp_test(harness, a_descriptor_that_is_left_is_found)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *left = sp_leftovers(0);

	cr_expect(left && strstr(left, "/dev/null"), "%s", left);
	close(fd);
}

sp_test(harness, a_socket_that_is_left_is_found)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *left;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sp_path("some.sock"));
	cr_assert(!bind(s, (struct sockaddr *)&a, sizeof(a)));
	close(s);
	left = sp_leftovers(0);
	cr_expect(left && strstr(left, "some.sock"), "%s", left);
	unlink(a.sun_path);
}

sp_test(harness, a_folder_of_a_run_that_is_left_is_found)
{
	const char *left;

	cr_assert(!mkdir(sp_path("shadowpool-x"), 0700));
	left = sp_leftovers(0);
	cr_expect(left && strstr(left, "shadowpool-x"), "%s", left);
	rmdir(sp_path("shadowpool-x"));
}

sp_test(harness, hugepages_that_are_left_are_found)
{
	const size_t size = 2u << 20;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	const char *left = NULL;

	if (page == MAP_FAILED)
		sp_skip("no free hugepages");
	*(volatile char *)page = 1;
	if (!sp_await(1, (left = sp_leftovers(0))))
		sp_say("other tests run: hugepages are not compared");
	cr_expect(!left || strstr(left, "hugepages"), "%s", left);
	munmap(page, size);
}

/* A text of its own: other tests read the same log. */
sp_test(harness, lines_of_the_kernels_log_are_found)
{
	static const char text[] = "shadowpool test: this line is read by the test that wrote it\n";
	const char *line;
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		sp_skip("the kernel's log may not be written");
	close(fd);
	line = sp_kernel_line((const char *const[]){ "no such line", "is read by the test", NULL });
	cr_expect(line && strstr(line, "that wrote it"), "%s", line);
	cr_expect_null(sp_kernel_line((const char *const[]){ "is read by the test", NULL }));
}

sp_test(harness, programs_tell_their_output_and_code)
{
	struct sp_process *p = sp_call("sh", "-c", "echo one; echo two >&2; exit 3");

	cr_expect_eq(p->code, 3);
	cr_expect_str_eq(sp_out(p), "one\n");
	cr_expect_str_eq(sp_err(p), "two\n");
	p = sp_spawn("sleep", "1000");
	cr_expect(!sp_ended(p));
	sp_signal(p, SIGTERM);
	cr_expect_eq(sp_reap(p, 10), 128 + SIGTERM);
}

sp_test(harness, a_condition_that_never_holds_is_given_up)
{
	cr_expect(!sp_await(0.02, false));
	cr_expect(sp_await(0, true));
}

sp_test(harness, texts_are_matched_line_by_line)
{
	cr_expect(sp_match("one\r\ntwo\r\n", "^two$"));
	cr_expect(!sp_match("one\ntwo\n", "^wo"));
	cr_expect_str_eq(sp_match_group("a\r\nticks: 12\r\nb", "^ticks: ([0-9]+)$"), "12");
	cr_expect_null(sp_match_group("a", "(b)"));
	cr_expect_str_eq(sp_last_line("one\r\ntwo\r\n"), "two");
	cr_expect_eq(sp_count_lines("a\nb\n"), 2);
}

sp_test(harness, json_conditions)
{
	static const char good[] = "{\"a\": {\"b\": [1, \"x\"]}, \"n\": 7, \"schema\": 1}";

	cr_expect(sp_json(good, "a.b.0=1", "a.b.1=x", "a.b=[2]", "n>6", "a=*"));
	cr_expect(!sp_json(good, "n>7"));
	cr_expect(!sp_json(good, "n=8"));
	cr_expect(!sp_json(good, "m=*"));
	cr_expect(!sp_json(good, "n"));
	cr_expect(!sp_json("{\"n\": 7, \"a\": 1, \"schema\": 1}", "a=1"), "keys are not sorted");
	cr_expect(!sp_json("{\"n\": 7}", "n=7"), "no schema");
	cr_expect(!sp_json("{} {}", "schema=1"));
}

/* Daemons without a guest need no KVM. */
sp_test(harness, private_daemons_start_are_replaced_and_end)
{
	struct sp_daemons *d = sp_daemons_start(NULL);
	pid_t first = d->poold->pid;

	cr_expect_eq(sp_list(d)->n_vms, 0);
	sp_poold_replace(d, SIGKILL);
	cr_expect_neq(d->poold->pid, first);
	sp_daemons_end(d);
	cr_expect(!sp_leftovers(0), "%s", sp_leftovers(0));
}
