// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks one JSON document on standard input for the shell tests. Test program, one process.
 *   json_check PATH=VALUE...   exactly one document, keys sorted, "schema" 1, and each PATH (a.b.c) prints as VALUE;
 *                              VALUE * asks for nothing but existence
 *   json_check -l ARRAY KEY    print KEY of each object in ARRAY, one per line
 * Exit code 0, or 1 with a line on standard error.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *lookup(const json_t *o, const char *path)
{
	char key[128];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		o = json_is_array(o) ? json_array_get(o, strtoul(key, NULL, 10)) : json_object_get(o, key);
		path += n + (path[n] == '.');
	}
	return o;
}

static const char *text_of(const json_t *v, char *buf, size_t size)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_integer(v))
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_array(v) || json_is_object(v))
		snprintf(buf, size, "[%zu]", json_is_array(v) ? json_array_size(v) : json_object_size(v));
	else
		snprintf(buf, size, "%s", json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
	return buf;
}

/* jansson keeps the order in which keys were read. */
static int check_sorted(const json_t *v)
{
	const char *key, *last = "";
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (check_sorted(item))
			return 1;
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		if (strcmp(last, key) > 0) {
			fprintf(stderr, "json_check: key %s comes after %s\n", key, last);
			return 1;
		}
		last = key;
		if (check_sorted(item))
			return 1;
	}
	return 0;
}

static int check(const json_t *doc, const char *want)
{
	char path[256], buf[64];
	const char *eq = want + strcspn(want, "=>"), *got;
	const json_t *v;

	snprintf(path, sizeof(path), "%.*s", (int)(eq - want), want);
	v = lookup(doc, path);
	if (!v) {
		fprintf(stderr, "json_check: no %s\n", path);
		return 1;
	}
	got = text_of(v, buf, sizeof(buf));
	if (*eq == '>') {
		if (json_is_integer(v) && json_integer_value(v) > strtoll(eq + 1, NULL, 10))
			return 0;
		fprintf(stderr, "json_check: %s is %s, not above %s\n", path, got, eq + 1);
		return 1;
	}
	if (!strcmp(eq + 1, "*") || !strcmp(eq + 1, got))
		return 0;
	fprintf(stderr, "json_check: %s is %s, not %s\n", path, got, eq + 1);
	return 1;
}

static int list(const json_t *doc, const char *array, const char *key)
{
	json_t *item;
	char buf[64];
	size_t i;

	json_array_foreach(lookup(doc, array), i, item)
		puts(text_of(json_object_get(item, key), buf, sizeof(buf)));
	return 0;
}

int main(int argc, char **argv)
{
	json_error_t e;
	json_t *doc = json_loadf(stdin, JSON_REJECT_DUPLICATES, &e);
	int i, rc = 0;

	if (!doc) {
		fprintf(stderr, "json_check: line %d: %s\n", e.line, e.text);
		return 1;
	}
	if (argc == 4 && !strcmp(argv[1], "-l"))
		rc = list(doc, argv[2], argv[3]);
	else
		rc = check_sorted(doc) || check(doc, "schema=1");
	for (i = 1; !rc && i < argc && strcmp(argv[1], "-l"); i++)
		rc = strpbrk(argv[i], "=>") ? check(doc, argv[i]) : 2;
	json_decref(doc);
	return rc;
}
