/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests ask of a JSON document: shared by the harness and by json_check, which is for shell scripts. */
#ifndef SHADOWPOOL_HARNESS_JSON_CONDITIONS_H
#define SHADOWPOOL_HARNESS_JSON_CONDITIONS_H

#include <stddef.h>

struct json_t;

/*
 * Is text exactly one document, with sorted keys and "schema" 1, for which all conditions hold? See sp_json_check().
 * 0, or -1 with the first thing that is wrong in err.
 */
int json_conditions(const char *text, const char *const conditions[], char *err, size_t err_size);
/* The thing at PATH (a.b.0.c) of a document; NULL: there is none. */
const struct json_t *json_at(const struct json_t *document, const char *path);
/* A string as it is; a number, true, false, null; "[n]" of what has n members. buf is for those that are no string. */
const char *json_text(const struct json_t *value, char *buf, size_t size);

#endif
