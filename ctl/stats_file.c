/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of a file that `run --stats` wrote, see stats_file.h. */
#include "ctl/stats_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/durations.h"

#define COLUMNS	2	/* 100 characters wide */

/* The file may be anybody's: only what looks like a counter's name reaches the terminal. */
static bool is_name(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

/* Counters that are 0 say nothing to a reader; --json has them. */
static size_t collect(const json_t *counters, const char **names, json_int_t *values, size_t max)
{
	const char *name;
	json_t *v;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)counters, name, v)
		if (n < max && is_name(name) && json_is_integer(v) && json_integer_value(v)) {
			names[n] = name;
			values[n++] = json_integer_value(v);
		}
	return n;
}

static int print_table(FILE *f, const char *title, const json_t *counters)
{
	size_t max = json_object_size(counters), n, rows, row, i;
	json_int_t *values = calloc(max + 1, sizeof(*values));
	const char **names = calloc(max + 1, sizeof(*names));

	if (!values || !names) {
		free(values);
		free(names);
		return -1;
	}
	n = collect(counters, names, values, max);
	rows = (n + COLUMNS - 1) / COLUMNS;
	fprintf(f, "%s\n", title);
	for (row = 0; row < rows; row++) {
		for (i = row; i < n; i += rows) {
			fputs(i == row ? "  " : "    ", f);
			fprintf(f, "%-28.28s %16" JSON_INTEGER_FORMAT, names[i], values[i]);
		}
		fputc('\n', f);
	}
	if (n < max)
		fprintf(f, "  (%zu more are 0)\n", max - n);
	free(values);
	free(names);
	return 0;
}

json_t *stats_file_load(const char *path, char *err, size_t err_size)
{
	json_error_t e;
	json_t *doc = json_load_file(path, JSON_REJECT_DUPLICATES, &e);

	if (!doc)
		snprintf(err, err_size, "line %d: %s", e.line, e.text);
	else if (!json_is_object(json_object_get(doc, "pool")) || !json_is_object(json_object_get(doc, "trapd"))) {
		snprintf(err, err_size, "no counters in it");
		json_decref(doc);
		doc = NULL;
	}
	return doc;
}

int stats_file_print(FILE *f, const json_t *doc)
{
	const char *pages = json_string_value(json_object_get(doc, "pool_page_size"));
	char title[64];

	snprintf(title, sizeof(title), "shadow page pool, in pages of %s",
		 pages && is_name(pages) ? pages : "unknown size");
	if (print_table(f, title, json_object_get(doc, "pool")))
		return -1;
	if (print_table(f, "trapd", json_object_get(doc, "trapd")))
		return -1;
	durations_print(f, json_object_get(doc, "durations"));
	return 0;
}
