/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files: "key = value", '#' comments. Each program gives a table of its keys; unknown keys are errors with
 * line and nearest key. Values from the command line go through the same table.
 */
#ifndef SHADOWPOOL_COMMON_CONF_H
#define SHADOWPOOL_COMMON_CONF_H

#include <stddef.h>
#include <stdint.h>

enum conf_type { CONF_STRING, CONF_SIZE, CONF_UINT, CONF_BOOL, CONF_ENUM };

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;			/* into the program's configuration struct: char *, uint64_t, uint64_t, bool, int */
	uint64_t min, max;		/* CONF_SIZE (bytes), CONF_UINT; max 0: no limit */
	const char *const *values;	/* CONF_ENUM: NULL-terminated names, the index is stored */
	const char *help;		/* one line, for man page and --help */
};

/*
 * Set one value. keys ends with a NULL name. Returns 0, -ENOENT (unknown key), -EINVAL (bad value), -ERANGE.
 * On error writes one line naming key, value, what is allowed (and the nearest key) into err.
 * A CONF_STRING value is duplicated; the previous one is freed.
 */
int conf_set(const struct conf_key *keys, void *config, const char *key, const char *value, char *err, size_t err_size);
/*
 * Read a file of up to 64 KiB. '#' begins a comment at the start of a line or after a blank; a value in double quotes is
 * taken as it is. A key set twice is an error. Stops at the first error: keys of earlier lines are set.
 * -ENOENT only if the file does not exist (not an error to callers with defaults), -EINVAL, -ERANGE, -EFBIG, -ENOMEM or
 * what the system answered; err names file and line.
 */
int conf_read(const struct conf_key *keys, void *config, const char *path, char *err, size_t err_size);
/* Digits and one of K, M, G, T (1024 each, either case): "256M", "1G", "4096", "4k". Returns 0 or -EINVAL/-ERANGE. */
int conf_parse_size(const char *text, uint64_t *bytes);
/* "KEY=VALUE", as -o takes it: conf_set(); -EINVAL if it has no such form. */
int conf_set_pair(const struct conf_key *keys, void *config, const char *pair, char *err, size_t err_size);
/* Replace a string of a configuration struct by a copy of value, or by DIR/NAME. 0 or -ENOMEM (unchanged). */
int conf_replace(char **where, const char *value);
int conf_replace_path(char **where, const char *dir, const char *name);
/* A line per key, for --help on stdout. */
void conf_print_keys(const struct conf_key *keys);
/* Free every CONF_STRING of config. */
void conf_free(const struct conf_key *keys, void *config);

#endif
