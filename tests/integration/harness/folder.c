/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The private folder of a test, its files, and the texts that come out of them. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/harness_priv.h"

#define LONGEST_SOCKET	"/shadowpool-XXXXXX/poold-control.sock"
#define SOCKET_PATH_MAX	107u	/* unix(7) */

static char folder[96];
static pid_t keeper;
static int keeper_pipe = -1;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) && errno != ENOENT;
}

/* A child that waits for the end of this process, whatever its reason, and then removes the folder. */
static void __attribute__((noreturn)) keeper_main(int pipe_end)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	char c;

	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "sp-keeper");
	setsid();	/* a ^C is for the tests */
	dup2(pipe_end, 0);
	/* Above all those by which the runner sees that this test has ended. */
	close_range(1, ~0u, 0);
	while (read(0, &c, 1) < 0 && errno == EINTR)
		;
	/* A daemon that dies with the test may still make a socket. */
	for (unsigned i = 0; i < 200 && nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT; i++)
		poll(NULL, 0, 10);
	_exit(0);
}

void sp_folder_create(void)
{
	const char *base = getenv("TMPDIR");
	int p[2];

	if (!base || *base != '/' || strlen(base) + strlen("/sp.XXXXXX") + strlen(LONGEST_SOCKET) > SOCKET_PATH_MAX)
		base = "/tmp";
	snprintf(folder, sizeof(folder), "%s/sp.XXXXXX", base);
	if (!mkdtemp(folder) || pipe2(p, O_CLOEXEC))
		sp_fail("no folder %s: %s", folder, strerror(errno));
	keeper = fork();
	if (!keeper) {
		close(p[1]);
		keeper_main(p[0]);
	}
	close(p[0]);
	keeper_pipe = p[1];
	if (keeper < 0)
		sp_fail("fork: %s", strerror(errno));
}

void sp_folder_remove(void)
{
	if (keeper_pipe < 0)
		return;
	close(keeper_pipe);
	keeper_pipe = -1;
	while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
	keeper = 0;
}

const char *sp_folder(void)
{
	return folder;
}

pid_t sp_folder_keeper(void)
{
	return keeper;
}

static const char *__attribute__((format(printf, 1, 0))) text_of(const char *fmt, va_list ap)
{
	char *text;

	return vasprintf(&text, fmt, ap) < 0 ? sp_keep(NULL) : sp_keep(text);
}

const char *sp_text(const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = text_of(fmt, ap);
	va_end(ap);
	return text;
}

const char *sp_path(const char *name)
{
	return *name == '/' ? sp_text("%s", name) : sp_text("%s/%s", folder, name);
}

const char *sp_write(const char *name, const void *data, size_t size)
{
	const char *path = sp_path(name);
	FILE *f = fopen(path, "we");
	bool ok = f && fwrite(data, 1, size, f) == size;

	if (!f || fclose(f) || !ok)
		sp_fail("cannot write %s: %s", path, strerror(errno));
	return path;
}

const char *sp_write_text(const char *name, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = text_of(fmt, ap);
	va_end(ap);
	return sp_write(name, text, strlen(text));
}

const char *sp_read(const char *path, size_t *size)
{
	FILE *f = fopen(*path == '/' ? path : sp_path(path), "re");
	size_t n = 0, room = 1 << 12;
	char *text = malloc(room + 1);

	while (f && text) {
		char *more;

		n += fread(text + n, 1, room - n, f);
		if (n < room)
			break;
		room *= 4;
		more = realloc(text, room + 1);
		if (!more)
			free(text);
		text = more;
	}
	if (f)
		fclose(f);
	if (text)
		text[n] = 0;
	if (size)
		*size = n;
	return sp_keep(text);
}

bool sp_exists(const char *path)
{
	return !access(*path == '/' ? path : sp_path(path), F_OK);
}

/* The groups of the first line that matches. */
static bool match(const char *text, const char *regex, regmatch_t groups[2])
{
	char *lines = strdup(text), *to = lines;
	char err[128];
	regex_t r;
	int rc;

	if (!lines)
		sp_keep(NULL);
	/* Offsets are into the text without its carriage returns, which sp_match_group() has to count again. */
	for (const char *from = text; *from; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = 0;
	rc = regcomp(&r, regex, REG_EXTENDED | REG_NEWLINE);
	if (rc) {
		regerror(rc, &r, err, sizeof(err));
		free(lines);
		sp_fail("regular expression %s: %s", regex, err);
	}
	rc = regexec(&r, lines, 2, groups, 0);
	regfree(&r);
	free(lines);
	return !rc;
}

bool sp_match(const char *text, const char *regex)
{
	regmatch_t groups[2];

	return match(text, regex, groups);
}

const char *sp_match_group(const char *text, const char *regex)
{
	regmatch_t groups[2];
	char *group, *to;
	regoff_t at = 0;

	if (!match(text, regex, groups) || groups[1].rm_so < 0)
		return NULL;
	group = to = sp_new((size_t)(groups[1].rm_eo - groups[1].rm_so) + 1);
	for (; *text && at < groups[1].rm_eo; text++) {
		if (*text == '\r')
			continue;
		if (at++ >= groups[1].rm_so)
			*to++ = *text;
	}
	return group;
}

const char *sp_last_line(const char *text)
{
	size_t end = strlen(text), begin;

	while (end && (text[end - 1] == '\n' || text[end - 1] == '\r'))
		end--;
	for (begin = end; begin && text[begin - 1] != '\n'; begin--)
		;
	return sp_text("%.*s", (int)(end - begin), text + begin);
}

unsigned sp_count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

const char *sp_builddir(void)
{
	const char *dir = getenv("top_builddir");

	return dir ? dir : ".";
}

const char *sp_srcdir(void)
{
	const char *dir = getenv("top_srcdir");

	return dir ? dir : ".";
}

const char *sp_image(const char *name)
{
	return strchr(name, '/') ? sp_text("%s", name) : sp_text("%s/tests/guests/%s.elf", sp_builddir(), name);
}
