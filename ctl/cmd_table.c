/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of shadowctl in the order of --help. A verb is one file and one row here. */
#include "ctl/cmd_table.h"

#include <stddef.h>
#include <string.h>

#include "ctl/cmd.h"

const struct cmd_entry *const cmd_table[] = {
	&cmd_run,
	&cmd_start,
	&cmd_stop,
	&cmd_wait,
	&cmd_list,
	&cmd_show,
	&cmd_screen,
	&cmd_stats,
	&cmd_walk,
	&cmd_pool,
	&cmd_verify,
	&cmd_flush,
	&cmd_cache,
	&cmd_trace,
	&cmd_replay,
	&cmd_version,
	&cmd_completion,
	&cmd_help,
	NULL
};

const struct cmd_entry *cmd_find(const char *name)
{
	const struct cmd_entry *const *e;

	for (e = cmd_table; *e; e++)
		if (!strcmp((*e)->name, name))
			return *e;
	return NULL;
}
