/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry per verb, each defined in ctl/cmd-<verb>.c. Only cmd_table.c needs this list. */
#ifndef SHADOWPOOL_CTL_CMD_TABLE_H
#define SHADOWPOOL_CTL_CMD_TABLE_H

#include "ctl/cmd.h"

extern const struct cmd_entry cmd_replay;
extern const struct cmd_entry cmd_run;
extern const struct cmd_entry cmd_start;
extern const struct cmd_entry cmd_stop;
extern const struct cmd_entry cmd_wait;
extern const struct cmd_entry cmd_list;
extern const struct cmd_entry cmd_show;
extern const struct cmd_entry cmd_screen;
extern const struct cmd_entry cmd_stats;
extern const struct cmd_entry cmd_walk;
extern const struct cmd_entry cmd_pool;
extern const struct cmd_entry cmd_verify;
extern const struct cmd_entry cmd_flush;
extern const struct cmd_entry cmd_cache;
extern const struct cmd_entry cmd_trace;
extern const struct cmd_entry cmd_version;
extern const struct cmd_entry cmd_completion;
extern const struct cmd_entry cmd_help;

#endif
