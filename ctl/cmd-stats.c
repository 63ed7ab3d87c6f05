/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shadowctl stats: the counters of one VM, trapd's and the pool's, as totals since it started. */
#include "ctl/cmd_table.h"
#include "ctl/daemon.h"
#include "ctl/vm_info.h"

static int run(struct cmd *cmd)
{
	Shadowpool__NameRequest name;
	Shadowpool__Request request;
	Shadowpool__Reply *reply;
	int rc;

	shadowpool__name_request__init(&name);
	shadowpool__request__init(&request);
	name.name = cmd->args[0];
	request.op_case = SHADOWPOOL__REQUEST__OP_STATS;
	request.stats = &name;
	rc = daemon_call(cmd, DAEMON_TRAPD, &request, SHADOWPOOL__REPLY__RESULT_STATS, &reply);
	if (rc)
		return rc;
	if (cmd->json)
		rc = cmd_json(stats_json(reply->stats));
	else
		stats_print(stdout, reply->stats);
	shadowpool__reply__free_unpacked(reply, NULL);
	return rc;
}

const struct cmd_entry cmd_stats = {
	.name = "stats", .args = "NAME", .summary = "counters of one VM",
	.min_args = 1, .max_args = 1, .timeout_ms = 5000, .run = run,
};
