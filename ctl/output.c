/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What shadowctl prints: one JSON document or text on standard output, diagnostics as one line on standard error. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd.h"

#define SCHEMA	1

int cmd_json(json_t *object)
{
	int rc = 1;

	if (object && !json_object_set_new(object, "schema", json_integer(SCHEMA)) &&
	    !json_dumpf(object, stdout, JSON_SORT_KEYS | JSON_INDENT(2)) && putchar('\n') != EOF)
		rc = 0;
	json_decref(object);
	return rc;
}

json_t *cmd_json_string(const char *text)
{
	json_t *s = json_string(text);
	char *copy, *p;

	if (s)
		return s;
	copy = strdup(text);
	if (!copy)
		return NULL;
	for (p = copy; *p; p++)
		if (*p & 0x80)
			*p = '?';
	s = json_string(copy);
	free(copy);
	return s;
}

json_t *cmd_json_address(uint64_t address)
{
	return json_sprintf("0x%" PRIx64, address);
}

void cmd_print(FILE *f, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		putc((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, f);
	}
}

int cmd_fail(const struct cmd *cmd, enum control_code code, const char *hint, const char *fmt, ...)
{
	int exit_code = cmd->entry && cmd->entry->error_code ? cmd->entry->error_code : (int)code;
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (cmd->error)
		snprintf(cmd->error, cmd->error_size, "%s", message);
	fprintf(stderr, "shadowctl: ");
	cmd_print(stderr, message);
	if (hint && *hint) {
		fprintf(stderr, "; ");
		cmd_print(stderr, hint);
	}
	fprintf(stderr, "\n");
	if (cmd->json)
		cmd_json(json_pack("{s:{s:i,s:o,s:o}}", "error", "code", exit_code, "message", cmd_json_string(message),
				   "hint", cmd_json_string(hint ? hint : "")));
	return exit_code;
}
