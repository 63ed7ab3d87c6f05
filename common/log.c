/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log: each message is formatted into one buffer and leaves with one write(2), so that lines of several threads and
 * processes never mix. Every program uses it at its edge, from any thread; libraries return errors instead. Takes no lock
 * and allocates nothing. The text may contain what a guest or a peer said: it can neither break a line nor drive a terminal.
 */
#include "common/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/barrier.h"

/* A pipe takes up to PIPE_BUF (4096) bytes whole: pipe(7). */
#define LINE_MAX_BYTES 4096

/* The process edge: set by log_init() before other threads run, the level may change later. */
static const char *log_program = "shadowpool";
static bool log_to_journal;
static int log_level = LOG_LEVEL_INFO;

const char *const log_level_names[] = { "error", "warning", "info", "debug", NULL };
/* syslog(3) numbers, as sd-daemon(3) wants them in "<N>". */
static const int priorities[] = { 3, 4, 6, 7 };

#define LEVEL_COUNT ((int)(sizeof(priorities) / sizeof(priorities[0])))

/* JOURNAL_STREAM names device and inode of the stream that systemd connected; stderr may be another by now: sd-daemon(3). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_to_journal = stderr_is_journal();
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	store_relaxed(&log_level, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)load_relaxed(&log_level);
}

int log_level_parse(const char *name, enum log_level *out)
{
	int i;

	for (i = 0; i < LEVEL_COUNT; i++) {
		if (!strcmp(name, log_level_names[i])) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Control characters become '?': C0, DEL, and C1 in its UTF-8 form (C2 80 to C2 9F), which terminals obey as well. */
static void text_disarm(unsigned char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == 0xc2 && i + 1 < len && text[i + 1] >= 0x80 && text[i + 1] <= 0x9f)
			text[i] = text[i + 1] = '?';
		else if (text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	}
}

/* A log that cannot be written is lost: nobody could be told. */
static void line_write(const char *line, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(STDERR_FILENO, line, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		line += n;
		len -= (size_t)n;
	}
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t room = sizeof(line) - 1, head = 0, len;	/* 1: the newline */
	int saved_errno = errno, n;
	va_list ap;

	if ((int)level > load_relaxed(&log_level) || (int)level < 0 || (int)level >= LEVEL_COUNT)
		return;
	if (log_to_journal)
		head = (size_t)snprintf(line, room, "<%d>", priorities[level]);
	n = snprintf(line + head, room - head, "%s: %s: ", log_program, log_level_names[level]);
	len = head + (n < 0 ? 0 : (size_t)n);
	if (len < room) {
		/* Errors of the caller's last call are what "%m" means. */
		errno = saved_errno;
		va_start(ap, fmt);
		n = vsnprintf(line + len, room - len, fmt, ap);
		va_end(ap);
		len += n < 0 ? 0 : (size_t)n;
	}
	if (len >= room) {
		len = room - 1;
		memcpy(line + len - 3, "...", 3);
	}
	text_disarm((unsigned char *)line + head, len - head);
	line[len++] = '\n';
	line_write(line, len);
	errno = saved_errno;
}
