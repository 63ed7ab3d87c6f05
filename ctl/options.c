/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command line of shadowctl, driven by the entries of the verbs. Exact names only: a script must not depend on a
 * prefix.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"
#include "config.h"
#include "ctl/cmd.h"

enum common_option { OPTION_JSON, OPTION_SOCKET, OPTION_TIMEOUT, OPTION_HELP, OPTION_COMMON_COUNT };

const struct cmd_option cmd_common_options[] = {
	[OPTION_JSON] = { "json", NULL, "one JSON document on standard output" },
	[OPTION_SOCKET] = { "socket", "PATH", "control socket or runtime directory of the daemon (SHADOWCTL_SOCKET)" },
	[OPTION_TIMEOUT] = { "timeout", "SECONDS", "bound of the whole call" },
	[OPTION_HELP] = { "help", NULL, "print this" },
	[OPTION_COMMON_COUNT] = { NULL }
};

static const struct option no_options[1];

static int argument_kind(const struct cmd_option *o)
{
	if (!o->arg)
		return no_argument;
	return o->arg[0] == '[' ? optional_argument : required_argument;
}

/* getopt's table for the common options and, behind them, the verb's. */
static void build_table(const struct cmd_entry *entry, struct option *table)
{
	const struct cmd_option *o;
	unsigned n = 0;

	for (o = cmd_common_options; o->name; o++, n++)
		table[n] = (struct option){ o->name, argument_kind(o), NULL, (int)n };
	for (o = entry && entry->options ? entry->options : &cmd_common_options[OPTION_COMMON_COUNT];
	     o->name && n < CMD_MAX_OPTIONS - 1; o++, n++)
		table[n] = (struct option){ o->name, argument_kind(o), NULL, (int)n };
	table[n] = no_options[0];
}

/* The word of argv that getopt_long() has just taken as option o. */
static const char *option_word(char **argv, const struct option *o)
{
	const char *word = argv[optind - 1];

	return o->has_arg == required_argument && optarg == word ? argv[optind - 2] : word;
}

/* getopt_long() takes unambiguous prefixes; ours must be the whole name. */
static bool is_exact(const char *word, const struct option *o)
{
	size_t n = strcspn(word + 2, "=");

	return n == strlen(o->name) && !strncmp(word + 2, o->name, n);
}

static int parse_timeout(const char *text, int *ms)
{
	double seconds;
	char *end;

	errno = 0;
	seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds > 0) || seconds > 2000000)
		return -EINVAL;
	*ms = (int)(seconds * 1000);
	if (!*ms)
		*ms = 1;
	return 0;
}

static int usage_error(struct cmd *cmd, const char *what, const char *word)
{
	char hint[96];

	if (cmd->entry)
		snprintf(hint, sizeof(hint), "see shadowctl %s --help", cmd->entry->name);
	else
		snprintf(hint, sizeof(hint), "see shadowctl --help");
	return cmd_fail(cmd, CONTROL_USAGE, hint, "%s%s%s", what, word ? ": " : "", word ? word : "");
}

static int take_common(struct cmd *cmd, int option)
{
	switch (option) {
	case OPTION_JSON:
		cmd->json = true;
		return 0;
	case OPTION_SOCKET:
		cmd->socket = optarg;
		return 0;
	case OPTION_TIMEOUT:
		cmd->timeout_given = true;
		return parse_timeout(optarg, &cmd->timeout_ms);
	default:
		return 0;
	}
}

/* Options of argv up to the verb (entry NULL) or of a verb. 0, or -1 with *exit_code. */
static int take_options(struct cmd *cmd, int argc, char **argv, int *exit_code)
{
	struct option table[CMD_MAX_OPTIONS];
	int c;

	build_table(cmd->entry, table);
	opterr = 0;
	optind = 0;	/* glibc: start over, also the permutation */
	for (;;) {
		c = getopt_long(argc, argv, cmd->entry ? ":h" : "+:hV", table, NULL);
		if (c == -1)
			return 0;
		if (c == ':' || c == '?') {
			*exit_code = usage_error(cmd, c == ':' ? "option needs a value" : "unknown option",
						 argv[optind - 1]);
			return -1;
		}
		if (c == 'h' || c == OPTION_HELP) {
			cmd->entry ? cmd_usage(cmd->entry) : cmd_usage_all();
			*exit_code = 0;
			return -1;
		}
		if (c == 'V') {
			printf("shadowctl " PACKAGE_VERSION "\n");
			*exit_code = 0;
			return -1;
		}
		if (!is_exact(option_word(argv, &table[c]), &table[c])) {
			*exit_code = usage_error(cmd, "unknown option (names are not abbreviated)",
						 option_word(argv, &table[c]));
			return -1;
		}
		if (c >= OPTION_COMMON_COUNT) {
			if (cmd->ngiven == CMD_MAX_GIVEN) {
				*exit_code = usage_error(cmd, "too many options from", argv[optind - 1]);
				return -1;
			}
			cmd->values[c - OPTION_COMMON_COUNT] = optarg ? optarg : "";
			cmd->given[cmd->ngiven].option = (unsigned)c - OPTION_COMMON_COUNT;
			cmd->given[cmd->ngiven++].value = optarg ? optarg : "";
		} else if (take_common(cmd, c)) {
			*exit_code = usage_error(cmd, "--timeout takes seconds above 0, not", optarg);
			return -1;
		}
	}
}

static bool wants_json(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

int cmd_parse(struct cmd *cmd, int argc, char **argv, int *exit_code)
{
	const struct cmd_entry *entry;
	int verb;

	/* An error in an option before --json is JSON as well. */
	cmd->json = wants_json(argc, argv);
	cmd->socket = getenv("SHADOWCTL_SOCKET");
	if (take_options(cmd, argc, argv, exit_code))
		return -1;
	verb = optind;
	entry = verb < argc ? cmd_find(argv[verb]) : NULL;
	if (!entry) {
		*exit_code = usage_error(cmd, verb < argc ? "unknown verb" : "a verb is missing",
					 verb < argc ? argv[verb] : NULL);
		return -1;
	}
	cmd->entry = entry;
	if (!cmd->timeout_given)
		cmd->timeout_ms = entry->timeout_ms;
	if (take_options(cmd, argc - verb, argv + verb, exit_code))
		return -1;
	cmd->args = argv + verb + optind;
	cmd->nargs = (unsigned)(argc - verb - optind);
	if (cmd->nargs < entry->min_args || cmd->nargs > entry->max_args) {
		bool missing = cmd->nargs < entry->min_args;

		*exit_code = usage_error(cmd, missing ? "an argument is missing" : "unexpected argument",
					 missing ? NULL : cmd->args[entry->max_args]);
		return -1;
	}
	if (cmd->socket && !*cmd->socket)
		cmd->socket = NULL;
	cmd->deadline = frame_deadline(cmd->timeout_ms);
	return 0;
}

const char *cmd_value(const struct cmd *cmd, const char *name)
{
	const struct cmd_option *o;

	for (o = cmd->entry->options; o && o->name; o++)
		if (!strcmp(o->name, name))
			return cmd->values[o - cmd->entry->options];
	return NULL;
}

const char *cmd_value_at(const struct cmd *cmd, const char *name, unsigned n)
{
	unsigned i;

	for (i = 0; i < cmd->ngiven; i++)
		if (!strcmp(cmd->entry->options[cmd->given[i].option].name, name) && !n--)
			return cmd->given[i].value;
	return NULL;
}
