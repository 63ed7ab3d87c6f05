/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of configuration keys: one row of a table per type. Files are read by conf_file.c, command lines by the programs;
 * both come here. Any process, at start-up and at reload, one thread; writes only the caller's struct and error line.
 */
#include "common/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_priv.h"

#define KEY_LEN_MAX 64		/* longer ones are no typing errors of a key of ours */

int conf_error(int rc, char *err, size_t err_size, const char *fmt, ...)
{
	va_list ap;
	size_t i;

	if (!err_size)
		return rc;
	va_start(ap, fmt);
	vsnprintf(err, err_size, fmt, ap);
	va_end(ap);
	/* Text of the file is quoted in it: no line breaks, nothing that drives a terminal. */
	for (i = 0; err[i]; i++)
		if ((unsigned char)err[i] < 0x20 || err[i] == 0x7f)
			err[i] = '?';
	return rc;
}

int conf_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kmgt";
	uint64_t n = 0;
	const char *p, *unit;
	unsigned shift = 0;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (unsigned)(*p - '0'), &n))
			return -ERANGE;
	}
	if (p == text)
		return -EINVAL;
	if (*p) {
		unit = strchr(units, *p | 0x20);
		if (!unit || p[1])
			return -EINVAL;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = n << shift;
	return 0;
}

/* Decimal, or hexadecimal after 0x. No sign, no spaces. */
static int parse_uint(const char *text, uint64_t *out)
{
	unsigned base = 10, digit;
	uint64_t n = 0;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (!*p)
		return -EINVAL;
	for (; *p; p++) {
		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			digit = (unsigned)((*p | 0x20) - 'a' + 10);
		else
			return -EINVAL;
		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
			return -ERANGE;
	}
	*out = n;
	return 0;
}

static const struct {
	const char *name;
	bool value;
} bool_names[] = {
	{ "yes", true }, { "no", false }, { "true", true }, { "false", false },
	{ "on", true }, { "off", false }, { "1", true }, { "0", false },
};

static int set_string(const struct conf_key *key, void *field, const char *value)
{
	char **slot = field, *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

static int set_ranged(const struct conf_key *key, void *field, uint64_t n)
{
	if (n < key->min || (key->max && n > key->max))
		return -ERANGE;
	*(uint64_t *)field = n;
	return 0;
}

static int set_size(const struct conf_key *key, void *field, const char *value)
{
	uint64_t n;
	int rc = conf_parse_size(value, &n);

	return rc ? rc : set_ranged(key, field, n);
}

static int set_uint(const struct conf_key *key, void *field, const char *value)
{
	uint64_t n;
	int rc = parse_uint(value, &n);

	return rc ? rc : set_ranged(key, field, n);
}

static int set_bool(const struct conf_key *key, void *field, const char *value)
{
	size_t i;

	for (i = 0; i < sizeof(bool_names) / sizeof(bool_names[0]); i++) {
		if (!strcmp(value, bool_names[i].name)) {
			*(bool *)field = bool_names[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_enum(const struct conf_key *key, void *field, const char *value)
{
	int i;

	for (i = 0; key->values[i]; i++) {
		if (!strcmp(value, key->values[i])) {
			*(int *)field = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A number in the largest unit that divides it: "256M". */
static void number_text(uint64_t n, bool size, char *out, size_t out_size)
{
	static const char units[] = " KMGT";
	unsigned unit = 0;

	while (size && n && !(n & 1023) && unit < 4) {
		n >>= 10;
		unit++;
	}
	snprintf(out, out_size, unit ? "%llu%c" : "%llu", (unsigned long long)n, units[unit]);
}

static void allow_number(const struct conf_key *key, char *out, size_t out_size)
{
	bool size = key->type == CONF_SIZE;
	const char *what = size ? "a size such as 256M" : "a number";
	char min[32], max[32];

	number_text(key->min, size, min, sizeof(min));
	number_text(key->max, size, max, sizeof(max));
	if (key->max)
		snprintf(out, out_size, "%s, from %s to %s", what, min, max);
	else
		snprintf(out, out_size, key->min ? "%s, at least %s" : "%s", what, min);
}

static void allow_bool(const struct conf_key *key, char *out, size_t out_size)
{
	snprintf(out, out_size, "yes or no");
}

static void allow_enum(const struct conf_key *key, char *out, size_t out_size)
{
	size_t len = 0;
	int i, n;

	for (i = 0; key->values[i] && len < out_size; i++) {
		n = snprintf(out + len, out_size - len, "%s%s", i ? ", " : "one of ", key->values[i]);
		len += n < 0 ? 0 : (size_t)n;
	}
}

static void allow_text(const struct conf_key *key, char *out, size_t out_size)
{
	snprintf(out, out_size, "text");
}

static const struct {
	int (*set)(const struct conf_key *key, void *field, const char *value);
	void (*allow)(const struct conf_key *key, char *out, size_t out_size);	/* says what is allowed */
} types[] = {
	[CONF_STRING] = { set_string, allow_text },
	[CONF_SIZE] = { set_size, allow_number },
	[CONF_UINT] = { set_uint, allow_number },
	[CONF_BOOL] = { set_bool, allow_bool },
	[CONF_ENUM] = { set_enum, allow_enum },
};

/* Levenshtein distance of two names of at most KEY_LEN_MAX characters. */
static unsigned edit_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j;
	unsigned row[KEY_LEN_MAX + 1], diagonal, cost, best;

	for (j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			cost = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			row[j] = cost < best ? cost : best;
		}
	}
	return row[lb];
}

/* The key that was probably meant, or NULL: at most a third of it mistyped, two letters in any case. */
static const char *nearest_key(const struct conf_key *keys, const char *name)
{
	const char *best = NULL;
	unsigned least = KEY_LEN_MAX, distance, limit;

	if (strlen(name) > KEY_LEN_MAX)
		return NULL;
	for (; keys->name; keys++) {
		if (strlen(keys->name) > KEY_LEN_MAX)
			continue;
		distance = edit_distance(name, keys->name);
		limit = strlen(keys->name) > 8 ? (unsigned)strlen(keys->name) / 3 : 2;
		/* All letters of a short key may differ within the limit: then nothing is near. */
		if (distance <= limit && distance < strlen(keys->name) && distance < least) {
			least = distance;
			best = keys->name;
		}
	}
	return best;
}

const struct conf_key *conf_find(const struct conf_key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

int conf_set(const struct conf_key *keys, void *config, const char *key, const char *value, char *err, size_t err_size)
{
	const struct conf_key *k = conf_find(keys, key);
	const char *near;
	char allowed[256] = "";
	int rc;

	if (!k) {
		near = nearest_key(keys, key);
		if (near)
			return conf_error(-ENOENT, err, err_size, "unknown key '%.64s', did you mean '%s'?", key, near);
		return conf_error(-ENOENT, err, err_size, "unknown key '%.64s'", key);
	}
	rc = types[k->type].set(k, (char *)config + k->offset, value);
	if (rc == -ENOMEM)
		return conf_error(rc, err, err_size, "%s: out of memory", k->name);
	if (rc) {
		types[k->type].allow(k, allowed, sizeof(allowed));
		return conf_error(rc, err, err_size, "%s: '%.64s' is %s; allowed is %s", k->name, value,
				  rc == -ERANGE ? "out of range" : "not valid", allowed);
	}
	return 0;
}

void conf_free(const struct conf_key *keys, void *config)
{
	char **slot;

	for (; keys->name; keys++) {
		if (keys->type != CONF_STRING)
			continue;
		slot = (char **)(void *)((char *)config + keys->offset);
		free(*slot);
		*slot = NULL;
	}
}
