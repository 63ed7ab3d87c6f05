/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl help: the table of verbs, or one verb's usage. */
#include "ctl/cmd_table.h"

static json_t *options_json(const struct cmd_option *o)
{
	json_t *list = json_array();

	for (; o && o->name; o++)
		json_array_append_new(list, json_pack("{s:s,s:s?,s:s}", "name", o->name, "argument", o->arg,
						      "help", o->help));
	return list;
}

static json_t *verb_json(const struct cmd_entry *e)
{
	return json_pack("{s:s,s:s,s:s,s:o}", "name", e->name, "arguments", e->args, "summary", e->summary,
			 "options", options_json(e->options));
}

static int run(struct cmd *cmd)
{
	const struct cmd_entry *one = cmd->nargs ? cmd_find(cmd->args[0]) : NULL;
	const struct cmd_entry *const *e;
	json_t *verbs;

	if (cmd->nargs && !one)
		return cmd_fail(cmd, CONTROL_USAGE, "see shadowctl --help", "unknown verb: %s", cmd->args[0]);
	if (!cmd->json) {
		if (one)
			cmd_usage(one);
		else
			cmd_usage_all();
		return CONTROL_DONE;
	}
	verbs = json_array();
	for (e = cmd_table; *e; e++)
		if (!one || one == *e)
			json_array_append_new(verbs, verb_json(*e));
	return cmd_json(json_pack("{s:o,s:o}", "verbs", verbs, "common_options", options_json(cmd_common_options)));
}

const struct cmd_entry cmd_help = {
	.name = "help", .args = "[VERB]", .summary = "this table, or the usage of a verb",
	.max_args = 1, .timeout_ms = -1, .run = run,
};
