/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a verb of shadowctl is: one file with one const struct cmd_entry, one row in cmd_table.c. Usage, --help,
 * completion and the tests are generated from these entries.
 */
#ifndef SHADOWPOOL_CTL_CMD_H
#define SHADOWPOOL_CTL_CMD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/control_codes.h"

#define CMD_MAX_OPTIONS	32u	/* of one verb, the common ones included */
#define CMD_MAX_GIVEN	64u	/* options on one command line */

/* Exit codes of `run` beside the guest's own (shadowctl(1)). */
#define RUN_TIMED_OUT	124
#define RUN_FAILED	125
#define RUN_FAULT	126

struct cmd_option {
	const char *name;	/* without the dashes */
	const char *arg;	/* what the value is called in the usage; "[X]": optional; NULL: a flag */
	const char *help;	/* one line */
};

struct cmd {
	const struct cmd_entry *entry;
	bool json;
	const char *socket;			/* --socket, SHADOWCTL_SOCKET or NULL */
	bool timeout_given;
	int timeout_ms;				/* -1: none */
	int64_t deadline;			/* of the whole call, from timeout_ms; frame_deadline() */
	char *error;				/* where cmd_fail() leaves its message too; NULL: nowhere */
	size_t error_size;
	unsigned nargs;
	char **args;				/* operands */
	const char *values[CMD_MAX_OPTIONS];	/* of the verb's options, in order; NULL: not given; "" for flags */
	unsigned ngiven;			/* options as they stand on the command line, for those that may be repeated */
	struct { unsigned option; const char *value; } given[CMD_MAX_GIVEN];
};

struct cmd_entry {
	const char *name;
	const char *args;			/* operands as the usage shows them */
	const char *summary;
	const struct cmd_option *options;	/* ends with a NULL name; NULL: none beside the common ones */
	unsigned min_args, max_args;
	int timeout_ms;				/* default of --timeout; -1: none */
	int error_code;				/* of usage errors and our own failures; 0: by kind (1 to 8) */
	int (*run)(struct cmd *cmd);		/* returns the exit code */
};

extern const struct cmd_entry *const cmd_table[];	/* ends with NULL; the order of --help */
extern const struct cmd_option cmd_common_options[];

/* The entry with exactly this name, or NULL. */
const struct cmd_entry *cmd_find(const char *name);
/* Value of a verb's own option: NULL if it was not given, "" for a flag. The name must exist. */
const char *cmd_value(const struct cmd *cmd, const char *name);
/* Value of its n-th occurrence from 0, or NULL. */
const char *cmd_value_at(const struct cmd *cmd, const char *name, unsigned n);

/*
 * Parse argv[1..] of a whole command line into *cmd. Returns 0 to go on with cmd->entry->run, or -1 with *exit_code
 * when the call is already answered (usage error, --help).
 */
int cmd_parse(struct cmd *cmd, int argc, char **argv, int *exit_code);

/* Print the usage of a verb, or of the program with its table of verbs. */
void cmd_usage(const struct cmd_entry *entry);
void cmd_usage_all(void);

/* The one document of a --json call on stdout, "schema" added, keys sorted. Takes the reference. Returns 0 or 1. */
int cmd_json(json_t *object);
/* A string for JSON whatever its bytes are (invalid UTF-8 is replaced by '?'). New reference. */
json_t *cmd_json_string(const char *text);
/* "0x..." New reference. */
json_t *cmd_json_address(uint64_t address);
/* Print text from a daemon: control characters but newline and tab become '?'. */
void cmd_print(FILE *f, const char *text);

/*
 * Report an error: one line on stderr (message; hint), with --json the error object on stdout too. hint may be NULL.
 * Returns the exit code: code, or what the verb's entry says instead.
 */
int cmd_fail(const struct cmd *cmd, enum control_code code, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
