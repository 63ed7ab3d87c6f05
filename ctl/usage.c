/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Usage texts, generated from the entries of the verbs. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"

#define COLUMN	30

static void print_options(const struct cmd_option *o)
{
	for (; o && o->name; o++) {
		int n;

		if (!o->arg)
			n = printf("  --%s", o->name);
		else if (o->arg[0] == '[')
			n = printf("  --%s[=%.*s]", o->name, (int)strlen(o->arg) - 2, o->arg + 1);
		else
			n = printf("  --%s %s", o->name, o->arg);
		printf("%*s%s\n", n < COLUMN - 1 ? COLUMN - n : 1, "", o->help);
	}
}

void cmd_usage(const struct cmd_entry *entry)
{
	printf("usage: shadowctl %s [options]%s%s\n%s\n", entry->name, *entry->args ? " " : "", entry->args,
	       entry->summary);
	if (entry->options) {
		printf("options:\n");
		print_options(entry->options);
	}
	printf("common options:\n");
	print_options(cmd_common_options);
}

void cmd_usage_all(void)
{
	const struct cmd_entry *const *e;

	printf("usage: shadowctl [common options] VERB [options] [arguments]\nverbs:\n");
	for (e = cmd_table; *e; e++) {
		int n = printf("  %s %s", (*e)->name, (*e)->args);

		printf("%*s%s\n", n < COLUMN - 1 ? COLUMN - n : 1, "", (*e)->summary);
	}
	printf("common options:\n");
	print_options(cmd_common_options);
	printf("shadowctl VERB --help tells the options of a verb; exit codes are in shadowctl(1)\n");
}
