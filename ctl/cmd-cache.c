/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl cache: does the pool of a running VM keep tables that nothing leads to? */
#include <inttypes.h>
#include <string.h>

#include "ctl/cmd_call.h"
#include "ctl/cmd_table.h"

static json_t *cache_json(const Shadowpool__Reply *reply)
{
	return json_pack("{s:I,s:I}", "tables", (json_int_t)reply->flush->tables, "entries", (json_int_t)reply->flush->entries);
}

static void cache_text(const Shadowpool__Reply *reply)
{
	if (reply->flush->tables)
		printf("%" PRIu64 " tables that nothing led to went\n", reply->flush->tables);
}

static const struct cmd_call cache_call = {
	.daemon = DAEMON_POOLD, .want = SHADOWPOOL__REPLY__RESULT_FLUSH, .json = cache_json, .text = cache_text,
};

static int run(struct cmd *cmd)
{
	bool on = !strcmp(cmd->args[1], "on");
	struct vm_request r;

	if (!on && strcmp(cmd->args[1], "off"))
		return cmd_fail(cmd, CONTROL_USAGE, "give on or off", "the cache is neither on nor off: %s", cmd->args[1]);
	return cmd_call_send(cmd, &cache_call, vm_request_cache(&r, cmd->args[0], on));
}

const struct cmd_entry cmd_cache = {
	.name = "cache", .args = "NAME on|off", .summary = "keep tables that nothing leads to, or let them go at once",
	.min_args = 2, .max_args = 2, .timeout_ms = 20000, .run = run,
};
