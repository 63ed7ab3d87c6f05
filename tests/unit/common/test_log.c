/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log's lines as another program reads them: stderr is a pipe here. Each test runs in a process of its own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/log.h"

static int pipe_fd[2], old_stderr;

static void setup(void)
{
	cr_assert_eq(pipe(pipe_fd), 0);
	old_stderr = dup(STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	dup2(pipe_fd[1], STDERR_FILENO);
	close(pipe_fd[1]);
	log_init("prog", LOG_LEVEL_INFO);
}

/* All that was logged; gives stderr back first, or a failing test would be mute. */
static const char *logged(void)
{
	static char text[1 << 16];
	size_t len = 0;
	ssize_t n;

	dup2(old_stderr, STDERR_FILENO);
	while ((n = read(pipe_fd[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = 0;
	return text;
}

TestSuite(log, .init = setup);

Test(log, one_line_with_program_and_level)
{
	log_error("no %s for %d", "pool", 7);
	log_warning("w");
	log_info("i");
	log_debug("not shown");
	cr_assert_str_eq(logged(), "prog: error: no pool for 7\nprog: warning: w\nprog: info: i\n");
}

Test(log, level_can_change)
{
	enum log_level level;

	cr_assert_eq(log_level_parse("debug", &level), 0);
	log_set_level(level);
	cr_assert_eq(log_get_level(), LOG_LEVEL_DEBUG);
	log_debug("shown");
	cr_assert_eq(log_level_parse("error", &level), 0);
	log_set_level(level);
	log_warning("hidden");
	cr_assert_str_eq(logged(), "prog: debug: shown\n");
	cr_assert_eq(log_level_parse("ERROR", &level), -EINVAL);
	cr_assert_eq(log_level_parse("", &level), -EINVAL);
	cr_assert_eq(level, LOG_LEVEL_ERROR);
}

Test(log, hostile_text_cannot_break_a_line)
{
	log_info("%s", "a\nprog: error: forged\r\033[2J\x7f\xc2\x9b" "31m \xc3\xa4");
	cr_assert_str_eq(logged(), "prog: info: a?prog: error: forged??[2J???31m \xc3\xa4\n");
}

Test(log, journal_gets_the_priority)
{
	char stream[64];
	struct stat st;

	cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("prog", LOG_LEVEL_DEBUG);
	log_error("e");
	log_debug("d");
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_init("prog", LOG_LEVEL_DEBUG);
	log_error("stderr is another file");
	setenv("JOURNAL_STREAM", "junk", 1);
	log_init("prog", LOG_LEVEL_DEBUG);
	log_error("junk");
	cr_assert_str_eq(logged(), "<3>prog: error: e\n<7>prog: debug: d\nprog: error: stderr is another file\n"
			 "prog: error: junk\n");
}

Test(log, long_text_is_cut_and_marked)
{
	static char big[10000];
	const char *text;

	memset(big, 'x', sizeof(big) - 1);
	log_info("%s", big);
	text = logged();
	cr_assert_lt(strlen(text), 4097);
	cr_assert_str_eq(text + strlen(text) - 5, "x...\n");
}

Test(log, errno_survives_and_serves_m)
{
	errno = ENOENT;
	log_info("%m");
	cr_assert_eq(errno, ENOENT);
	cr_assert_str_eq(logged(), "prog: info: No such file or directory\n");
}

static void *log_many(void *arg)
{
	for (unsigned i = 0; i < 200; i++)
		log_info("thread %c%c%c%c says this", *(char *)arg, *(char *)arg, *(char *)arg, *(char *)arg);
	return NULL;
}

Test(log, lines_of_threads_stay_whole)
{
	static char name[] = "ABCD";
	pthread_t thread[4];
	unsigned lines = 0;
	char *line, *save, *text;

	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, log_many, &name[i]), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	text = strdup(logged());
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char want[64], c = line[strlen("prog: info: thread ")];

		snprintf(want, sizeof(want), "prog: info: thread %c%c%c%c says this", c, c, c, c);
		cr_assert_str_eq(line, want);
		lines++;
	}
	cr_assert_eq(lines, 800);
	free(text);
}
