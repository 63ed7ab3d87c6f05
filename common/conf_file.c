/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files: "key = value" lines. Read whole and bounded, then cut into lines; the file may be anything that a path
 * can name. Any process, at start-up and at reload, one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf_priv.h"

#define FILE_BYTES_MAX (64u << 10)	/* a configuration of ours has some thousand bytes */

/* Up to FILE_BYTES_MAX + 1 bytes, so that too many can be told from just enough. */
static ssize_t fd_read_all(int fd, char *buf)
{
	size_t len = 0;
	ssize_t n;

	while (len <= FILE_BYTES_MAX) {
		n = read(fd, buf + len, FILE_BYTES_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* *text gets the file with a 0 byte appended, the caller's to free; returns its length. */
static ssize_t file_load(const char *path, char **text, char *err, size_t err_size)
{
	struct stat st;
	char *buf;
	ssize_t len;
	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

	if (fd < 0) {
		rc = -errno;
		return conf_error(rc, err, err_size, "%s: cannot open: %s", path, strerror(-rc));
	}
	buf = malloc(FILE_BYTES_MAX + 2);
	if (!buf) {
		len = conf_error(-ENOMEM, err, err_size, "%s: out of memory", path);
	} else if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) {
		/* Character devices pass for the sake of /dev/null. */
		len = conf_error(-EINVAL, err, err_size, "%s: not a regular file", path);
	} else {
		len = fd_read_all(fd, buf);
		if (len < 0)
			conf_error((int)len, err, err_size, "%s: cannot read: %s", path, strerror((int)-len));
		else if (len > (ssize_t)FILE_BYTES_MAX)
			len = conf_error(-EFBIG, err, err_size, "%s: longer than %u bytes, not a configuration file",
					 path, FILE_BYTES_MAX);
	}
	close(fd);
	if (len < 0) {
		free(buf);
		return len;
	}
	buf[len] = 0;
	*text = buf;
	return len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *skip_blanks(char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

static void cut_blanks(char *start, char *end)
{
	while (end > start && is_blank(end[-1]))
		end--;
	*end = 0;
}

/* '#' begins a comment at the start of a line and after a blank. */
static char *find_comment(char *start)
{
	char *p;

	for (p = start; *p; p++)
		if (*p == '#' && (p == start || is_blank(p[-1])))
			break;
	return p;
}

/*
 * Cut the value out of what follows '='. In double quotes everything stands for itself, '#' and outer blanks too; there
 * are no escapes. NULL: the quotes do not match.
 */
static char *cut_value(char *p)
{
	char *end;

	p = skip_blanks(p);
	if (*p != '"') {
		cut_blanks(p, find_comment(p));
		return p;
	}
	end = strchr(++p, '"');
	if (!end)
		return NULL;
	*end++ = 0;
	end = skip_blanks(end);
	return *end && *end != '#' ? NULL : p;
}

/*
 * Apply one line, which is cut up. lines[] has the line that set each key, 0 if none. The error has no place yet.
 */
static int line_apply(const struct conf_key *keys, void *config, char *line, unsigned number, unsigned *lines,
		      char *err, size_t err_size)
{
	const struct conf_key *k;
	char *name = skip_blanks(line), *equals, *value;
	int rc;

	if (!*name || *name == '#')
		return 0;
	equals = strchr(name, '=');
	if (!equals)
		return conf_error(-EINVAL, err, err_size, "'%.64s' is not 'key = value'", name);
	*equals = 0;
	cut_blanks(name, equals);
	value = cut_value(equals + 1);
	if (!value)
		return conf_error(-EINVAL, err, err_size, "%.64s: a value in double quotes must end with one, and nothing "
				  "may follow it", name);
	k = conf_find(keys, name);
	if (k && lines[k - keys])
		return conf_error(-EINVAL, err, err_size, "%s is set twice, first in line %u", name, lines[k - keys]);
	rc = conf_set(keys, config, name, value, err, err_size);
	if (!rc)
		lines[k - keys] = number;
	return rc;
}

/* Every line of text; an error gets file and line put before it. */
static int text_apply(const struct conf_key *keys, void *config, const char *path, char *text, size_t len, unsigned *lines,
		      char *err, size_t err_size)
{
	char *line = text, *end, *stop = text + len, why[512] = "";
	unsigned number;
	int rc;

	for (number = 1; line < stop; number++, line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		if (!end)
			end = stop;
		*end = 0;
		if (strlen(line) != (size_t)(end - line))
			rc = conf_error(-EINVAL, why, sizeof(why), "a 0 byte, this is not a text file");
		else
			rc = line_apply(keys, config, line, number, lines, why, sizeof(why));
		if (rc) {
			/* A missing file is -ENOENT, and callers may forgive it; an unknown key is not forgiven. */
			rc = rc == -ENOENT ? -EINVAL : rc;
			return conf_error(rc, err, err_size, "%s:%u: %s", path, number, why);
		}
	}
	return 0;
}

int conf_read(const struct conf_key *keys, void *config, const char *path, char *err, size_t err_size)
{
	const struct conf_key *k = keys;
	unsigned *lines;
	char *text = NULL;
	ssize_t len;
	int rc;

	len = file_load(path, &text, err, err_size);
	if (len < 0)
		return (int)len;
	while (k->name)
		k++;
	lines = calloc((size_t)(k - keys) + 1, sizeof(*lines));
	if (lines)
		rc = text_apply(keys, config, path, text, (size_t)len, lines, err, err_size);
	else
		rc = conf_error(-ENOMEM, err, err_size, "%s: out of memory", path);
	free(lines);
	free(text);
	return rc;
}
