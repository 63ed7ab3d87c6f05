/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See json_conditions.h. */
#include "tests/integration/harness/json_conditions.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const json_t *json_at(const json_t *o, const char *path)
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

const char *json_text(const json_t *v, char *buf, size_t size)
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
static int check_sorted(const json_t *v, char *err, size_t err_size)
{
	const char *key, *last = "";
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (check_sorted(item, err, err_size))
			return -1;
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		if (strcmp(last, key) > 0) {
			snprintf(err, err_size, "key %s comes after %s", key, last);
			return -1;
		}
		last = key;
		if (check_sorted(item, err, err_size))
			return -1;
	}
	return 0;
}

static int check(const json_t *document, const char *condition, char *err, size_t err_size)
{
	const char *relation = condition + strcspn(condition, "=>"), *got;
	char path[256], buf[64];
	const json_t *v;

	snprintf(path, sizeof(path), "%.*s", (int)(relation - condition), condition);
	v = json_at(document, path);
	if (!v || !*relation) {
		snprintf(err, err_size, v ? "%s is no condition" : "no %s", path);
		return -1;
	}
	got = json_text(v, buf, sizeof(buf));
	if (*relation == '>') {
		if (json_is_integer(v) && json_integer_value(v) > strtoll(relation + 1, NULL, 10))
			return 0;
		snprintf(err, err_size, "%s is %s, not above %s", path, got, relation + 1);
		return -1;
	}
	if (!strcmp(relation + 1, "*") || !strcmp(relation + 1, got))
		return 0;
	snprintf(err, err_size, "%s is %s, not %s", path, got, relation + 1);
	return -1;
}

int json_conditions(const char *text, const char *const conditions[], char *err, size_t err_size)
{
	json_error_t e;
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &e);
	int rc;

	if (!document) {
		snprintf(err, err_size, "line %d: %s", e.line, e.text);
		return -1;
	}
	rc = check_sorted(document, err, err_size);
	if (!rc)
		rc = check(document, "schema=1", err, err_size);
	for (; !rc && *conditions; conditions++)
		rc = check(document, *conditions, err, err_size);
	json_decref(document);
	return rc;
}
